/** Tags that a response gives itself, in the fields CDNs made common: labels on many stored responses, to purge them
 * by. */
import type { RawHeaders } from "../base/exchange.js";
import { fieldLines, trimmed } from "./fields.js";

/** `Cache-Tag` (separated by commas) and `Surrogate-Key` (by white space), each tag once, as spelled.
 * @example responseTags(["Cache-Tag", "a, b c", "Surrogate-Key", "d e"]) // ["a", "b c", "d", "e"] */
export function responseTags(raw: RawHeaders): string[] {
  const tags = [
    ...fieldLines(raw, "cache-tag").flatMap((line) => line.split(",")),
    ...fieldLines(raw, "surrogate-key").flatMap((line) => line.split(/[ \t]+/)),
  ];
  return [...new Set(tags.map(trimmed).filter((tag) => tag !== ""))];
}

/** Fields for this cache alone, removed from what is sent. `Cache-Groups` is not among them: it is a standard field,
 * and caches further on may use it (RFC 9875 §2). */
export const INTERNAL_FIELDS: ReadonlySet<string> = new Set(["cache-tag", "surrogate-key"]);
