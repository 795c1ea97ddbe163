/** Whether there is room: the bounds, held against what all processes share of their usage. Touches no file itself. */
import { performance } from "node:perf_hooks";
import type { AgeHistogram } from "./age-histogram.js";
import type { Stored } from "./atomic-file.js";
import type { Searched } from "./shard-count.js";
import type { SharedUsage, UsageBounds } from "./shared-usage.js";

/** While hardly anything of an old directory is counted, all processes together may add so much of the bound. */
const UNCOUNTED_SHARE = 0.05;
/** Eviction begins above the first share of a bound and ends at the second. */
const HIGH_SHARE = 0.95;
const LOW_SHARE = 0.9;
/** Where there is no room, the others are looked at so often: by then somebody may have made some. */
const REFUSED_LOOK_MS = 2;

/** Bytes and entries to get rid of. */
export type Excess = Stored;

export class Usage {
  readonly #shared: SharedUsage;
  readonly #bounds: UsageBounds;
  #lookedAt = -Infinity;
  /** The shard that is being counted. */
  #shard = 0;
  #before: Stored = { bytes: 0, entries: 0 };
  #found: Stored = { bytes: 0, entries: 0 };

  constructor(shared: SharedUsage, bounds: UsageBounds) {
    this.#shared = shared;
    this.#bounds = bounds;
  }

  get bytes(): number {
    return Math.max(0, Math.round(this.#shared.total.bytes));
  }

  get entries(): number {
    return Math.max(0, this.#shared.total.entries);
  }

  get counted(): boolean {
    return this.#shared.counted;
  }

  /** Whether the count has to be made, or made anew. */
  isOld(now: number, afterMs: number): boolean {
    const age = now - this.#shared.countedAt;
    return !this.counted || age < 0 || age > afterMs || this.#shared.abandoned;
  }

  get searched(): Searched {
    return this.#shared.searched;
  }

  look(): void {
    this.#lookedAt = performance.now();
    this.#shared.look();
  }

  changed(shard: number, change: Stored): void {
    this.#shared.changed(shard, change);
  }

  /** Whether so many bytes and entries more would keep the bounds, as far as known. */
  admits(bytes: number, entries: number): boolean {
    if (this.#fits(bytes, entries)) return true;
    if (performance.now() - this.#lookedAt < REFUSED_LOOK_MS) return false;
    this.look();
    return this.#fits(bytes, entries);
  }

  /** Takes room for what is about to be written. False when there is none; then nothing is taken. */
  reserve(bytes: number, entries: number): boolean {
    const looked = this.#shared.reserve({ bytes, entries });
    if (this.#fits(0, 0) || (!looked && this.admits(0, 0))) return true;
    this.release(bytes, entries);
    return false;
  }

  /** Gives room back: by now what was written is counted, or it was given up. */
  release(bytes: number, entries: number): void {
    this.#shared.release({ bytes, entries });
  }

  /** What has to go, when it is time to evict: because a bound is near, or `wanted` does not fit. */
  excess(wanted: Stored): Excess | undefined {
    const { maxSize, maxEntries, evictTo = LOW_SHARE } = this.#bounds;
    const low = Math.min(evictTo, LOW_SHARE);
    const total = this.#shared.total;
    const bytes = total.bytes + Math.min(wanted.bytes, maxSize / 2);
    const entries = total.entries + Math.min(wanted.entries, maxEntries / 2);
    const near = total.bytes > maxSize * HIGH_SHARE || total.entries > maxEntries * HIGH_SHARE;
    if (!near && bytes <= maxSize && entries <= maxEntries) return undefined;
    return {
      bytes: Math.max(0, bytes - maxSize * low),
      entries: Math.max(0, Math.ceil(entries - maxEntries * low)),
    };
  }

  /** Adds what those have left who are gone to the count. */
  foldAbandoned(): void {
    this.#shared.foldAbandoned();
  }

  beginShard(shard: number): void {
    this.#shard = shard;
    this.#before = this.#shared.ledgersAt(shard);
    this.#found = { bytes: 0, entries: 0 };
  }

  /** The pass found something that stays. */
  found({ bytes, entries }: Stored): void {
    this.#found = { bytes: this.#found.bytes + bytes, entries: this.#found.entries + entries };
  }

  /** The pass removed something: in the ledger it is gone, and before the ledger it was there. */
  removed({ bytes, entries }: Stored): void {
    this.#shared.changed(this.#shard, { bytes: -bytes, entries: -entries });
    this.found({ bytes, entries });
  }

  endShard(): void {
    this.#shared.setBefore(this.#shard, {
      bytes: this.#found.bytes - this.#before.bytes,
      entries: this.#found.entries - this.#before.entries,
    });
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

  #fits(bytes: number, entries: number): boolean {
    const { maxSize, maxEntries } = this.#bounds;
    const { total, addedUncounted } = this.#shared;
    if (addedUncounted !== undefined && addedUncounted + bytes > maxSize * UNCOUNTED_SHARE) return false;
    return total.bytes + bytes <= maxSize && total.entries + entries <= maxEntries;
  }
}
