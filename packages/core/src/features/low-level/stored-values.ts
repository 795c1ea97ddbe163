/** Stores and reads values through their codec. A value that cannot be read back is a miss, and reported. */
import { hookError, notStoredError, optionError, UnhandledErrors } from "../../base/errors.js";
import type { DiskCacheError } from "../../base/errors.js";
import { Listeners } from "../../base/events.js";
import type { StoreEvents } from "../../base/events.js";
import { refuseUnknown, strings } from "../../options/option-checks.js";
import type { ResolvedFileCacheOptions } from "./file-cache-options.js";
import { valueCodec } from "./value-codec.js";
import { ValueStore } from "./value-store.js";
import type { Refusal, StoredBytes } from "./value-store.js";

/** A value that was found. */
export interface FoundValue extends StoredBytes {
  readonly value: unknown;
}

/** Where a value is to be stored, and how. */
export interface Target {
  readonly key: string;
  /** Seconds. */
  readonly ttl: number;
  readonly version: number;
  readonly tags: readonly string[];
}

export class StoredValues {
  readonly #options: ResolvedFileCacheOptions;
  readonly store: ValueStore;
  readonly listeners = new Listeners<StoreEvents>();
  readonly #unheard = new UnhandledErrors();

  /** @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` with `strict` */
  constructor(options: ResolvedFileCacheOptions) {
    this.#options = options;
    this.store = new ValueStore(options, (name, event) => this.#tell(name, event));
  }

  async find(key: string): Promise<FoundValue | undefined> {
    const stored = await this.store.read(key);
    if (stored === undefined) return undefined;
    try {
      return { ...stored, value: this.decode(stored.bytes) };
    } catch (cause) {
      const error = hookError("codec.decode", cause);
      this.#tell("error", error);
      if (this.#options.strict) throw error;
      return undefined;
    }
  }

  /** Stores a value whatever was there. What was born before `birth` may have been purged since. */
  set(target: Target, bytes: Uint8Array): Promise<Refusal | undefined> {
    const birth = this.store.position();
    return this.store.exclusive.run([target.key], false, async () => {
      const refusal = await this.put(target, bytes, birth);
      // No value is better than the one before it.
      if (refusal !== undefined) await this.store.remove(target.key);
      return refusal;
    });
  }

  /** Stores it; with a lifetime of 0 or less, removes what is there instead. */
  async put(target: Target, bytes: Uint8Array, birth: number): Promise<Refusal | undefined> {
    if (target.ttl > 0) return this.write(target, bytes, birth);
    await this.store.remove(target.key);
    return undefined;
  }

  write({ key, ttl, tags }: Target, bytes: Uint8Array, birth: number): Promise<Refusal | undefined> {
    return this.store.write(key, { bytes, tags, expiresAt: this.#options.clock.now() + ttl * 1000, birth });
  }

  /** With `strict`, a value that was not stored is an error.
   * @throws {DiskCacheError} `ERR_DISKCACHE_NOT_STORED` */
  report(refusal: Refusal | undefined): void {
    if (refusal !== undefined && this.#options.strict) throw notStoredError(refusal.reason, refusal.cause);
  }

  encode(value: unknown): Uint8Array {
    const { codec } = this.#options;
    if (codec === valueCodec) return codec.encode(value);
    try {
      return Buffer.from(codec.encode(value));
    } catch (error) {
      throw hookError("codec.encode", error);
    }
  }

  // Bytes in memory are lent only to the built-in codec, which neither changes nor keeps them.
  decode(bytes: Uint8Array): unknown {
    const { codec } = this.#options;
    return codec.decode(codec === valueCodec && Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes));
  }

  #tell<Name extends keyof StoreEvents>(name: Name, event: StoreEvents[Name]): void {
    // With `strict` the caller gets the error.
    if (name === "error" && !this.listeners.has("error") && !this.#options.strict)
      this.#unheard.tell(event as DiskCacheError);
    this.listeners.tell(name, event);
  }
}

/* What `purge()` of the low-level cache is given, checked. */

/** Labels whose values, and pages in the same directory, are purged. */
export type ValuePurge = { readonly tag: string } | { readonly tags: readonly string[] };

const NAMES: ReadonlySet<string> = new Set(["tag", "tags"]);

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when it has neither `tag` nor `tags`, or anything else */
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

/** Many items of one kind of work, a bounded number at a time. */

const TOGETHER = 64;

/** The results, in the order of the items. Rejects with the first failure; work that has begun continues. */
export async function inBatches<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += TOGETHER) {
    results.push(...(await Promise.all(items.slice(at, at + TOGETHER).map(work))));
  }
  return results;
}
