/** The store as the low-level cache needs it: whole values, as they are now, and writes that report whether they
 * reached the disk. Faults are reported, never thrown. */
import type { DiskCacheError } from "../../base/errors.js";
import { notStoredError, storeIoError } from "../../base/errors.js";
import type {
  EntryHead,
  SkipReason,
  Store,
  StoreEntry,
  StoreEvent,
  StoreOwner,
  StoreStats,
} from "../../store/contract.js";
import { DiskStore } from "../../store/disk-store.js";
import { openGivenStore } from "../../store/given-store.js";
import { tellOwner } from "../../store/faults.js";
import type { TellOwner } from "../../store/faults.js";
import { wholeBody } from "../../store/contract.js";
import { sharingOf } from "../../tier/membership.js";
import { Exclusive } from "./exclusive.js";
import type { Locks } from "./exclusive.js";
import type { ResolvedFileCacheOptions } from "./file-cache-options.js";
import { valueScope } from "./value-key.js";

/** A value as stored on disk. */
export interface StoredBytes {
  readonly head: EntryHead;
  /** May be shared with other callers: must not be changed. */
  readonly bytes: Buffer;
}

/** What is to be stored, and until when: epoch milliseconds. */
export interface ValueToStore {
  readonly bytes: Uint8Array;
  readonly tags: readonly string[];
  readonly expiresAt: number;
  /** Position of the invalidation log when its making began. */
  readonly birth: number;
}

/** Why a value was not stored. */
export interface Refusal {
  readonly reason: SkipReason;
  readonly cause: DiskCacheError | undefined;
}

/** Without room, the store evicts: the write is retried this often, each wait twice as long as the one before. */
const ROOM_WAITS = 9;
/** Not for the shortest value. */
const NO_ROOM = "there would be no room for anything if all that is stored went (`maxSize`, `minFree`)";
const WORTH_WAITING: ReadonlySet<SkipReason> = new Set(["over-budget", "queue-full"]);

export class ValueStore {
  readonly #options: ResolvedFileCacheOptions;
  readonly #store: Store<string>;
  readonly exclusive: Exclusive;
  readonly locks: Locks;
  readonly scope: string;
  /** Keys that are being written, with the outcome. */
  readonly #writing = new Map<string, Refusal | undefined>();
  readonly #tell: TellOwner;
  #lastFault: DiskCacheError | undefined = undefined;
  #faults = 0;

  /** @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` with `strict` */
  constructor(options: ResolvedFileCacheOptions, tell: TellOwner) {
    this.#options = options;
    this.#tell = tell;
    this.scope = valueScope(options.keyPrefix);
    this.#store = openStore(options, (event) => this.#observe(event), tell);
    this.locks = this.#store;
    this.exclusive = new Exclusive(this.locks);
  }

  /** Position of the invalidation log: the birth of what is made from now on. */
  position(): number {
    return this.#store.positionNow();
  }

  /** Whether no purge since `birth` names one of the tags. */
  alive(tags: readonly string[], birth: number): boolean {
    return this.#store.survivesPurges({ scope: this.scope, name: "", tags, birth });
  }

  /** What is stored under the key now, by any process. Rejects only with `strict`, when a fault prevents the read. */
  async read(key: string): Promise<StoredBytes | undefined> {
    this.#lastFault = undefined;
    const looked = this.#store.getCurrent(key);
    const entry = looked instanceof Promise ? await looked : looked;
    const found = entry === undefined ? undefined : await this.#whole(entry);
    if (found === undefined && this.#options.strict && this.#lastFault !== undefined) throw this.#lastFault as Error;
    return found;
  }

  /** Resolves when the value is on disk, or with the reason why it is not. */
  async write(key: string, value: ValueToStore): Promise<Refusal | undefined> {
    for (let waits = 0; ; waits++) {
      const head = this.#head(key, value);
      this.#writing.set(key, undefined);
      this.#store.put(head, Buffer.from(value.bytes.buffer, value.bytes.byteOffset, value.bytes.byteLength));
      await this.#store.written(key);
      const refusal = this.#writing.get(key);
      this.#writing.delete(key);
      if (refusal === undefined) return undefined;
      const canWait = waits < ROOM_WAITS && WORTH_WAITING.has(refusal.reason);
      if (!canWait || !this.#store.couldHold(head, value.bytes.length)) {
        if (canWait && !this.#store.couldHold(head, 0)) this.#tell("error", notStoredError(NO_ROOM, undefined));
        this.#tell("write-skipped", { reason: refusal.reason, key });
        return refusal;
      }
      await new Promise((resolve) => setTimeout(resolve, 2 ** waits));
    }
  }

  /** Resolves when nothing can be found under the key.
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_STORE_IO` when the value cannot be removed */
  async remove(key: string): Promise<void> {
    const faults = this.#faults;
    this.#store.remove(key);
    await this.#store.written(key);
    if (faults !== this.#faults && (await this.#store.has(key)))
      throw this.#lastFault ?? storeIoError("remove", this.#where, undefined);
  }

  purgeTags(tags: readonly string[]): Promise<void> {
    return this.#store.purge(
      tags.map((tag) => ({ kind: "tag", tag })),
      { soft: false },
    );
  }

  /** Purges all values under this prefix, of all versions. */
  clear(): Promise<void> {
    return this.#store.purge([{ kind: "scope", scope: this.scope }], { soft: false });
  }

  /** The keys of all values under this prefix that are on disk, in no order; some may have expired. */
  async *keys(): AsyncGenerator<string> {
    for await (const { key, scope } of this.#store.heads()) if (scope === this.scope) yield key;
  }

  stats(): StoreStats {
    return this.#store.stats();
  }

  /** Pending writes are finished first. */
  close(): Promise<void> {
    return this.exclusive.close(() => this.#store.close());
  }

  get #where(): string {
    return this.#options.place.dir ?? "the given store";
  }

  #head(key: string, { tags, expiresAt, birth }: ValueToStore): EntryHead {
    const { clock, codecName } = this.#options;
    // Without a name: purges of pages by URL or prefix have nothing to match.
    return { key, scope: this.scope, name: "", tags, meta: codecName, storedAt: clock.now(), expiresAt, birth };
  }

  async #whole(entry: StoreEntry<string>): Promise<StoredBytes | undefined> {
    const { head, value, softPurged } = entry;
    if (softPurged || value !== this.#options.codecName) return undefined;
    try {
      const bytes = await wholeBody(entry);
      return bytes && { head, bytes };
    } catch (error) {
      this.#lastFault ??= error as DiskCacheError;
      return undefined;
    }
  }

  #observe(event: StoreEvent): void {
    if (event.type === "error" || event.type === "corrupt") {
      this.#lastFault = event.error;
      this.#faults++;
    }
    // That a value is being written is not over: it may have to wait for room. That `minFree` prevents storing is
    // reported for every value that is not stored.
    const isWaited = event.type === "skip" && this.#writing.has(event.key);
    if (!isWaited && !(event.type === "too-small" && event.option === "minFree")) tellOwner(event, this.#tell);
    // A value that a purge has matched was stored, and then purged.
    if (event.type !== "skip" || event.reason === "purged" || !isWaited) return;
    const cause =
      event.reason === "io" ? (this.#lastFault ?? storeIoError("write", this.#where, undefined)) : undefined;
    this.#writing.set(event.key, { reason: event.reason, cause });
  }
}

function openStore(
  options: ResolvedFileCacheOptions,
  observe: (event: StoreEvent) => void,
  tell: TellOwner,
): Store<string> {
  const { place, clock } = options;
  // `incr` and `add` would act on a miss that only means that the store is slow.
  const owner: StoreOwner<string> = { decode: ({ meta }) => meta, observe, clock, patient: true, idle: false };
  if (place.store !== undefined) return openGivenStore(place.store, owner);
  // Up to the bound nothing is evicted: a caller that sets a value waits until there is room.
  const { dir } = place;
  return new DiskStore<string>({
    ...options,
    ...owner,
    dir,
    evictAbove: 1,
    maxBody: Infinity,
    sharing: sharingOf(options.tier, options, tell),
  });
}
