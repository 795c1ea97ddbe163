/** What `purge()` of the low-level cache names, checked. */
import { optionError } from "../base/errors.js";
import { refuseUnknown, strings } from "../options/option-checks.js";

/** Labels whose values, and pages in the same directory, are to end. */
export type ValuePurge = { readonly tag: string } | { readonly tags: readonly string[] };

const NAMES: ReadonlySet<string> = new Set(["tag", "tags"]);

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when it names neither a tag nor tags, or something else */
export function purgedTags(target: ValuePurge): readonly string[] {
  const expected = "an object with one of tag, tags";
  if (typeof target !== "object" || target === null || Array.isArray(target))
    throw optionError("purge", expected, target);
  refuseUnknown("purge.", target, NAMES);
  const { tag, tags }: { readonly tag?: unknown; readonly tags?: unknown } = target;
  if (tag !== undefined && tags !== undefined) throw optionError("purge", expected, "tag and tags");
  if (tags !== undefined) return strings("purge.tags", tags);
  if (tag === undefined) throw optionError("purge", expected, target);
  if (typeof tag !== "string" || tag === "") throw optionError("purge.tag", "a non-empty string", tag);
  return [tag];
}
