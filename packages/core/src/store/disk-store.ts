/** The store on disk: what is stored, looked up and purged goes through here to its parts. Knows nothing of
 * HTTP, and never throws into a request. */
import { setImmediate } from "node:timers";
import { closedError } from "../base/errors.js";
import type { DiskCacheError } from "../base/errors.js";
import { Pending } from "../base/async.js";
import type { MaybeAsync } from "../base/async.js";
import type {
  EntryHead,
  EntryWriter,
  KeyLock,
  LockEnd,
  LockOptions,
  LogPosition,
  PathSelector,
  PurgeSelector,
  SkipReason,
  StoreEntry,
  StoreStats,
} from "./contract.js";
import type { DiskStoreOptions } from "./disk-store-options.js";
import type { Lookups } from "./lookups.js";
import { ROOM_ATTEMPTS, StoreParts } from "./store-parts.js";
import { isFull } from "./faults.js";
import { errorCode } from "./file-system.js";
import { countNamed } from "./count-named.js";
import type { OpenedStore } from "./count-named.js";
import type { OwnPurge } from "./log/chain-notes.js";
import type { Recording } from "./log/invalidation-log.js";
import type { Purgeable } from "./log/purge-marks.js";
import type { SharedDirectory } from "./sharing.js";
import { StoredEntry } from "./entries/stored-entry.js";

/** Longer bodies come in pieces, and do not wait in the queue. */
const LONGEST_PUT_BYTES = 64 * 1024;

export class DiskStore<Value> implements OpenedStore<Value> {
  readonly #options: DiskStoreOptions<Value>;
  readonly #parts: StoreParts<Value>;
  readonly #lookups: Lookups<Value>;
  readonly #purging = new Pending();
  #closing: Promise<void> | undefined = undefined;

  /** @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` with `strict` */
  constructor(options: DiskStoreOptions<Value>) {
    this.#options = options;
    this.#parts = new StoreParts(options);
    this.#lookups = this.#parts.lookups;
    if (options.strict && options.idle !== true) this.#parts.proveUsable();
  }

  /** As the sharing of purges with other machines sees it; `undefined` where there is none. */
  get directory(): SharedDirectory | undefined {
    return this.#parts.directory;
  }

  position(): LogPosition {
    return this.#parts.log.position();
  }

  positionNow(): LogPosition {
    return this.#parts.log.positionNow();
  }

  inMemory(key: string, now: number): StoreEntry<Value> | undefined {
    return this.#lookups.inMemory(key, now);
  }

  get(key: string): MaybeAsync<StoreEntry<Value> | undefined> {
    return this.#lookups.get(key, false);
  }

  borrow(key: string, now: number): MaybeAsync<StoreEntry<Value> | undefined> {
    return this.#lookups.get(key, true, now);
  }

  /** As `get`, but bypasses the memory tier: sees what another process has written since.
   * Costs a read. For an entry that has become stale and may have been refreshed by another process. */
  getLatest(key: string): MaybeAsync<StoreEntry<Value> | undefined> {
    return this.#lookups.getLatest(key);
  }

  /** As `get` while this is the only cache on the directory, otherwise as `getLatest`: for owners that overwrite what
   * other processes may have in memory. */
  getCurrent(key: string): MaybeAsync<StoreEntry<Value> | undefined> {
    if (this.#options.memoryBytes === 0) return this.get(key);
    return this.#lookups.getCurrent(key, this.#parts.neighbours.solitude);
  }

  /** As the contract says; with `admission: "second-request"` a key counts as asked for. */
  admits(key: string): boolean {
    if (this.#parts.doorkeeper === undefined || this.#parts.doorkeeper.meet(key)) return true;
    return this.#parts.memory.get(key) !== undefined || this.has(key);
  }

  get storing(): boolean {
    return this.#parts.rules.now() === undefined;
  }

  get crowded(): boolean {
    return this.#parts.entries.crowded;
  }

  unfit(head: EntryHead, bodyBytes: number, whole: boolean): SkipReason | undefined {
    const { entries, rules } = this.#parts;
    // By the time a body that is still being made has ended, the queue may have room again.
    const waits = !whole || bodyBytes > LONGEST_PUT_BYTES || entries.takes(entries.bytesOf(head, bodyBytes));
    return rules.ask(head, bodyBytes) ?? (waits ? undefined : "queue-full");
  }

  couldHold(head: EntryHead, bodyBytes: number): boolean {
    return this.#parts.guard.couldFit(this.#parts.entries.bytesOf(head, bodyBytes));
  }

  /** Whether a file exists under the key, whatever its content. */
  has(key: string): boolean {
    return this.#parts.entries.has(key);
  }

  put(head: EntryHead, body: Buffer): boolean {
    const refused = this.#parts.rules.ask(head, body.length);
    if (refused !== undefined) return this.#parts.rules.refuse(refused, head.key);
    let entry: StoredEntry<Value>;
    try {
      entry = new StoredEntry(
        head,
        this.#options.decode(head),
        body.length,
        body,
        undefined,
        this.#options.clock.now(),
      );
    } catch {
      return this.#parts.rules.refuse("unusable", head.key);
    }
    if (!this.#parts.entries.put(entry)) return this.#parts.rules.refuse("queue-full", head.key);
    this.#lookups.remember(entry);
    return true;
  }

  create(key: string): EntryWriter | undefined {
    const refused = this.#parts.rules.now();
    if (refused !== undefined || this.crowded) {
      this.#parts.rules.refuse(refused ?? "queue-full", key);
      return undefined;
    }
    this.#parts.sweeper.start();
    return this.#parts.entries.create(key);
  }

  survivesPurges(entry: Purgeable): boolean {
    return this.#parts.liveness.survivesPurges(entry);
  }

  lock(key: string, { making, always = false }: LockOptions = {}): KeyLock | "held" | undefined {
    if (this.#parts.rules.now() !== undefined || !(always || this.#parts.neighbours.present)) return undefined;
    const isOutdated = (birth: LogPosition): boolean => !this.survivesPurges({ ...making!, tags: [], birth });
    const lock = this.#parts.locks.take(key, making && { birth: making.birth, isOutdated });
    if (typeof lock !== "object") return lock;
    return {
      release: (others = []) => {
        const keys = [key, ...others];
        if (!keys.some((put) => this.#parts.entries.isPending(put))) lock.release();
        else void Promise.all(keys.map((put) => this.written(put))).then(() => lock.release());
      },
    };
  }

  released(key: string, timeoutMs: number): Promise<LockEnd> {
    return this.#parts.locks.released(key, timeoutMs);
  }

  async written(key: string): Promise<void> {
    await this.#parts.entries.written(key);
  }

  remove(key: string): void {
    if (this.#closing !== undefined) return;
    this.#parts.memory.delete(key);
    this.#parts.entries.remove(key);
  }

  removeForAll({ key, scope, name }: Pick<EntryHead, "key" | "scope" | "name">): void {
    this.remove(key);
    if (this.#closing !== undefined || !this.#parts.neighbours.present) return;
    // Other processes have it in memory, and look at the log before they give it out.
    this.#record([{ kind: "name", name, scope }], { soft: false, local: true }).catch((error: DiskCacheError) =>
      this.#parts.faults.tell({ type: "error", operation: "purge", code: errorCode(error.cause), error, said: false }),
    );
  }

  async purge(selectors: readonly (PurgeSelector | PathSelector)[], how: { readonly soft: boolean }): Promise<void> {
    const own = await this.#record(selectors, how);
    await this.#parts.sharing?.publish(own);
  }

  // What is recorded is purged for every process on the directory.
  async #record(selectors: readonly (PurgeSelector | PathSelector)[], how: Recording): Promise<readonly OwnPurge[]> {
    if (this.#closing !== undefined) throw closedError();
    return this.#purging.add(
      this.#options.idle === true ? this.#recordForOthers(selectors, how) : this.#append(selectors, how),
    );
  }

  async #append(selectors: readonly (PurgeSelector | PathSelector)[], how: Recording): Promise<readonly OwnPurge[]> {
    const own = await this.#appended(selectors, how);
    if (how.soft) return own;
    const all = selectors.some(({ kind }) => kind === "all");
    if (all) this.#parts.memory.clear();
    this.#parts.sweeper.purged(all || selectors.some(({ kind }) => kind === "scope"));
    return own;
  }

  async #appended(selectors: readonly (PurgeSelector | PathSelector)[], how: Recording): Promise<readonly OwnPurge[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#parts.log.append(selectors, how);
      } catch (error) {
        if (attempt === ROOM_ATTEMPTS || !isFull((error as Error).cause)) throw error;
        this.#parts.sweeper.giveUpSome();
      }
    }
  }

  clear(): Promise<void> {
    return this.purge([{ kind: "all" }], { soft: false });
  }

  async countNamed(
    selectors: readonly (PurgeSelector | PathSelector)[],
    counts: (head: EntryHead) => boolean,
  ): Promise<number> {
    if (this.#closing !== undefined) throw closedError();
    // Without a log, nothing is stored; to look for one would make one.
    if (this.#options.idle === true && !this.#parts.log.begun) return 0;
    return countNamed(this, selectors, counts, this.#options.clock.now());
  }

  /** Resolves when everything that was put or removed so far is written, or given up. */
  async flush(): Promise<void> {
    await this.#parts.entries.flushed();
  }

  /** As the contract says: reads the whole directory, a part of it in each turn. */
  async *heads(): AsyncGenerator<EntryHead> {
    await this.flush();
    const { units } = this.#parts.entries;
    for (let unit = 0; unit < units.count; unit++) {
      const heads = units.heads(unit);
      if (heads.length === 0) continue;
      for (const found of heads) if (this.#parts.liveness.usable(found)) yield found.head;
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
  }

  stats(): StoreStats {
    if (this.#closing === undefined && this.#options.idle !== true) this.#parts.sweeper.attend();
    return {
      entries: this.#parts.usage.entries,
      bytes: this.#parts.usage.bytes,
      memoryEntries: this.#parts.memory.size,
      memoryBytes: this.#parts.memory.cost,
      pendingWrites: this.#parts.entries.pending,
      evictions: this.#parts.faults.evictions,
      corrupt: this.#parts.faults.corruptCount,
      ioErrors: this.#parts.faults.ioErrors,
      skippedWrites: this.#parts.faults.skippedWrites,
      ...(this.#parts.sharing && { tier: this.#parts.sharing.stats() }),
    };
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#parts.rules.close();
    this.#parts.locks.close();
    await this.flush();
    await this.#parts.entries.abort();
    await this.#parts.sharing?.close();
    await this.#purging.thenEnd(() => this.#releaseAll());
  }

  #releaseAll(): void {
    this.#parts.sweeper.stop();
    this.#parts.usage.close();
    this.#parts.neighbours.close();
    this.#parts.memory.clear();
    this.#parts.entries.close();
    this.#parts.log.close();
  }

  // Without a log, nothing is stored. The same holds in a directory that a store which is switched on would refuse.
  async #recordForOthers(
    selectors: readonly (PurgeSelector | PathSelector)[],
    how: Recording,
  ): Promise<readonly OwnPurge[]> {
    if (!this.#parts.log.begun && this.#parts.sharing === undefined) return [];
    try {
      return await this.#parts.log.append(selectors, how);
    } catch (error) {
      if (errorCode((error as Error).cause) !== "ERR_DISKCACHE_DIRECTORY") throw error;
      return [];
    }
  }
}
