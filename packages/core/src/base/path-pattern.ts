/** Patterns of paths and names, and the ways in which an application may read a path. */

/** One segment: the literal pieces between its stars; or any number of segments. */
type Segment = readonly [first: string, ...rest: string[]] | "**";

export type PathPattern = readonly Segment[];

/** What a pattern cannot name: a query, a fragment, everything that makes a path readable in two ways, and what
 * routers mean by `/:id` and `{/more}`. */
const UNFIT = /[?#{}\\\p{Cc}\p{Cs}]|%(?:2f|5c|25)|\/\/|(?:^|\/)(?:\.\.?(?:\/|$)|:)/iu;

/** @returns `undefined` when it is no pattern: it begins with a slash, and `**` stands for whole segments
 * @example matchesPath(pathPattern("/reports/*")!, ["reports", "7"]) // true */
export function pathPattern(text: string): PathPattern | undefined {
  if (!text.startsWith("/") || UNFIT.test(text)) return undefined;
  const segments = segmentsOf(plainPath(encodeURI(text).replaceAll("%25", "%")));
  const pattern = segments.map((segment) => (segment === "**" ? "**" : (segment.split("*") as [string, ...string[]])));
  return pattern.some((segment) => segment !== "**" && segment.slice(1, -1).includes("")) ? undefined : pattern;
}

/** Whether the whole path matches. When a segment does not, the last `**` before it takes one segment more: an earlier
 * one could do no better. */
export function matchesPath(pattern: PathPattern, path: readonly string[]): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let index = 0; index < path.length;) {
    const segment = pattern[at];
    if (segment === "**") {
      star = at++;
      resume = index;
    } else if (segment !== undefined && matchesSegment(segment, path[index]!)) {
      at++;
      index++;
    } else if (star >= 0) {
      at = star + 1;
      index = ++resume;
    } else return false;
  }
  while (pattern[at] === "**") at++;
  return at === pattern.length;
}

// Each piece where it first occurs: a later place would only leave less for the pieces after it.
function matchesSegment(pieces: readonly string[], text: string): boolean {
  const first = pieces[0]!;
  if (pieces.length === 1) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  const last = pieces.at(-1)!;
  return text.length - last.length >= at && text.endsWith(last);
}

/** The ways in which applications, and proxies before them, read a path. Where they differ, a rule that follows only
 * one of them can be bypassed: `/admin%2f..%2fx`. */

/** A path that is encoded more often is not read any further. */
const MOST_ROUNDS = 3;

/** Read differently by software that decodes slashes, decodes twice, takes a backslash for a slash, or resolves dot
 * segments. */
const AMBIGUOUS = /%(?:2f|5c|25)|\\|(?:^|\/)\.\.?(?:\/|$)/;

/** The segments of a request target's path, in every way it may be read; nearly always there is only one. Letters are
 * lower-case, because routers ignore case; needless encoding, empty segments and a slash at the end are removed.
 * @returns `undefined` when it is encoded so often that its meaning is unknown
 * @example pathReadings("/Reports//%37?page=2") // [["reports", "7"]] */
export function pathReadings(target: string): readonly (readonly string[])[] | undefined {
  const mark = target.indexOf("?");
  const plain = plainPath(mark < 0 ? target : target.slice(0, mark));
  if (!AMBIGUOUS.test(plain)) return [segmentsOf(plain)];
  const decoded = decodedPath(plain);
  if (decoded === undefined) return undefined;
  const readings = [segmentsOf(plain), segmentsOf(decoded)];
  return [...readings, ...readings.map(withoutDots)];
}

/** One spelling for what all software reads alike: ASCII, lower-case, encoded only where it has to be.
 * @param path bytes as characters, as node:http gives them */
function plainPath(path: string): string {
  return path
    .replace(/[^!-~]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`)
    .replace(/%([2-7][\da-f])/gi, (encoded, hex: string) => {
      const character = String.fromCharCode(Number.parseInt(hex, 16));
      return /[!-~]/.test(character) && !STAYS_ENCODED.has(character) ? character : encoded;
    })
    .toLowerCase();
}

function segmentsOf(path: string): readonly string[] {
  return path.split("/").filter((segment) => segment !== "");
}

/** Mean something else when they are decoded. */
const STAYS_ENCODED: ReadonlySet<string> = new Set(["%", "/", "\\", "?", "#"]);

function decodedPath(plain: string): string | undefined {
  let path = plain;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const once = plainPath(path.replaceAll("%25", "%").replaceAll("%2f", "/").replaceAll("%5c", "\\"));
    if (once === path) return path.replaceAll("\\", "/");
    path = once;
  }
  return undefined;
}

// RFC 3986 §5.2.4.
function withoutDots(segments: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  return kept;
}

/** Names with an optional `*` at the end: the only pattern the options know, so that none can be slow. */

export function matchesAny(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern));
}
