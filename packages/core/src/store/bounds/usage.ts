/** Whether there is room: the bounds, compared with the usage that all processes share. Touches no file itself. */
import { performance } from "node:perf_hooks";
import { negative, NOTHING, sum } from "../usage-change.js";
import type { UsageChange } from "../usage-change.js";
import type { AgeHistogram, Searched } from "./shard-count.js";
import type { SharedUsage, UsageBounds } from "./shared-usage.js";

/** While hardly anything of an old directory is counted, all processes together may add this share of the bound. */
const UNCOUNTED_SHARE = 0.05;
/** Eviction begins above the first share of a bound and stops at the second. */
const HIGH_SHARE = 0.95;
const LOW_SHARE = 0.9;
/** Without room, the others' ledgers are read this often: another process may have made room by then. */
const REFUSED_LOOK_MS = 2;

/** What the cache keeps beside the entries, roughly: six directories, two markers, the count. */
const BOOKKEEPING_BYTES = 64 * 1024;
/** What each process that has the directory open adds to that. */
const BOOKKEEPING_BYTES_EACH = 8 * 1024;
/** In a small cache there is to be room for entries. */
const MOST_BOOKKEEPING_SHARE = 0.25;

/** Bytes and entries to get rid of. */
export type Excess = UsageChange;

export class Usage {
  readonly #shared: SharedUsage;
  readonly #bounds: UsageBounds;
  readonly #logBytes: () => number;
  #lookedAt = -Infinity;
  /** The shard that is being counted. */
  #shard = 0;
  #before = NOTHING;
  #found = NOTHING;
  #removed = NOTHING;
  /** What was counted while another process wrote there. */
  readonly suspects: Recount;

  /** @param logBytes what the invalidation log takes */
  constructor(shared: SharedUsage, bounds: UsageBounds, logBytes: () => number) {
    this.#shared = shared;
    this.#bounds = bounds;
    this.#logBytes = logBytes;
    this.suspects = new Recount(
      (shard) => shared.ledgersAt(shard),
      () => shared.writing,
    );
  }

  get bytes(): number {
    return Math.max(0, Math.round(this.#shared.total.bytes));
  }

  get entries(): number {
    return Math.max(0, this.#shared.total.entries);
  }

  /** What this process is writing just now. */
  get reserved(): UsageChange {
    return this.#shared.reserved;
  }

  get counted(): boolean {
    return this.#shared.counted;
  }

  /** Whether the directory has to be counted, or counted again. */
  isOld(now: number, afterMs: number): boolean {
    const age = now - this.#shared.countedAt;
    return !this.counted || age < 0 || age > afterMs || this.#shared.abandoned;
  }

  get countedAt(): number {
    return this.#shared.countedAt;
  }

  get searched(): Searched {
    return this.#shared.searched;
  }

  look(): void {
    this.#lookedAt = performance.now();
    this.#shared.look();
  }

  changed(shard: number, change: UsageChange): void {
    this.#shared.changed(shard, change);
  }

  /** Whether the bounds hold with this many more bytes and entries, as far as known. */
  admits(bytes: number, entries: number): boolean {
    if (this.#fits(bytes, entries)) return true;
    if (performance.now() - this.#lookedAt < REFUSED_LOOK_MS) return false;
    this.look();
    return this.#fits(bytes, entries);
  }

  /** Whether this many bytes would keep the bound if nothing else were stored. */
  couldAdmit(bytes: number): boolean {
    return this.#kept + bytes <= this.#bounds.maxSize;
  }

  /** Reserves room for what is about to be written. False when there is none; then nothing is reserved. */
  reserve(bytes: number, entries: number): boolean {
    const looked = this.#shared.reserve({ bytes, entries });
    if (this.#fits(0, 0) || (!looked && this.admits(0, 0))) return true;
    this.release(bytes, entries);
    return false;
  }

  /** Returns room: what was written is counted by now, or was given up. */
  release(bytes: number, entries: number): void {
    this.#shared.release({ bytes, entries });
  }

  /** Whether it is time to evict: because a bound is near, or `wanted` does not fit. */
  isOver(wanted: UsageChange): boolean {
    const { maxSize, maxEntries, evictAbove = HIGH_SHARE } = this.#bounds;
    const total = this.#held;
    if (total.bytes > maxSize * HIGH_SHARE || total.entries > maxEntries * evictAbove) return true;
    const { bytes, entries } = this.#with(wanted);
    return bytes > maxSize || entries > maxEntries;
  }

  /** What has to go once it is time. */
  excess(wanted: UsageChange): Excess {
    const { maxSize, maxEntries, evictTo = LOW_SHARE } = this.#bounds;
    const low = Math.min(evictTo, LOW_SHARE);
    const { bytes, entries } = this.#with(wanted);
    return {
      bytes: Math.max(0, bytes - maxSize * low),
      entries: Math.max(0, Math.ceil(entries - maxEntries * low)),
    };
  }

  /** Adds to the count what dead processes have left. */
  foldAbandoned(): void {
    this.#shared.foldAbandoned();
  }

  beginShard(shard: number): void {
    this.#shard = shard;
    this.#before = this.#shared.ledgersAt(shard);
    this.#found = NOTHING;
    this.#removed = NOTHING;
  }

  /** The pass found something that stays. */
  found(what: UsageChange): void {
    this.#found = sum(this.#found, what);
  }

  /** The pass removed something: the ledger subtracts it, and the count before the ledgers includes it. */
  removed(what: UsageChange): void {
    this.#shared.changed(this.#shard, negative(what));
    this.#removed = sum(this.#removed, what);
    this.found(what);
  }

  endShard(): void {
    this.#shared.setBefore(this.#shard, sum(this.#found, negative(this.#before)));
    this.suspects.counted(this.#shard, sum(this.#before, negative(this.#removed)));
  }

  endPass(countedAt: number, searched: Searched | undefined, ages: AgeHistogram): void {
    this.#shared.finish(countedAt, searched, ages);
    this.look();
  }

  ages(): AgeHistogram | undefined {
    return this.#shared.ages();
  }

  close(): void {
    this.#shared.close();
  }

  // What is compared with the bounds.
  get #held(): UsageChange {
    const { bytes, entries } = this.#shared.total;
    return { bytes: bytes + this.#kept, entries };
  }

  // What lies beside the entries.
  get #kept(): number {
    const kept = BOOKKEEPING_BYTES + this.#shared.writers * BOOKKEEPING_BYTES_EACH + this.#logBytes();
    return Math.min(kept, this.#bounds.maxSize * MOST_BOOKKEEPING_SHARE);
  }

  // At most half of a bound is given up for one entry.
  #with(wanted: UsageChange): UsageChange {
    const { maxSize, maxEntries } = this.#bounds;
    const { bytes, entries } = this.#held;
    return {
      bytes: bytes + Math.min(wanted.bytes, maxSize / 2),
      entries: entries + Math.min(wanted.entries, maxEntries / 2),
    };
  }

  #fits(bytes: number, entries: number): boolean {
    const { maxSize, maxEntries } = this.#bounds;
    const { addedUncounted } = this.#shared;
    const total = this.#held;
    if (addedUncounted !== undefined && addedUncounted + bytes > maxSize * UNCOUNTED_SHARE) return false;
    return total.bytes + bytes <= maxSize && total.entries + entries <= maxEntries;
  }
}

/*
 * Which shards may have been counted wrongly, because they changed during the count: a write is visible in the
 * directory a moment before its writer has recorded it, so a file may be both found and recorded. Counts nothing
 * itself.
 */

export class Recount {
  /** What the ledgers said of each shard when it was counted. */
  readonly #told = new Map<number, UsageChange>();
  readonly #ledgersAt: (shard: number) => UsageChange;
  readonly #writing: () => boolean;
  /** What they said of the suspects at the last check. */
  #seen = "";

  /** @param writing whether this process is writing something that it has not recorded yet */
  constructor(ledgersAt: (shard: number) => UsageChange, writing: () => boolean) {
    this.#ledgersAt = ledgersAt;
    this.#writing = writing;
  }

  get any(): boolean {
    return this.#told.size > 0;
  }

  /** A shard has been counted. */
  counted(shard: number, told: UsageChange): void {
    this.#told.set(shard, told);
    this.#seen = "";
  }

  /** Another process has counted everything since. */
  clear(): void {
    this.#told.clear();
  }

  /** The shards to count again; `undefined` while they still change: then the caller asks again later. */
  look(): readonly number[] | undefined {
    const changed: (readonly [number, number, number])[] = [];
    for (const [shard, told] of this.#told) {
      const { bytes, entries } = this.#ledgersAt(shard);
      if (bytes !== told.bytes || entries !== told.entries) changed.push([shard, bytes, entries]);
    }
    const seen = JSON.stringify(changed);
    const quiet = seen === this.#seen && !this.#writing();
    this.#seen = seen;
    if (!quiet) return undefined;
    this.#told.clear();
    return changed.map(([shard]) => shard);
  }
}
