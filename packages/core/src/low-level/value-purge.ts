/** What `purge()` of the low-level cache names, checked. */
import { optionError } from "../errors.js";
import { refuseUnknown, strings } from "../option-checks.js";

/** Labels whose values, and pages in the same directory, are to end. */
export type ValuePurge = { readonly tag: string } | { readonly tags: readonly string[] };

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when it names neither a tag nor tags, or something else */
export function purgedTags(target: ValuePurge): readonly string[] {
  const given: { readonly tag?: unknown; readonly tags?: unknown } = target;
  if (typeof given !== "object" || given === null || (given.tag === undefined) === (given.tags === undefined))
    throw optionError("purge", "an object with one of tag, tags", target);
  refuseUnknown("purge.", given, new Set(["tag", "tags"]));
  return given.tag === undefined ? strings("purge.tags", given.tags) : strings("purge.tag", [given.tag]);
}
