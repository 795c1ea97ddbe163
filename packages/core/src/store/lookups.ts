/** What is stored under a key now: in memory, in what waits to be written, being committed, or on disk; and whether it
 * may still be used. Stores nothing but what it has read, in memory. */
import { andThen } from "../base/async.js";
import type { MaybeAsync } from "../base/async.js";
import type { StoreEntry } from "./contract.js";
import { REMOVED } from "./entries/entries.js";
import type { Entries } from "./entries/entries.js";
import { memoryCost } from "./entries/stored-entry.js";
import type { StoredEntry } from "./entries/stored-entry.js";
import type { Liveness } from "./liveness.js";
import { BLIND } from "./log/invalidation-log.js";
import type { InvalidationLog } from "./log/invalidation-log.js";
import type { MemoryTier } from "./memory-tier.js";

export interface LookupDeps<Value> {
  readonly log: InvalidationLog;
  readonly memory: MemoryTier<StoredEntry<Value>>;
  readonly entries: Entries<Value>;
  readonly liveness: Liveness;
  /** What a value holds beyond its head, in bytes. */
  readonly valueBytes: (value: Value) => number;
  /** A slow disk is waited for without limit, so that no answer means that nothing is there. */
  readonly patient: boolean;
}

export class Lookups<Value> {
  readonly #log: InvalidationLog;
  readonly #memory: MemoryTier<StoredEntry<Value>>;
  readonly #entries: Entries<Value>;
  readonly #liveness: Liveness;
  readonly #valueBytes: (value: Value) => number;
  readonly #patient: boolean;
  /** The period without other processes in which the memory tier was filled. */
  #solitude: number | undefined = undefined;

  constructor({ log, memory, entries, liveness, valueBytes, patient }: LookupDeps<Value>) {
    this.#log = log;
    this.#memory = memory;
    this.#entries = entries;
    this.#liveness = liveness;
    this.#valueBytes = valueBytes;
    this.#patient = patient;
  }

  inMemory(key: string, now: number): StoreEntry<Value> | undefined {
    const entry = this.#memory.get(key);
    return entry?.checkedView === this.#log.look() && this.#liveness.inTime(entry, now) ? entry : undefined;
  }

  /** @param lend whether the body may be lent */
  get(key: string, lend: boolean, now?: number): MaybeAsync<StoreEntry<Value> | undefined> {
    const view = this.#log.look();
    const entry = this.#memory.get(key);
    return entry?.checkedView === view && this.#liveness.inTime(entry, now)
      ? entry
      : this.#find(key, view, entry, lend);
  }

  /** Bypasses the memory tier. */
  getLatest(key: string): MaybeAsync<StoreEntry<Value> | undefined> {
    if (this.#entries.waiting(key) !== undefined) return this.get(key, false);
    const remembered = this.#memory.get(key);
    // The entry in memory stays available to other requests until the disk has answered. A slow disk that does not
    // answer has not said that nothing is there.
    const latest = this.#find(key, this.#log.look(), undefined, false);
    if (!this.#patient) return latest;
    return andThen(latest, (found) => {
      if (found === undefined && this.#memory.get(key) === remembered) this.#memory.delete(key);
      return found;
    });
  }

  /** @param solitude which period without other processes this is; `undefined` when there are others */
  getCurrent(key: string, solitude: number | undefined): MaybeAsync<StoreEntry<Value> | undefined> {
    if (solitude === undefined) return this.getLatest(key);
    if (solitude !== this.#solitude) this.#memory.clear();
    this.#solitude = solitude;
    return this.get(key, false);
  }

  /** Takes what was read from disk, and returns whether it may be used. */
  admit(entry: StoredEntry<Value>): boolean {
    if (!this.#liveness.check(entry, this.#log.look())) return false;
    // A lent body belongs to another request in a moment.
    if (entry.lease === undefined) this.remember(entry);
    return true;
  }

  /** Puts it into the memory tier. A long entry is opened for each lookup, so that its reader has the very file of its
   * head. */
  remember(entry: StoredEntry<Value>): void {
    const { head, body, value } = entry;
    if (body === undefined) return;
    this.#memory.set(head.key, entry, memoryCost(head, body, this.#valueBytes(value)));
  }

  // Bypasses the memory tier, or checks the entry found there again.
  #find(
    key: string,
    view: number,
    remembered: StoredEntry<Value> | undefined,
    lend: boolean,
  ): MaybeAsync<StoreEntry<Value> | undefined> {
    if (view === BLIND) return undefined;
    if (remembered !== undefined) {
      if (this.#liveness.check(remembered, view)) return remembered;
      // What is only unconfirmed may be valid again with the next contact.
      if (!this.#liveness.survivesPurges(remembered.head) || !this.#liveness.inTime(remembered))
        this.#memory.delete(key);
    }
    const waiting = this.#entries.waiting(key);
    if (waiting === REMOVED) return undefined;
    if (waiting !== undefined && this.#liveness.check(waiting, view)) return waiting;
    const unnamed = this.#entries.unnamed(key);
    if (unnamed !== undefined && this.#liveness.check(unnamed, view)) return unnamed;
    return this.#entries.read(key, lend);
  }
}
