/**
 * Whether there is space, and what has to go where there is none: the bounds of the cache, the free space of its file
 * system, and what a full disk has refused. Every way of writing reserves its space here before it writes. Touches no
 * entry.
 */
import type { Reservation, UsageChange } from "../entries/entries.js";
import { blocksFor } from "../file-system.js";
import type { FreeSpace } from "./free-space.js";
import { areFew, excess, isOver, negative, NOTHING, relief, sum } from "./limits.js";
import type { Bounds, Excess } from "./limits.js";
import type { SharedUsage } from "./shared-usage.js";

/** While giving up entries for a disk that refuses does not help, the next share goes after this time, then after
 * twice as long: what is removed may not become free, or another program may take it at once. */
const FIRST_RELIEF_MS = 100;
const LONGEST_RELIEF_MS = 60_000;
/** At least this share of what was removed has to become free; otherwise removing more does not help for now. */
const LEAST_FREED_SHARE = 0.5;

/** A pass that evicts. */
export interface Eviction {
  /** What has to go, as known when it begins. No pass removes more. */
  readonly excess: Excess;
  /** What still has to go when `gone` has been removed: computed again each time, because others write and remove
   * meanwhile. */
  readonly left: (gone: UsageChange) => Excess;
  /** The pass is over. False when it did not help: then the next one waits. */
  readonly end: (gone: UsageChange) => boolean;
}

/** What the guard needs of the store around it. */
export interface SpaceGuardDeps {
  readonly usage: SharedUsage;
  readonly free: FreeSpace;
  /** Milliseconds of a clock that never jumps. */
  readonly elapsed: () => number;
  /** Called when something finds no space: some is made. */
  readonly lacking: () => void;
}

export class SpaceGuard {
  readonly #bounds: Bounds;
  readonly #deps: SpaceGuardDeps;
  /** The largest request that found no space since the last pass that evicted began. */
  #wanted = NOTHING;
  /** What was being written when the disk was full; `undefined` when something has been removed since. */
  #refused: UsageChange | undefined = undefined;
  #reliefMs = 0;
  #noReliefUntil = 0;

  constructor(bounds: Bounds, deps: SpaceGuardDeps) {
    this.#bounds = bounds;
    this.#deps = deps;
  }

  /** Whether a writer waits for space. */
  get isWanted(): boolean {
    return this.#wanted !== NOTHING || this.#refused !== undefined;
  }

  /** Whether this many bytes would fit if everything that is stored were removed. */
  couldFit(bytes: number): boolean {
    const { usage, free } = this.#deps;
    return usage.couldFit(bytes) && free.admits({ bytes: bytes - usage.bytes, entries: -usage.entries });
  }

  /** Asks for space without taking it: whether every bound, as far as known, still holds with this much more. When
   * not, some is made. */
  ask(space: UsageChange): boolean {
    const { usage, free } = this.#deps;
    return (free.admits(space) && usage.fits(space)) || this.#lacks(space);
  }

  /** Reserves space for what is about to be written, against all other writers. False when there is none: then nothing
   * is reserved, and some is made. */
  reserve(space: UsageChange): boolean {
    const { usage, free } = this.#deps;
    if (!free.admits(space) || !usage.reserve(space)) return this.#lacks(space);
    free.take(space);
    return true;
  }

  /** This much of what was reserved is on disk now. */
  written(space: UsageChange): void {
    this.#deps.free.written(space);
  }

  /** Returns space: what was written into it is counted by now, or removed. */
  release(space: UsageChange, written: UsageChange): void {
    this.#deps.usage.release(space);
    this.#deps.free.drop(sum(space, negative(written)));
  }

  /** The disk had no space although it should have had some: other data fills it, it is out of inodes, or there is a
   * quota. True when entries are to be evicted for it. */
  refused(): boolean {
    const { usage, elapsed } = this.#deps;
    if (this.#refused !== undefined || elapsed() < this.#noReliefUntil) return false;
    const first = this.#reliefMs === 0;
    this.#reliefMs = Math.min(Math.max(this.#reliefMs * 2, FIRST_RELIEF_MS), LONGEST_RELIEF_MS);
    this.#noReliefUntil = elapsed() + (first ? 0 : this.#reliefMs);
    if (first && areFew(usage)) return false;
    this.#refused = usage.reserved;
    return true;
  }

  /** A write has reached the disk. */
  accepted(): void {
    this.#reliefMs = 0;
    this.#noReliefUntil = 0;
  }

  /** Another process makes space: if that is not enough for what was refused, the disk refuses it again. */
  yielded(): void {
    this.#refused = undefined;
  }

  /** What is to be done, when it is time to evict. */
  eviction(): Eviction | undefined {
    const { usage, free } = this.#deps;
    let short = free.isShort(this.#wanted, usage);
    // An older reading may no longer be true.
    if (short && free.read()) short = free.isShort(this.#wanted, usage);
    const over = isOver(this.#bounds, usage.held, this.#wanted);
    if (!short && !over && this.#refused === undefined) return undefined;
    const refused = this.#refused === undefined ? NOTHING : relief(usage, this.#refused);
    const left = (gone: UsageChange): Excess => {
      const own = over ? excess(this.#bounds, usage.held, this.#wanted) : NOTHING;
      const missing = short ? free.missing(this.#wanted, usage) : NOTHING;
      return {
        bytes: Math.max(own.bytes, missing.bytes, refused.bytes - gone.bytes),
        entries: Math.max(own.entries, missing.entries, refused.entries - gone.entries),
      };
    };
    const freedShare = short ? free.watch() : undefined;
    return {
      excess: left(NOTHING),
      left: (gone) => {
        if (short) free.read();
        return left(gone);
      },
      end: (gone) => {
        this.#wanted = NOTHING;
        this.#refused = undefined;
        return gone.entries > 0 && (freedShare === undefined || freedShare(gone.bytes) >= LEAST_FREED_SHARE);
      },
    };
  }

  #lacks(wanted: UsageChange): false {
    if (wanted.bytes > this.#wanted.bytes || this.#wanted.entries === 0) this.#wanted = wanted;
    this.#deps.lacking();
    return false;
  }
}

/** Space reserved for one entry while it is written, so that no two writers count on the same space. */
export class SpaceReservation implements Reservation {
  readonly #guard: SpaceGuard;
  #taken = NOTHING;
  #written = NOTHING;

  constructor(guard: SpaceGuard) {
    this.#guard = guard;
  }

  /** Reserves space for this many bytes in total; false when there is none. */
  grow(bytes: number): boolean {
    const wanted = Math.max(blocksFor(bytes), blocksFor(1));
    if (wanted <= this.#taken.bytes) return true;
    const more: UsageChange = { bytes: wanted - this.#taken.bytes, entries: 1 - this.#taken.entries };
    if (!this.#guard.reserve(more)) return false;
    this.#taken = sum(this.#taken, more);
    return true;
  }

  /** This many bytes in total are on disk now; by default all that was reserved. */
  written(bytes = this.#taken.bytes): void {
    const now: UsageChange = { bytes: Math.min(blocksFor(bytes), this.#taken.bytes), entries: this.#taken.entries };
    this.#guard.written(sum(now, negative(this.#written)));
    this.#written = now;
  }

  /** What was written is counted from now on, or nothing was written. Idempotent. */
  giveBack(): void {
    if (this.#taken.entries > 0) this.#guard.release(this.#taken, this.#written);
    this.#taken = NOTHING;
    this.#written = NOTHING;
  }
}
