/** Labels that responses give themselves, for many to be invalidated at once: tags, and the groups of RFC 9875. */
import type { RawHeaders } from "../base/exchange.js";
import { fieldLines, trimmed } from "./fields.js";
import { parseList } from "./structured-fields.js";

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

/* Cache groups (RFC 9875): strings that stored responses of one origin share, and that an unsafe request can
 * invalidate. */

/** The groups a response belongs to (§2). They are per origin: the caller adds it.
 * @example cacheGroups(["Cache-Groups", '"scripts", "home"']) // ["scripts", "home"] */
export function cacheGroups(raw: RawHeaders): string[] {
  return listOfStrings(fieldLines(raw, "cache-groups"));
}

/** The groups that the response to an unsafe request invalidates (§3). On a response to a safe method the field is to
 * be ignored: check `invalidatesTarget()` first. */
export function groupInvalidations(raw: RawHeaders): string[] {
  return listOfStrings(fieldLines(raw, "cache-group-invalidation"));
}

// A field with a member that is no String is not a List of Strings: ignored as a whole (RFC 9651 §1.1). Parameters are
// ignored.
function listOfStrings(lines: readonly string[]): string[] {
  const strings = (parseList(lines) ?? []).map((member) =>
    member.kind === "item" && member.item.type === "string" ? member.item.value : undefined,
  );
  return strings.includes(undefined) ? [] : [...new Set(strings as string[])];
}
