/** Patterns of paths and names, and the ways in which an application may read a path. */
import { plainPath, segmentsOf } from "./path-readings.js";

/** One segment: the literal pieces between its stars; or any number of segments. */
type Segment = readonly [first: string, ...rest: string[]] | "**";

export type PathPattern = readonly Segment[];

/** What a pattern cannot name: a query, a fragment, everything that makes a path be read in two ways, and what routers mean by `/:id` and `{/more}`. */
const UNFIT = /[?#{}\\\p{Cc}\p{Cs}]|%(?:2f|5c|25)|\/\/|(?:^|\/)(?:\.\.?(?:\/|$)|:)/iu;

/** @returns `undefined` when it is no pattern: it begins with a slash, and `**` stands for whole segments
 * @example matchesPath(pathPattern("/reports/*")!, ["reports", "7"]) // true */
export function pathPattern(text: string): PathPattern | undefined {
  if (!text.startsWith("/") || UNFIT.test(text)) return undefined;
  const segments = segmentsOf(plainPath(encodeURI(text).replaceAll("%25", "%")));
  const pattern = segments.map((segment) => (segment === "**" ? "**" : (segment.split("*") as [string, ...string[]])));
  return pattern.some((segment) => segment !== "**" && segment.slice(1, -1).includes("")) ? undefined : pattern;
}

/** Whether the whole path fits. When a segment does not, the last `**` before it takes one segment more: an earlier one could do no better. */
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

// Each piece where it first occurs: a later place would only leave less for those behind it.
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
