/** Which request fields select a stored response (RFC 9110 §12.5.5, RFC 9111 §4.1), and when two values of one mean
 * the same. */
import type { RawHeaders } from "../base/exchange.js";
import { fieldLines, listMembers, splitMembers, trimmed } from "./fields.js";

/** The field names in `Vary`, lower-case, sorted, unique; "*" when any member is, wherever it stands.
 * @param lines the value of every `Vary` field line
 * @example varyFields(["Accept-Language, Accept", "accept"]) // ["accept", "accept-language"] */
export function varyFields(lines: readonly string[]): readonly string[] | "*" {
  if (lines.length === 0) return NONE;
  const names = listMembers(lines).map((name) => name.toLowerCase());
  // A member that is no field name could mean anything: it never matches.
  if (names.some((name) => name === "*" || !TOKEN.test(name))) return "*";
  return [...new Set(names)].sort();
}

/** A response's `Vary` with more fields named; `undefined` when it names them already. Selectors that are not field
 * names are left out of it. */
export function varyWith(raw: RawHeaders, fields: readonly string[]): string | undefined {
  if (fields.length === 0) return undefined;
  const lines = fieldLines(raw, "vary");
  const named = varyFields(lines);
  if (named === "*") return undefined;
  const names = fields.map((field) => [field.toLowerCase(), field] as const);
  const unnamed = new Map(names.filter(([name]) => TOKEN.test(name)));
  for (const field of named) unnamed.delete(field);
  const missing = [...unnamed.values()];
  return missing.length === 0 ? undefined : [...listMembers(lines), ...missing].join(", ");
}

/** One spelling for all values that mean the same, as far as that is known of the field; `undefined` when absent, ""
 * when present and empty.
 * @param name lower-case
 * @param lines the value of every line of that field in the request
 * @example normaliseVaryValue("accept-encoding", ["br,gzip;q=1.0"]) // "br, gzip" */
export function normaliseVaryValue(name: string, lines: readonly string[]): string | undefined {
  if (lines.length === 0) return undefined;
  if (lines.length === 1 && PLAIN.test(lines[0]!))
    return WEIGHTED.has(name) ? canonical(name, lines[0]!.toLowerCase()) : lines[0]!;
  if (name === "cookie") return trimmed(lines.join("; "));
  if (NOT_LISTS.has(name)) return trimmed(lines.join(", "));
  return (WEIGHTED.has(name) ? weightedList(name, lines) : undefined) ?? plainList(lines);
}

// RFC 9110 §5.2, §5.3: lines combine to a list; white space around its members means nothing. Empty members stay: in
// an unknown field they may mean something.
function plainList(lines: readonly string[]): string {
  return splitMembers(lines.join(",")).join(", ");
}

/* RFC 9110 §12.4.2: weights decide, order does not ("this behavior cannot be relied upon", §12.5.4), and names ignore
 * case.
 * A member that does not parse makes the list an unknown one. */
function weightedList(name: string, lines: readonly string[]): string | undefined {
  const members: { value: string; weight: number }[] = [];
  for (const member of listMembers(lines)) {
    const parsed = WEIGHTED_MEMBER.exec(member.toLowerCase());
    if (parsed === null) return undefined;
    members.push({ value: canonical(name, parsed[1]!), weight: Number(parsed[2] ?? 1) });
  }
  members.sort(
    (one, other) => other.weight - one.weight || (one.value < other.value ? -1 : Number(one.value > other.value)),
  );
  return members.map(({ value, weight }) => (weight === 1 ? value : `${value};q=${weight}`)).join(", ");
}

// RFC 9110 §8.4.1: x-gzip and x-compress are the same as gzip and compress.
function canonical(name: string, value: string): string {
  return name === "accept-encoding" && (value === "x-gzip" || value === "x-compress") ? value.slice(2) : value;
}

const NONE: readonly string[] = Object.freeze([]);
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
// The usual value, a token or a few words, is its own normal form.
const PLAIN = /^[A-Za-z0-9._~-]+$/;
const WEIGHTED: ReadonlySet<string> = new Set(["accept-encoding", "accept-language"]);
const WEIGHTED_MEMBER = /^([!#$%&'*+.^_`|~0-9a-z-]+)[ \t]*(?:;[ \t]*q=([01](?:\.[0-9]{0,3})?))?$/;

// Fields in which a comma is part of one value: no two spellings are known to mean the same.
const NOT_LISTS: ReadonlySet<string> = new Set([
  "authorization",
  "date",
  "from",
  "host",
  "if-modified-since",
  "if-range",
  "if-unmodified-since",
  "proxy-authorization",
  "range",
  "referer",
  "user-agent",
]);
