/** Structured Fields (RFC 9651): dictionaries and lists, strictly. What does not parse is `undefined` as a whole,
 * never half a value. */

export type BareItem =
  | { readonly type: "integer" | "decimal" | "date"; readonly value: number }
  | { readonly type: "string" | "token" | "display-string"; readonly value: string }
  | { readonly type: "bytes"; readonly value: Uint8Array }
  | { readonly type: "boolean"; readonly value: boolean };
export type Parameters = ReadonlyMap<string, BareItem>;
export interface Item {
  readonly kind: "item";
  readonly item: BareItem;
  readonly parameters: Parameters;
}
export interface InnerList {
  readonly kind: "inner-list";
  readonly items: readonly Item[];
  readonly parameters: Parameters;
}
export type Member = Item | InnerList;

/** §4.2.2. Of a key given twice the last value counts, in the place of the first.
 * @param lines the value of every field line */
export function parseDictionary(lines: readonly string[]): ReadonlyMap<string, Member> | undefined {
  return parseWhole(lines, (cursor) => {
    const members = new Map<string, Member>();
    parseMembers(cursor, () => {
      const key = parseKey(cursor);
      if (take(cursor, "=")) members.set(key, parseMember(cursor));
      else
        members.set(key, { kind: "item", item: { type: "boolean", value: true }, parameters: parseParameters(cursor) });
    });
    return members;
  });
}

/** §4.2.1.
 * @param lines the value of every field line */
export function parseList(lines: readonly string[]): readonly Member[] | undefined {
  return parseWhole(lines, (cursor) => {
    const members: Member[] = [];
    parseMembers(cursor, () => members.push(parseMember(cursor)));
    return members;
  });
}

interface Cursor {
  readonly text: string;
  at: number;
}

// Thrown and caught within this file, and made once: junk over the wire must not cost a stack trace each.
const FAILURE = new Error("not a structured field");

function parseWhole<T>(lines: readonly string[], parse: (cursor: Cursor) => T): T | undefined {
  const cursor: Cursor = { text: lines.join(", "), at: 0 };
  try {
    skip(cursor, " ");
    const value = parse(cursor);
    skip(cursor, " ");
    return cursor.at === cursor.text.length ? value : undefined;
  } catch (error) {
    if (error !== FAILURE) throw error;
    return undefined;
  }
}

// Members separated by commas with optional white space; no comma at the end.
function parseMembers(cursor: Cursor, parseOne: () => void): void {
  if (cursor.at === cursor.text.length) return;
  for (;;) {
    parseOne();
    skip(cursor, " \t");
    if (cursor.at === cursor.text.length) return;
    expect(cursor, ",");
    skip(cursor, " \t");
    if (cursor.at === cursor.text.length) throw FAILURE;
  }
}

function parseMember(cursor: Cursor): Member {
  return peek(cursor) === "(" ? parseInnerList(cursor) : parseItem(cursor);
}

function parseInnerList(cursor: Cursor): InnerList {
  const items: Item[] = [];
  expect(cursor, "(");
  for (;;) {
    skip(cursor, " ");
    if (take(cursor, ")")) return { kind: "inner-list", items, parameters: parseParameters(cursor) };
    items.push(parseItem(cursor));
    if (peek(cursor) !== " " && peek(cursor) !== ")") throw FAILURE;
  }
}

function parseItem(cursor: Cursor): Item {
  return { kind: "item", item: parseBareItem(cursor), parameters: parseParameters(cursor) };
}

function parseParameters(cursor: Cursor): Parameters {
  const parameters = new Map<string, BareItem>();
  while (take(cursor, ";")) {
    skip(cursor, " ");
    const key = parseKey(cursor);
    parameters.set(key, take(cursor, "=") ? parseBareItem(cursor) : { type: "boolean", value: true });
  }
  return parameters;
}

function parseKey(cursor: Cursor): string {
  return match(cursor, /[a-z*][a-z0-9_.*-]*/y);
}

function parseBareItem(cursor: Cursor): BareItem {
  const first = peek(cursor);
  if (first === '"') return { type: "string", value: parseString(cursor) };
  if (first === "?") return { type: "boolean", value: match(cursor, /\?[01]/y) === "?1" };
  if (first === ":") return { type: "bytes", value: parseBytes(cursor) };
  if (first === "@") return { type: "date", value: parseDate(cursor) };
  if (first === "%") return { type: "display-string", value: parseDisplayString(cursor) };
  if (/^[0-9-]$/.test(first)) return parseNumber(cursor);
  return { type: "token", value: match(cursor, /[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*/y) };
}

// §4.2.4: up to 15 digits, or up to 12 and 1 to 3 decimals.
function parseNumber(cursor: Cursor): BareItem {
  const text = match(cursor, /-?[0-9]+(?:\.[0-9]*)?/y);
  if (/^-?[0-9]{1,15}$/.test(text)) return { type: "integer", value: Number(text) };
  if (/^-?[0-9]{1,12}\.[0-9]{1,3}$/.test(text)) return { type: "decimal", value: Number(text) };
  throw FAILURE;
}

// §4.2.5: visible ASCII and space; only the quote and the backslash may follow a backslash.
function parseString(cursor: Cursor): string {
  return match(cursor, /"(?:[ !#-[\]-~]|\\["\\])*"/y)
    .slice(1, -1)
    .replace(/\\(["\\])/g, "$1");
}

// §4.2.7: base64, with its padding or without any.
function parseBytes(cursor: Cursor): Uint8Array {
  const encoded = match(cursor, /:[A-Za-z0-9+/]*={0,2}:/y).slice(1, -1);
  if (encoded.endsWith("=") ? encoded.length % 4 !== 0 : encoded.length % 4 === 1) throw FAILURE;
  return Buffer.from(encoded, "base64");
}

function parseDate(cursor: Cursor): number {
  expect(cursor, "@");
  const { type, value } = parseNumber(cursor);
  if (type !== "integer") throw FAILURE;
  return value;
}

// §4.2.10: percent-encoded UTF-8, lower-case hex only.
function parseDisplayString(cursor: Cursor): string {
  const encoded = match(cursor, /%"(?:[ !#$&-~]|%[0-9a-f]{2})*"/y).slice(2, -1);
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw FAILURE;
  }
}

function match(cursor: Cursor, sticky: RegExp): string {
  sticky.lastIndex = cursor.at;
  const found = sticky.exec(cursor.text)?.[0];
  if (found === undefined) throw FAILURE;
  cursor.at += found.length;
  return found;
}

function peek(cursor: Cursor): string {
  return cursor.text.charAt(cursor.at);
}

function take(cursor: Cursor, character: string): boolean {
  if (peek(cursor) !== character) return false;
  cursor.at++;
  return true;
}

function expect(cursor: Cursor, character: string): void {
  if (!take(cursor, character)) throw FAILURE;
}

function skip(cursor: Cursor, characters: string): void {
  while (cursor.at < cursor.text.length && characters.includes(peek(cursor))) cursor.at++;
}
