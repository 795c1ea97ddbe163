/** Several low-level caches by name, each with its own directory or store, lifetime and bounds. */
import { optionError } from "../../base/errors.js";
import { record } from "../../options/option-checks.js";
import type { Place } from "../../options/option-checks.js";
import { FileCache } from "./file-cache.js";
import type { ValueCacheOptions } from "./file-cache-options.js";
import { resolveFileCacheOptions } from "./file-cache-options.js";

/** What applies to all of the caches. */
export interface NamedCaches {
  /** Closes all of them, as `FileCache.close()` does. Idempotent. */
  close(): Promise<void>;
}

/** A cache for each name, and `close()` for all of them. Two in one place need different `keyPrefix`es.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the cache and the option, or for a cache named `close`
 * @example
 * const cache = caches({ default: { dir: ".cache/values" }, sessions: { dir: ".cache/sessions", ttl: "30m" } });
 * await cache.sessions.set("9", { user: 123 });
 * await cache.close(); */
export function caches<const Name extends string>(
  given: Readonly<Record<Name, ValueCacheOptions>>,
): Readonly<Record<Name, FileCache>> & NamedCaches {
  const settings = Object.entries<ValueCacheOptions>(record("caches", given) as Record<string, ValueCacheOptions>);
  if ("close" in given) throw optionError("caches.close", "another name: `close()` closes all of them", "close");
  const taken: (Place & { readonly name: string; readonly keyPrefix: string })[] = [];
  for (const [name, options] of settings) {
    const { place, keyPrefix } = resolveFileCacheOptions(options);
    const other = taken.find(
      (one) => one.dir === place.dir && one.store === place.store && one.keyPrefix === keyPrefix,
    );
    if (other !== undefined)
      throw optionError(`${name}.keyPrefix`, `another one than that of ${other.name}`, keyPrefix);
    taken.push({ ...place, name, keyPrefix });
  }
  const made = settings.map(([name, options]): [string, FileCache] => [name, new FileCache(options)]);
  const close = async (): Promise<void> => {
    await Promise.all(made.map(([, cache]) => cache.close()));
  };
  // Not enumerable: iterating over the names yields only caches.
  const named: object = Object.defineProperty(Object.fromEntries(made), "close", { value: close });
  return Object.freeze(named) as Readonly<Record<Name, FileCache>> & NamedCaches;
}
