/** The low-level cache in the directory, or the store, of a page cache: opened when a value is first stored in it, with
 * the same bounds and secrets. */
import type { StoreEvents } from "../../base/events.js";
import { unfolded } from "../../options/folded-options.js";
import type { DiskCacheOptions, PageCacheOptions } from "../../options/options.js";
import { FileCache } from "./file-cache.js";
import type { StoreOptions, ValueCacheOptions } from "./file-cache-options.js";
import type { TellOwner } from "../../store/faults.js";
import { memoize } from "./memoize.js";
import type { MemoizedIn, MemoizeOptions } from "./memoize.js";

/** Options that mean the same to both caches. */
const SHARED = [
  "dir",
  "store",
  "maxSize",
  "maxEntries",
  "minFree",
  "durability",
  "allowPublicDir",
  "secret",
  "encrypt",
  "tier",
  "clock",
] as const satisfies readonly (keyof ValueCacheOptions & keyof DiskCacheOptions)[];

const EVENTS = [
  "evict",
  "write-skipped",
  "pause",
  "resume",
  "log-restarted",
  "error",
] as const satisfies readonly (keyof StoreEvents)[];

export class BesidePages implements MemoizedIn {
  readonly #options: ValueCacheOptions;
  readonly #enabled: boolean;
  readonly #tell: TellOwner;
  readonly #names = new Set<string>();
  #values: FileCache | undefined;
  #closed = false;

  /** @param enabled `false` stores nothing, as it does for pages */
  constructor(given: PageCacheOptions, enabled: boolean, tell: TellOwner) {
    const { flat } = unfolded(given);
    const shared = SHARED.filter((name) => flat[name] !== undefined).map((name) => [name, flat[name]]);
    this.#options = Object.fromEntries(shared);
    this.#enabled = enabled;
    this.#tell = tell;
  }

  memoize<Args extends readonly unknown[], Value>(
    fn: (...args: Args) => Value | Promise<Value>,
    options?: MemoizeOptions<Args>,
  ): (...args: Args) => Promise<Value> {
    return memoize(this, this.#names, fn, options);
  }

  async getOrSet<Value>(key: string, producer: () => Value | Promise<Value>, options: StoreOptions): Promise<Value> {
    if (!this.#enabled || this.#closed) return producer();
    this.#values ??= this.#open();
    return this.#values.getOrSet(key, producer, options);
  }

  /** Nothing is stored from then on. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#values?.close();
  }

  #open(): FileCache {
    const values = new FileCache(this.#options);
    for (const name of EVENTS) values.on(name, (event) => this.#tell(name, event));
    return values;
  }
}
