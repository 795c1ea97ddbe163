/** The low-level cache: values of an application under keys of its own, in files, shared by every process that opens
 * the same directory. */
import { closedError, keyMissingError, notStoredError, optionError, valueError } from "../../base/errors.js";
import type { StoreEvents } from "../../base/events.js";
import type { StoreStats } from "../../store/contract.js";
import { inBatches, purgedTags, StoredValues } from "./stored-values.js";
import { callOptions, resolveFileCacheOptions, wholeNumber } from "./file-cache-options.js";
import type {
  GetOptions,
  ResolvedFileCacheOptions,
  StoreOptions,
  TouchOptions,
  ValueCacheOptions,
  VersionOption,
} from "./file-cache-options.js";
import { keyOfValue, KeyWarnings, valueKey } from "./value-key.js";
import { SingleFlights } from "./exclusive.js";
import { memoize } from "./memoize.js";
import type { MemoizeOptions } from "./memoize.js";
import type { Target, ValuePurge } from "./stored-values.js";
import type { CacheKey } from "./value-key.js";

const VERSION: ReadonlySet<string> = new Set(["version"]);
const GET: ReadonlySet<string> = new Set(["version", "default"]);
const TOUCH: ReadonlySet<string> = new Set(["version", "ttl"]);
const STORE: ReadonlySet<string> = new Set(["version", "ttl", "tags"]);

/** Values in files. Any value JSON has, and `undefined`, Buffer, Map, Set, Date, BigInt and typed arrays; a returned
 * value is always a copy.
 * @example
 * const cache = new FileCache({ dir: ".cache/values", ttl: "5m" });
 * await cache.set("user_123", { name: "Ada" });
 * const user = await cache.get("user_123"); */
export class FileCache {
  readonly #options: ResolvedFileCacheOptions;
  readonly #values: StoredValues;
  readonly #makings: SingleFlights;
  readonly #warnings = new KeyWarnings();
  readonly #memoized = new Set<string>();
  #closed = false;

  /** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for an unknown or wrong option; `ERR_DISKCACHE_DIRECTORY` with
   * `strict`; and what the function `store` throws */
  constructor(options: ValueCacheOptions) {
    this.#options = resolveFileCacheOptions(options);
    this.#values = new StoredValues(this.#options);
    this.#makings = new SingleFlights(this.#values.store.locks);
  }

  /** The value, or the default. A stored `null` is a value.
   * @example const theme = await cache.get("theme", { default: "light" }); */
  get<Value>(key: CacheKey, options: GetOptions<Value> & { readonly default: Value }): Promise<Value>;
  get<Value = unknown>(key: CacheKey, options?: GetOptions<Value>): Promise<Value | undefined>;
  async get(key: CacheKey, options?: GetOptions<unknown>): Promise<unknown> {
    const target = this.#target(key, options, GET);
    const found = await this.#values.find(target.key);
    return found === undefined ? options?.default : found.value;
  }

  /** Stores a value; resolves when other processes can read it. With a lifetime of 0 or less the value is removed.
   * @throws {TypeError} rejects with `ERR_DISKCACHE_VALUE` when it cannot be stored
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_STORE_IO` when it cannot be stored and the value before it
   * cannot be removed: then that one stays
   * @example await cache.set("user_123", user, { ttl: "1h", tags: ["user:123"] }); */
  async set(key: CacheKey, value: unknown, options?: StoreOptions): Promise<void> {
    const refusal = await this.#values.set(this.#target(key, options, STORE), this.#values.encode(value));
    this.#values.report(refusal);
  }

  /** Stores a value if there is none, and returns whether it did: true for only one of all concurrent calls, over all
   * processes.
   * @example if (await cache.add("job:42", process.pid, { ttl: 60 })) await runJob(42); */
  async add(key: CacheKey, value: unknown, options?: StoreOptions): Promise<boolean> {
    const target = this.#target(key, options, STORE);
    const bytes = this.#values.encode(value);
    return this.#exclusive([target.key], true, async () => {
      const birth = this.#values.store.position();
      if ((await this.#values.find(target.key)) !== undefined) return false;
      const refusal = target.ttl > 0 ? await this.#values.write(target, bytes, birth) : undefined;
      this.#values.report(refusal);
      return refusal === undefined;
    });
  }

  /** Returns the value; makes and stores it when there is none: once for all concurrent callers, over all processes.
   * When making it fails, all callers in this process that waited get the error, and nothing is stored.
   * @example
   * const options = { ttl: "10m", tags: ["report:7"] };
   * const report = await cache.getOrSet("report:7", () => renderReport(7), options); */
  async getOrSet<Value>(
    key: CacheKey,
    producer: Value | (() => Value | Promise<Value>),
    options?: StoreOptions,
  ): Promise<Value> {
    const target = this.#target(key, options, STORE);
    const find = () => this.#values.find(target.key);
    const found = await find();
    if (found !== undefined) return found.value as Value;
    let birth = this.#values.store.position();
    const valid = (): boolean => this.#values.store.alive(target.tags, birth);
    const made = await this.#makings.join(target.key, valid, find, async (making) => {
      birth = this.#values.store.position();
      const value = typeof producer === "function" ? await (producer as () => unknown)() : producer;
      const bytes = this.#values.encode(value);
      return this.#exclusive([target.key], true, async () => {
        // A value set meanwhile is newer.
        const winner = await find();
        if (winner !== undefined) return winner;
        const refusal = target.ttl > 0 && making.current() ? await this.#values.write(target, bytes, birth) : undefined;
        this.#values.report(refusal);
        return { bytes };
      });
    });
    return this.#values.decode(made.bytes) as Value;
  }

  /** A function that does what the given one does, and stores its results: each is made once for all concurrent
   * callers, over all processes. Calls are identified by their arguments, so `this` is not passed on. Arguments that
   * cannot be stored (functions, symbols, errors) are refused, unless `key` derives a key from them.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for a function without a name, or with one that is in use
   * @throws {TypeError} the function rejects with `ERR_DISKCACHE_VALUE` for arguments or a result that cannot be
   * stored
   * @example
   * const userOf = cache.memoize(
   *   async function userOf(id: string) { return db.user(id); },
   *   { ttl: "5m", tags: (id) => [`user:${id}`] },
   * ); */
  memoize<Args extends readonly unknown[], Value>(
    fn: (...args: Args) => Value | Promise<Value>,
    options?: MemoizeOptions<Args>,
  ): (...args: Args) => Promise<Value> {
    return memoize(this, this.#memoized, fn, options);
  }

  /** Gives a value a new lifetime, from now. False when there is none.
   * @example await cache.touch("session:9", { ttl: "30m" }); */
  async touch(key: CacheKey, options?: TouchOptions): Promise<boolean> {
    const target = this.#target(key, options, TOUCH);
    return this.#exclusive([target.key], true, async () => {
      const birth = this.#values.store.position();
      const found = await this.#values.find(target.key);
      if (found === undefined) return false;
      const { bytes, head } = found;
      const refusal = await this.#values.put({ ...target, tags: head.tags }, bytes, birth);
      this.#values.report(refusal);
      return refusal === undefined;
    });
  }

  /** Removes a value, and returns whether there was one.
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_STORE_IO` when it cannot be removed: then it stays */
  async delete(key: CacheKey, options?: VersionOption): Promise<boolean> {
    const target = this.#target(key, options, VERSION);
    return this.#exclusive([target.key], false, async () => {
      this.#makings.forget(target.key);
      const found = await this.#values.store.read(target.key);
      await this.#values.store.remove(target.key);
      return found !== undefined;
    });
  }

  /** Whether there is a value. */
  async has(key: CacheKey, options?: VersionOption): Promise<boolean> {
    const target = this.#target(key, options, VERSION);
    return (await this.#values.find(target.key)) !== undefined;
  }

  /** Adds to a number and returns the sum; no increment is ever lost, whichever processes count. Its lifetime and tags
   * stay.
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_KEY_MISSING` when there is no value,
   * `ERR_DISKCACHE_NOT_STORED` when the sum cannot be stored
   * @throws {TypeError} rejects with `ERR_DISKCACHE_VALUE` when the value is not a number
   * @example await cache.incr("visits"); */
  async incr(key: CacheKey, delta = 1, options?: VersionOption): Promise<number> {
    const target = this.#target(key, options, VERSION);
    if (!Number.isFinite(delta)) throw optionError("delta", "a number", delta);
    return this.#exclusive([target.key], true, async () => {
      const birth = this.#values.store.position();
      const found = await this.#values.find(target.key);
      if (found === undefined) throw keyMissingError(key);
      if (typeof found.value !== "number")
        throw valueError(`only numbers can be counted up, not a ${typeof found.value}`);
      const sum = found.value + delta;
      const { tags, expiresAt } = found.head;
      const refusal = await this.#values.store.write(target.key, {
        bytes: this.#values.encode(sum),
        tags,
        expiresAt,
        birth,
      });
      if (refusal?.reason === "unusable") throw keyMissingError(key);
      if (refusal !== undefined) throw notStoredError(refusal.reason, refusal.cause);
      return sum;
    });
  }

  /** Subtracts from a number, as `incr` adds; also below 0. */
  async decr(key: CacheKey, delta = 1, options?: VersionOption): Promise<number> {
    return this.incr(key, -delta, options);
  }

  /** The values of those keys that have one, in the order of the keys. */
  async getMany<Value = unknown, Key extends CacheKey = CacheKey>(
    keys: Iterable<Key>,
    options?: VersionOption,
  ): Promise<Map<Key, Value>> {
    const asked = [...keys];
    const found = await inBatches(asked, (key) => this.#values.find(this.#target(key, options, VERSION).key));
    const values = new Map<Key, Value>();
    found.forEach((one, index) => one !== undefined && values.set(asked[index]!, one.value as Value));
    return values;
  }

  /** Stores many values with one set of options. Resolves to the keys whose values could not be stored: usually none.
   * All are checked before any is stored.
   * @example const failed = await cache.setMany({ a: 1, b: 2 }, { ttl: "1h" }); */
  async setMany<Key extends CacheKey>(
    values: ReadonlyMap<Key, unknown> | Iterable<readonly [Key, unknown]> | Readonly<Record<Key, unknown>>,
    options?: StoreOptions,
  ): Promise<Key[]> {
    const pairs = Symbol.iterator in values ? [...values] : (Object.entries(values) as [Key, unknown][]);
    const prepared = pairs.map(([key, value]) => ({
      key,
      target: this.#target(key, options, STORE),
      bytes: this.#values.encode(value),
    }));
    const refusals = await this.#values.store.exclusive.including(
      inBatches(prepared, ({ target, bytes }) => this.#values.set(target, bytes)),
    );
    return prepared.filter((_, index) => refusals[index] !== undefined).map(({ key }) => key);
  }

  async deleteMany(keys: Iterable<CacheKey>, options?: VersionOption): Promise<void> {
    await inBatches([...keys], (key) => this.delete(key, options));
  }

  /** Moves a value to another version of its key, and returns that version. Its lifetime and tags stay.
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_KEY_MISSING` when there is no value,
   * `ERR_DISKCACHE_NOT_STORED` when it cannot be stored */
  async incrVersion(key: CacheKey, delta = 1, options?: VersionOption): Promise<number> {
    const from = this.#target(key, options, VERSION);
    const version = from.version + wholeNumber("delta", delta);
    const to = this.#target(key, { version }, VERSION);
    return this.#exclusive([from.key, to.key], true, async () => {
      const birth = this.#values.store.position();
      const found = await this.#values.find(from.key);
      if (found === undefined) throw keyMissingError(key);
      const { tags, expiresAt } = found.head;
      const refusal = await this.#values.store.write(to.key, { bytes: found.bytes, tags, expiresAt, birth });
      if (refusal !== undefined) throw notStoredError(refusal.reason, refusal.cause);
      if (to.key !== from.key) await this.#values.store.remove(from.key);
      return version;
    });
  }

  async decrVersion(key: CacheKey, delta = 1, options?: VersionOption): Promise<number> {
    return this.incrVersion(key, -delta, options);
  }

  /** Purges every value with one of the tags, and every page with one in a page cache on the same directory, for all
   * processes: also those that are still being made.
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_PURGE` when the purge could not be recorded
   * @example await cache.purge({ tags: ["report:7", "reports"] }); */
  async purge(target: ValuePurge): Promise<void> {
    this.#assertOpen();
    await this.#values.store.purgeTags(purgedTags(target));
  }

  /** The same as `purge({ tag })`, and as `purge({ tags })` with a list. */
  purgeTag(tag: string | readonly string[]): Promise<void> {
    return this.purge(typeof tag === "object" ? { tags: tag } : { tag });
  }

  /** Purges every value under this `keyPrefix`, of all versions. Nothing else in the directory is touched. */
  async clear(): Promise<void> {
    this.#assertOpen();
    await this.#values.store.clear();
  }

  /** The keys on disk, in no order. Reads the whole directory: for maintenance. Leaves out keys longer than 8192
   * characters and those made by a `keyFunction`. */
  async *keys(options?: VersionOption): AsyncGenerator<string> {
    this.#assertOpen();
    const { version } = callOptions(options, VERSION, this.#options);
    for await (const stored of this.#values.store.keys()) {
      const key = keyOfValue(stored, this.#options.keyPrefix, version);
      if (key !== undefined) yield key;
    }
  }

  /** Statistics of the directory, as far as this process knows them. */
  async stats(): Promise<StoreStats> {
    return this.#values.store.stats();
  }

  /** Adds a listener for one of the events of `StoreEvents`: `error` for faults that became misses, `evict`, `pause`, …
   * Without a listener for `error`, the process emits one warning for each kind of fault that does not recover by
   * itself. */
  on<Name extends keyof StoreEvents>(name: Name, listener: (event: StoreEvents[Name]) => void): void {
    this.#values.listeners.on(name, listener);
  }

  off<Name extends keyof StoreEvents>(name: Name, listener: (event: StoreEvents[Name]) => void): void {
    this.#values.listeners.off(name, listener);
  }

  /** Finishes what was begun before and releases the directory: a value whose `set` resolves is on disk. Does not wait
   * for a producer of `getOrSet`. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#values.store.close();
  }

  #target(
    key: CacheKey,
    options: (StoreOptions & GetOptions<unknown>) | undefined,
    known: ReadonlySet<string>,
  ): Target {
    this.#assertOpen();
    const call = callOptions(options, known, this.#options);
    this.#warnings.check(key);
    return { ...call, key: valueKey(key, this.#options, call.version) };
  }

  #exclusive<Result>(keys: readonly string[], always: boolean, work: () => Promise<Result>): Promise<Result> {
    return this.#values.store.exclusive.run(keys, always, work);
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }
}
