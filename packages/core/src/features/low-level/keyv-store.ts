/** A low-level cache behind the interface that Keyv expects of a store, so that software built on Keyv can store its
 * values here. */
import type { DiskCacheError } from "../../base/errors.js";
import type { FileCache } from "./file-cache.js";
import type { StoreOptions } from "./file-cache-options.js";

/** One of many values for `setMany`. */
export interface KeyvStoreEntry {
  readonly key: string;
  readonly value: unknown;
  /** Milliseconds. */
  readonly ttl?: number | undefined;
}

/** The interface that Keyv calls. Times are milliseconds, as everywhere in Keyv; a value without one lives for
 * ever. */
export class KeyvStore {
  /** Keyv offers `iterator()` only for the dialects and URLs of its own list. This one comes nearest: keys and values
   * in one place, read in order. */
  readonly opts: { dialect: string; url: string } & Record<string, unknown> = { dialect: "sqlite", url: "diskcache:" };
  /** Set by Keyv, which prepends it to every key. */
  namespace: string | undefined = undefined;
  readonly #cache: FileCache;

  constructor(cache: FileCache) {
    this.#cache = cache;
  }

  get<Value>(key: string): Promise<Value | undefined> {
    return this.#cache.get<Value>(key);
  }

  async getMany<Value>(keys: readonly string[]): Promise<(Value | undefined)[]> {
    const found = await this.#cache.getMany<Value>(keys);
    return keys.map((key) => found.get(key));
  }

  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    return (await this.#cache.setMany([[key, value]], this.#storing(ttl))).length === 0;
  }

  async setMany(entries: readonly KeyvStoreEntry[]): Promise<boolean[]> {
    return Promise.all(entries.map(({ key, value, ttl }) => this.set(key, value, ttl)));
  }

  delete(key: string): Promise<boolean> {
    return this.#cache.delete(key);
  }

  /** True when there was at least one. */
  async deleteMany(keys: readonly string[]): Promise<boolean> {
    const deleted = await Promise.all(keys.map((key) => this.delete(key)));
    return deleted.includes(true);
  }

  has(key: string): Promise<boolean> {
    return this.#cache.has(key);
  }

  hasMany(keys: readonly string[]): Promise<boolean[]> {
    return Promise.all(keys.map((key) => this.has(key)));
  }

  /** Clears its namespace; without one, the whole cache. */
  clear(): Promise<void> {
    return this.namespace === undefined ? this.#cache.clear() : this.#cache.purgeTag(namespaceTag(this.namespace));
  }

  async *iterator<Value>(namespace = this.namespace): AsyncGenerator<[string, Value], void> {
    for await (const key of this.#cache.keys()) {
      if (namespace !== undefined && !key.startsWith(`${namespace}:`)) continue;
      const found = await this.#cache.getMany<Value, string>([key]);
      for (const pair of found) yield pair;
    }
  }

  /** The only event is `error`: faults that became misses. */
  on(event: string, listener: (error: DiskCacheError) => void): this {
    if (event === "error") this.#cache.on("error", listener);
    return this;
  }

  disconnect(): Promise<void> {
    return this.#cache.close();
  }

  #storing(ttl: number | undefined): StoreOptions {
    const lifetime = ttl === undefined ? null : ttl / 1000;
    return this.namespace === undefined ? { ttl: lifetime } : { ttl: lifetime, tags: [namespaceTag(this.namespace)] };
  }
}

/** A store for Keyv.
 * @example const keyv = new Keyv({ store: keyvStore(new FileCache({ dir: ".cache/keyv" })) }); */
export function keyvStore(cache: FileCache): KeyvStore {
  return new KeyvStore(cache);
}

// A namespace is cleared by one purge, however many keys it has.
function namespaceTag(namespace: string): string {
  return `keyv namespace ${namespace}`;
}
