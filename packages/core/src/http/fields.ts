/** Reading and changing header fields as they came over the wire (RFC 9110 §5). Knows no field by name. */
import type { RawHeaders } from "../base/exchange.js";

/** The value of every field line of that name, in order; `name` is lower-case.
 * @example fieldLines(["Vary", "Accept", "vary", "Cookie"], "vary") // ["Accept", "Cookie"] */
export function fieldLines(raw: RawHeaders, name: string): string[] {
  const lines: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if (isNamed(raw[index]!, name)) lines.push(raw[index + 1]!);
  }
  return lines;
}

/** The combined value (RFC 9110 §5.2): every line of that name, joined with ", "; `undefined` when there is none. */
export function fieldValue(raw: RawHeaders, name: string): string | undefined {
  let value: string | undefined;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if (isNamed(raw[index]!, name)) value = value === undefined ? raw[index + 1]! : `${value}, ${raw[index + 1]!}`;
  }
  return value;
}

export function hasField(raw: RawHeaders, name: string): boolean {
  for (let index = 0; index + 1 < raw.length; index += 2) if (isNamed(raw[index]!, name)) return true;
  return false;
}

/** The members of a list-based field (RFC 9110 §5.6.1) over all its lines: trimmed, empty ones dropped. Commas inside
 * quoted strings do not split.
 * @example listMembers(['a, b="1, 2"', "c"]) // ["a", 'b="1, 2"', "c"] */
export function listMembers(lines: readonly string[]): string[] {
  return lines.flatMap((line) => splitMembers(line)).filter((member) => member !== "");
}

/** One line at its commas, trimmed, empty members kept. A quoted string that never ends swallows the rest of its own
 * line, never the next one. */
export function splitMembers(line: string): string[] {
  const members: string[] = [];
  let start = 0;
  let quoted = false;
  for (let index = 0; index < line.length; index++) {
    const code = line.charCodeAt(index);
    if (code === DOUBLE_QUOTE) quoted = !quoted;
    else if (code === BACKSLASH && quoted) index++;
    else if (code === COMMA && !quoted) {
      members.push(trimmed(line.slice(start, index)));
      start = index + 1;
    }
  }
  members.push(trimmed(line.slice(start)));
  return members;
}

/** Without optional white space (OWS, RFC 9110 §5.6.3) at either end: spaces and tabs, not the other characters that
 * `trim()` takes. */
export function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isWhiteSpace(text.charCodeAt(start))) start++;
  while (end > start && isWhiteSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** A copy without the fields of those (lower-case) names. */
export function withoutFields(raw: RawHeaders, names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if (!names.has(raw[index]!.toLowerCase())) kept.push(raw[index]!, raw[index + 1]!);
  }
  return kept;
}

/** A copy in which that field has that one value: where it first stood, its other lines dropped, or at the end. */
export function withField(raw: RawHeaders, name: string, value: string): string[] {
  const wanted = name.toLowerCase();
  const copy: string[] = [];
  let placed = false;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if (!isNamed(raw[index]!, wanted)) copy.push(raw[index]!, raw[index + 1]!);
    else if (!placed) {
      copy.push(name, value);
      placed = true;
    }
  }
  if (!placed) copy.push(name, value);
  return copy;
}

const DOUBLE_QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;

// Most names already differ in length: cheaper to compare than a lower-case copy of each.
function isNamed(name: string, wanted: string): boolean {
  return name.length === wanted.length && (name === wanted || name.toLowerCase() === wanted);
}

function isWhiteSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** What every greater number of seconds means: so long that it need not be distinguished from forever. */
export const MAX_DELTA_SECONDS = 2 ** 31;

/** Delta-seconds (RFC 9111 §1.2.2), or `undefined` when the value is anything but digits. Greater values become 2³¹.
 * @example deltaSeconds("003600") // 3600 */
export function deltaSeconds(value: string): number | undefined {
  if (!/^[0-9]+$/.test(value)) return undefined;
  return Math.min(Number(value), MAX_DELTA_SECONDS);
}
