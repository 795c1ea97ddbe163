/**
 * Whether there is room, and what has to go where there is none: the bounds of the cache, the free space of its file
 * system, and what a full disk has refused. Every way of writing reserves its room here before it writes. Touches no
 * entry.
 */
import { NOTHING, negative, sum } from "../usage-change.js";
import type { UsageChange } from "../usage-change.js";
import type { FreeSpace } from "./free-space.js";
import type { Excess, Usage } from "./usage.js";

/** What goes when the disk has refused a write and it is not known how much it lacks. */
const RELIEF_SHARE = 0.05;
/** While that does not help, the next share goes after this time, then after twice as long: what is removed may not
 * become free, or another program may take it at once. */
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

export class RoomGuard {
  readonly #usage: Usage;
  readonly #free: FreeSpace;
  readonly #elapsed: () => number;
  /** The largest request that found no room since the last pass that evicted began. */
  #wanted = NOTHING;
  /** What was being written when the disk was full; `undefined` when something has been removed since. */
  #refused: UsageChange | undefined = undefined;
  #reliefMs = 0;
  #noReliefUntil = 0;

  constructor(usage: Usage, free: FreeSpace, elapsed: () => number) {
    this.#usage = usage;
    this.#free = free;
    this.#elapsed = elapsed;
  }

  /** Whether a writer waits for room. */
  get isWanted(): boolean {
    return this.#wanted !== NOTHING || this.#refused !== undefined;
  }

  /** Whether every bound, as far as known, still holds with this much more. */
  admits(room: UsageChange): boolean {
    return this.#noted(room, this.#free.admits(room) && this.#usage.admits(room.bytes, room.entries));
  }

  /** Whether this many bytes would fit if everything that is stored were removed. */
  couldAdmit(bytes: number): boolean {
    const { bytes: held, entries } = this.#usage;
    return this.#usage.couldAdmit(bytes) && this.#free.admits({ bytes: bytes - held, entries: -entries });
  }

  /** Reserves room for what is about to be written, against all other writers. False when there is none; then nothing
   * is reserved. */
  reserve(room: UsageChange): boolean {
    const reserved = this.#free.admits(room) && this.#usage.reserve(room.bytes, room.entries);
    if (reserved) this.#free.take(room);
    return this.#noted(room, reserved);
  }

  /** This much of what was reserved is on disk now. */
  written(room: UsageChange): void {
    this.#free.written(room);
  }

  /** Returns room: what was written into it is counted by now, or removed. */
  release(room: UsageChange, written: UsageChange): void {
    this.#usage.release(room.bytes, room.entries);
    this.#free.drop(sum(room, negative(written)));
  }

  /** The disk had no room although it should have had some: other data fills it, it is out of inodes, or there is a
   * quota. True when entries are to be evicted for it. */
  refused(): boolean {
    if (this.#refused !== undefined || this.#elapsed() < this.#noReliefUntil) return false;
    const { entries, reserved } = this.#usage;
    const first = this.#reliefMs === 0;
    this.#reliefMs = Math.min(Math.max(this.#reliefMs * 2, FIRST_RELIEF_MS), LONGEST_RELIEF_MS);
    this.#noReliefUntil = this.#elapsed() + (first ? 0 : this.#reliefMs);
    // When there are few entries, none is evicted for what may be over in a moment.
    if (first && entries * RELIEF_SHARE < 1) return false;
    this.#refused = reserved;
    return true;
  }

  /** A write has reached the disk. */
  accepted(): void {
    this.#reliefMs = 0;
    this.#noReliefUntil = 0;
  }

  /** Another process makes room: if that is not enough for what was refused, the disk refuses it again. */
  yielded(): void {
    this.#refused = undefined;
  }

  /** What is to be done, when it is time to evict. */
  eviction(): Eviction | undefined {
    let short = this.#free.isShort(this.#wanted, this.#usage);
    // An older reading may no longer be true.
    if (short && this.#free.read()) short = this.#free.isShort(this.#wanted, this.#usage);
    const over = this.#usage.isOver(this.#wanted);
    if (!short && !over && this.#refused === undefined) return undefined;
    const relief = this.#relief();
    const left = (gone: UsageChange): Excess => {
      const own = over ? this.#usage.excess(this.#wanted) : NOTHING;
      const free = short ? this.#free.missing(this.#wanted, this.#usage) : NOTHING;
      return {
        bytes: Math.max(own.bytes, free.bytes, relief.bytes - gone.bytes),
        entries: Math.max(own.entries, free.entries, relief.entries - gone.entries),
      };
    };
    const freedShare = short ? this.#free.watch() : undefined;
    return {
      excess: left(NOTHING),
      left: (gone) => {
        if (short) this.#free.read();
        return left(gone);
      },
      end: (gone) => {
        this.#wanted = NOTHING;
        this.#refused = undefined;
        return gone.entries > 0 && (freedShare === undefined || freedShare(gone.bytes) >= LEAST_FREED_SHARE);
      },
    };
  }

  #relief(): UsageChange {
    if (this.#refused === undefined) return NOTHING;
    const { bytes, entries } = this.#usage;
    return {
      bytes: Math.max(Math.min(this.#refused.bytes, bytes / 2), bytes * RELIEF_SHARE),
      entries: Math.ceil(entries * RELIEF_SHARE),
    };
  }

  #noted(wanted: UsageChange, admitted: boolean): boolean {
    if (!admitted && (wanted.bytes > this.#wanted.bytes || this.#wanted.entries === 0)) this.#wanted = wanted;
    return admitted;
  }
}
