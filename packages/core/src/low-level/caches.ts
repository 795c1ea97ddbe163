/** Several low-level caches by name, each with its own directory, lifetime and bounds. */
import { optionError } from "../errors.js";
import { record } from "../option-checks.js";
import { FileCache } from "./file-cache.js";
import type { FileCacheOptions } from "./file-cache-options.js";
import { resolveFileCacheOptions } from "./file-cache-options.js";

/** A cache for each name. Two on the same directory need different `keyPrefix`es.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the cache and the option
 * @example
 * const cache = caches({ default: { dir: ".cache/values" }, sessions: { dir: ".cache/sessions", ttl: "30m" } });
 * await cache.sessions.set("9", { user: 123 }); */
export function caches<const Name extends string>(
  given: Readonly<Record<Name, FileCacheOptions>>,
): Readonly<Record<Name, FileCache>> {
  const settings = Object.entries<FileCacheOptions>(record("caches", given) as Record<string, FileCacheOptions>);
  const taken = new Map<string, string>();
  for (const [name, options] of settings) {
    const { dir, keyPrefix } = resolveFileCacheOptions(options);
    const place = JSON.stringify([dir, keyPrefix]);
    const other = taken.get(place);
    if (other !== undefined) throw optionError(`${name}.keyPrefix`, `another one than that of ${other}`, keyPrefix);
    taken.set(place, name);
  }
  const made = settings.map(([name, options]): [string, FileCache] => [name, new FileCache(options)]);
  return Object.freeze(Object.fromEntries(made)) as Readonly<Record<Name, FileCache>>;
}
