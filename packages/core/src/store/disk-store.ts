/** The store on disk: joins the memory tier, the write queue, the files and the invalidation log. Knows nothing of
 * HTTP, and never throws into a request. */
import { setImmediate } from "node:timers";
import { closedError } from "../base/errors.js";
import { andThen, Pending } from "../base/async.js";
import type {
  EntryHead,
  EntryWriter,
  KeyLock,
  LockEnd,
  LockOptions,
  LogPosition,
  PurgeSelector,
  SkipReason,
  Store,
  StoreEntry,
  StoreStats,
} from "./contract.js";
import type { DiskStoreOptions } from "./disk-store-options.js";
import { StoreParts } from "./store-parts.js";
import { isFull } from "./faults.js";
import { errorCode } from "./file-system.js";
import { BLIND } from "./log/invalidation-log.js";
import type { Purgeable } from "./log/purge-marks.js";
import { StoredEntry, memoryCost } from "./entries/stored-entry.js";
import { REMOVED } from "./entries/entries.js";

const ROOM_ATTEMPTS = 4;
/** Longer bodies come in pieces, and do not wait in the queue. */
const LONGEST_PUT_BYTES = 64 * 1024;

export class DiskStore<Value> implements Store<Value> {
  readonly #options: DiskStoreOptions<Value>;
  readonly #parts: StoreParts<Value>;
  readonly #purging = new Pending();
  #closing: Promise<void> | undefined = undefined;
  /** The period without other processes in which the memory tier was filled. */
  #solitude: number | undefined = undefined;

  /** @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` with `strict` */
  constructor(options: DiskStoreOptions<Value>) {
    this.#options = options;
    this.#parts = new StoreParts(options, {
      admit: (entry) => this.#admit(entry),
      lookUp: (key) => this.get(key),
    });
    if (options.strict && options.idle !== true) this.#parts.proveUsable();
  }

  position(): LogPosition {
    return this.#parts.log.position();
  }

  /** The same, with a check of the disk. */
  positionNow(): LogPosition {
    return this.#parts.log.positionNow();
  }

  inMemory(key: string, now: number): StoreEntry<Value> | undefined {
    const entry = this.#parts.memory.get(key);
    return entry?.checkedView === this.#parts.log.look() && this.#parts.liveness.inTime(entry, now) ? entry : undefined;
  }

  get(key: string): StoreEntry<Value> | undefined | Promise<StoreEntry<Value> | undefined> {
    return this.#get(key, false);
  }

  borrow(key: string, now: number): StoreEntry<Value> | undefined | Promise<StoreEntry<Value> | undefined> {
    return this.#get(key, true, now);
  }

  /** As `get`, but bypasses the memory tier: sees what another process has written since.
   * Costs a read. For an entry that has become stale and may have been refreshed by another process. */
  getLatest(key: string): StoreEntry<Value> | undefined | Promise<StoreEntry<Value> | undefined> {
    const { entries, log, memory } = this.#parts;
    if (entries.waiting(key) !== undefined) return this.get(key);
    const remembered = memory.get(key);
    // The entry in memory stays available to other requests until the disk has answered. A slow disk that does not
    // answer has not said that nothing is there.
    const latest = this.#find(key, log.look(), undefined, false);
    if (this.#options.patient !== true) return latest;
    return andThen(latest, (found) => {
      if (found === undefined && memory.get(key) === remembered) memory.delete(key);
      return found;
    });
  }

  /** As `get` while this is the only cache on the directory, otherwise as `getLatest`: for owners that overwrite what
   * other processes may have in memory. */
  getCurrent(key: string): StoreEntry<Value> | undefined | Promise<StoreEntry<Value> | undefined> {
    if (this.#options.memoryBytes === 0) return this.get(key);
    const solitude = this.#parts.neighbours.solitude;
    if (solitude === undefined) return this.getLatest(key);
    if (solitude !== this.#solitude) this.#parts.memory.clear();
    this.#solitude = solitude;
    return this.get(key);
  }

  /** As the contract says; with `admission: "second-request"` a key counts as asked for. */
  admits(key: string): boolean {
    if (this.#parts.doorkeeper === undefined || this.#parts.doorkeeper.meet(key)) return true;
    return this.#parts.memory.get(key) !== undefined || this.hasFile(key);
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

  /** Whether it would fit if everything else were removed. */
  couldHold(head: EntryHead, bodyBytes: number): boolean {
    return this.#parts.guard.couldFit(this.#parts.entries.bytesOf(head, bodyBytes));
  }

  /** Whether a file exists under the key, whatever its content. */
  hasFile(key: string): boolean {
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
    this.#remember(entry);
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

  /** Resolves when nothing for the key waits for the disk any more: it is written, or given up. */
  async written(key: string): Promise<void> {
    await this.#parts.entries.written(key);
  }

  remove(key: string): void {
    if (this.#closing !== undefined) return;
    this.#parts.memory.delete(key);
    this.#parts.entries.remove(key);
  }

  async purge(selectors: readonly PurgeSelector[], how: { readonly soft: boolean }): Promise<void> {
    if (this.#closing !== undefined) throw closedError();
    await this.#purging.add(this.#purge(selectors, how));
  }

  async #purge(selectors: readonly PurgeSelector[], { soft }: { readonly soft: boolean }): Promise<void> {
    if (this.#options.idle === true) return this.#purgeForOthers(selectors, soft);
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#parts.log.append(selectors, soft);
        break;
      } catch (error) {
        if (attempt === ROOM_ATTEMPTS || !isFull((error as Error).cause)) throw error;
        this.#parts.sweeper.giveUpSome();
      }
    }
    if (soft) return;
    const all = selectors.some(({ kind }) => kind === "all");
    if (all) this.#parts.memory.clear();
    this.#parts.sweeper.purged(all || selectors.some(({ kind }) => kind === "scope"));
  }

  clear(): Promise<void> {
    return this.purge([{ kind: "all" }], { soft: false });
  }

  /** Resolves when everything that was put or removed so far is written, or given up. */
  async flush(): Promise<void> {
    await this.#parts.entries.flushed();
  }

  /** The heads of what is on disk, in no order; some entries may be invalid. Reads the whole directory, a part of it
   * in each turn. */
  async *heads(): AsyncGenerator<EntryHead> {
    await this.flush();
    const { units } = this.#parts.entries;
    for (let unit = 0; unit < units.count; unit++) {
      const heads = units.heads(unit);
      if (heads.length === 0) continue;
      yield* heads;
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
  async #purgeForOthers(selectors: readonly PurgeSelector[], soft: boolean): Promise<void> {
    if (!this.#parts.log.begun) return;
    try {
      await this.#parts.log.append(selectors, soft);
    } catch (error) {
      if (errorCode((error as Error).cause) !== "ERR_DISKCACHE_DIRECTORY") throw error;
    }
  }

  #get(
    key: string,
    lend: boolean,
    now?: number,
  ): StoreEntry<Value> | undefined | Promise<StoreEntry<Value> | undefined> {
    const view = this.#parts.log.look();
    const entry = this.#parts.memory.get(key);
    return entry?.checkedView === view && this.#parts.liveness.inTime(entry, now)
      ? entry
      : this.#find(key, view, entry, lend);
  }

  // Bypasses the memory tier, or checks the entry found there again.
  #find(
    key: string,
    view: number,
    remembered: StoredEntry<Value> | undefined,
    lend: boolean,
  ): StoreEntry<Value> | undefined | Promise<StoreEntry<Value> | undefined> {
    if (view === BLIND) return undefined;
    if (remembered !== undefined) {
      if (this.#parts.liveness.check(remembered, view)) return remembered;
      this.#parts.memory.delete(key);
    }
    const { entries, liveness } = this.#parts;
    const waiting = entries.waiting(key);
    if (waiting === REMOVED) return undefined;
    if (waiting !== undefined && liveness.check(waiting, view)) return waiting;
    const unnamed = entries.unnamed(key);
    if (unnamed !== undefined && liveness.check(unnamed, view)) return unnamed;
    return entries.read(key, lend);
  }

  #admit(entry: StoredEntry<Value>): boolean {
    if (!this.#parts.liveness.check(entry, this.#parts.log.look())) return false;
    // A lent body belongs to another request in a moment.
    if (entry.lease === undefined) this.#remember(entry);
    return true;
  }

  // A long entry is opened for each lookup, so that its reader has the very file of its head.
  #remember(entry: StoredEntry<Value>): void {
    const { head, body, value } = entry;
    if (body === undefined) return;
    this.#parts.memory.set(head.key, entry, memoryCost(head, body, this.#options.valueBytes?.(value) ?? 0));
  }
}
