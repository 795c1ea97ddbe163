/** What the bounds of a cache allow: pure functions of the bounds and of what is held. Holds nothing, asks nothing. */
import type { UsageChange } from "../entries/entries.js";

/** While hardly anything of an old directory is counted, all processes together may add this share of the bound. */
const UNCOUNTED_SHARE = 0.05;
/** What all processes together may add between two looks at one another, as a share of a bound. */
const UNSEEN_SHARE = 0.01;
/** Eviction begins above the first share of a bound and stops at the second. */
const HIGH_SHARE = 0.95;
const LOW_SHARE = 0.9;

/** What the cache keeps beside the entries, roughly: six directories, two markers, the count. */
const BOOKKEEPING_BYTES = 64 * 1024;
/** What each process that has the directory open adds to that. */
const BOOKKEEPING_BYTES_EACH = 8 * 1024;
/** In a small cache there is to be room for entries. */
const MOST_BOOKKEEPING_SHARE = 0.25;

/** What goes when the disk has refused a write and it is not known how much it lacks. */
const RELIEF_SHARE = 0.05;

export interface Bounds {
  readonly maxSize: number;
  readonly maxEntries: number;
  /** The share of `maxEntries` above which eviction begins, when given; by default it begins a little below the
   * bound. */
  readonly evictAbove?: number | undefined;
  /** The share of a bound at which eviction stops, where it is to stop earlier than by default. */
  readonly evictTo?: number | undefined;
}

export const NOTHING: UsageChange = Object.freeze({ bytes: 0, entries: 0 });

export function sum(one: UsageChange, other: UsageChange): UsageChange {
  return { bytes: one.bytes + other.bytes, entries: one.entries + other.entries };
}

export function negative({ bytes, entries }: UsageChange): UsageChange {
  return { bytes: -bytes, entries: -entries };
}

/** Bytes and entries to get rid of. */
export type Excess = UsageChange;

/** Bytes that lie beside the entries. */
export function bookkeepingBytes({ maxSize }: Bounds, writers: number, logBytes: number): number {
  const kept = BOOKKEEPING_BYTES + writers * BOOKKEEPING_BYTES_EACH + logBytes;
  return Math.min(kept, maxSize * MOST_BOOKKEEPING_SHARE);
}

/** Whether the bounds hold with this much more than is held.
 * @param addedUncounted what was added to a directory of which hardly anything is counted */
export function fits(
  { maxSize, maxEntries }: Bounds,
  held: UsageChange,
  more: UsageChange = NOTHING,
  addedUncounted?: number,
): boolean {
  if (addedUncounted !== undefined && addedUncounted + more.bytes > maxSize * UNCOUNTED_SHARE) return false;
  return held.bytes + more.bytes <= maxSize && held.entries + more.entries <= maxEntries;
}

/** Whether it is time to evict: because a bound is near, or `wanted` does not fit. */
export function isOver(bounds: Bounds, held: UsageChange, wanted: UsageChange): boolean {
  const { maxSize, maxEntries, evictAbove = HIGH_SHARE } = bounds;
  if (held.bytes > maxSize * HIGH_SHARE || held.entries > maxEntries * evictAbove) return true;
  return !fits(bounds, held, atMostHalf(wanted, { bytes: maxSize, entries: maxEntries }));
}

/** What has to go once it is time. */
export function excess(
  { maxSize, maxEntries, evictTo = LOW_SHARE }: Bounds,
  held: UsageChange,
  wanted: UsageChange,
): Excess {
  const low = Math.min(evictTo, LOW_SHARE);
  const { bytes, entries } = atMostHalf(wanted, { bytes: maxSize, entries: maxEntries });
  return {
    bytes: Math.max(0, held.bytes + bytes - maxSize * low),
    entries: Math.max(0, Math.ceil(held.entries + entries - maxEntries * low)),
  };
}

/** Of a bound, or of what is held, at most half is given up for one entry. */
export function atMostHalf(wanted: UsageChange, of: UsageChange): UsageChange {
  return { bytes: Math.min(wanted.bytes, of.bytes / 2), entries: Math.min(wanted.entries, of.entries / 2) };
}

/** Whether one of so many writers may have changed this much that the others do not know of. */
export function mayStayUnseen({ maxSize, maxEntries }: Bounds, unseen: UsageChange, writers: number): boolean {
  const share = UNSEEN_SHARE / 2 / writers;
  return unseen.bytes <= maxSize * share && unseen.entries <= maxEntries * share;
}

/** What goes for a write of `refused` that the disk refused, although it should have had room. */
export function relief(held: UsageChange, refused: UsageChange): Excess {
  return {
    bytes: Math.max(Math.min(refused.bytes, held.bytes / 2), held.bytes * RELIEF_SHARE),
    entries: Math.ceil(held.entries * RELIEF_SHARE),
  };
}

/** Whether so few entries are held that none goes for what may be over in a moment. */
export function areFew({ entries }: UsageChange): boolean {
  return entries * RELIEF_SHARE < 1;
}
