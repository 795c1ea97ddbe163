/** What small middlewares do to the header fields of a response that is about to be sent: the same under every
 * framework, with a cache or without one. */
import type { ResponseHead } from "../base/exchange.js";
import { fieldLines } from "../http/fields.js";
import { patchCacheControl, resolveCacheControl } from "../http/patch-cache-control.js";
import type { CacheControlDirectives } from "../http/patch-cache-control.js";
import { varyWith } from "../http/vary.js";
import { fieldNames } from "./option-checks.js";

/** Fields to set, or without a value to remove. */
export type HeaderEdit = (head: ResponseHead) => readonly (readonly [name: string, value: string | undefined])[];

/** What every cache understands as: store nothing of it. */
const NEVER = "private, no-cache, no-store, must-revalidate, max-age=0";

/** Fields that give one cache other directives than all others. */
const TARGETED = /cdn-cache-control$|^surrogate-control$|^expires$/i;

/** Lets no cache store the response, whatever the handler says. */
export const neverKeep: HeaderEdit = ({ rawHeaders }) => {
  const targeted = rawHeaders.filter((name, index) => index % 2 === 0 && TARGETED.test(name));
  return [["Cache-Control", NEVER], ...targeted.map((name) => [name, undefined] as const)];
};

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the directive */
export function cacheControlEdit(directives: CacheControlDirectives): HeaderEdit {
  const patch = resolveCacheControl(directives);
  return ({ status, rawHeaders }) => {
    const value = patchCacheControl(fieldLines(rawHeaders, "cache-control"), patch, status);
    return value === "" ? [] : [["Cache-Control", value]];
  };
}

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when one is not a field name */
export function varyEdit(fields: readonly string[]): HeaderEdit {
  const names = fieldNames("varyOn", fields);
  return ({ rawHeaders }) => {
    const value = varyWith(rawHeaders, names);
    return value === undefined ? [] : [["Vary", value]];
  };
}
