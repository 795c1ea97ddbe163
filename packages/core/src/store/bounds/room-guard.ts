/**
 * Whether there is room, and what has to go where there is none: the bounds of the cache, the free space of its file system, and what a full disk has
 * refused. Every way of writing takes its room here before it writes. Touches no entry.
 */
import { NOTHING, negative, sum } from "../usage-change.js";
import type { UsageChange } from "../usage-change.js";
import type { FreeSpace } from "./free-space.js";
import type { Excess, Usage } from "./usage.js";

/** What goes when the disk has refused a write and nobody knows how much it lacks. */
const RELIEF_SHARE = 0.05;
/** While that does not help, the next goes after so long, then twice as long: what is removed may not become free, or be somebody else's at once. */
const FIRST_RELIEF_MS = 100;
const LONGEST_RELIEF_MS = 60_000;
/** Of what was removed so much at least has become free, or there is no use in removing more just now. */
const LEAST_FREED_SHARE = 0.5;

/** A pass that evicts. */
export interface Eviction {
  /** What has to go, as known when it begins. No pass removes more. */
  readonly excess: Excess;
  /** What has still to go when so much is gone: asked anew, because others write and remove meanwhile. */
  readonly left: (gone: UsageChange) => Excess;
  /** It is over. False when it did not help: then the next one waits. */
  readonly end: (gone: UsageChange) => boolean;
}

export class RoomGuard {
  readonly #usage: Usage;
  readonly #free: FreeSpace;
  readonly #elapsed: () => number;
  /** The largest that found no room since the last pass that evicted began. */
  #wanted = NOTHING;
  /** What was being written when the disk was full; `undefined` when something has gone since. */
  #refused: UsageChange | undefined = undefined;
  #reliefMs = 0;
  #noReliefUntil = 0;

  constructor(usage: Usage, free: FreeSpace, elapsed: () => number) {
    this.#usage = usage;
    this.#free = free;
    this.#elapsed = elapsed;
  }

  /** Whether somebody waits for room. */
  get isWanted(): boolean {
    return this.#wanted !== NOTHING || this.#refused !== undefined;
  }

  /** Whether so much more would keep every bound, as far as known. */
  admits(room: UsageChange): boolean {
    return this.#noted(room, this.#free.admits(room) && this.#usage.admits(room.bytes, room.entries));
  }

  /** Whether there would be room for so many bytes if everything that is stored went. */
  couldAdmit(bytes: number): boolean {
    const { bytes: held, entries } = this.#usage;
    return this.#usage.couldAdmit(bytes) && this.#free.admits({ bytes: bytes - held, entries: -entries });
  }

  /** Takes room for what is about to be written, against all other writers. False when there is none; then nothing is taken. */
  reserve(room: UsageChange): boolean {
    const reserved = this.#free.admits(room) && this.#usage.reserve(room.bytes, room.entries);
    if (reserved) this.#free.take(room);
    return this.#noted(room, reserved);
  }

  /** So much of what was taken is on disk now. */
  written(room: UsageChange): void {
    this.#free.written(room);
  }

  /** Gives room back: what was written of it is counted by now, or removed. */
  release(room: UsageChange, written: UsageChange): void {
    this.#usage.release(room.bytes, room.entries);
    this.#free.drop(sum(room, negative(written)));
  }

  /** The disk had no room although there should have been some: it is full of other things, out of inodes, or there is a quota. True when entries are to go for it. */
  refused(): boolean {
    if (this.#refused !== undefined || this.#elapsed() < this.#noReliefUntil) return false;
    const { entries, reserved } = this.#usage;
    const first = this.#reliefMs === 0;
    this.#reliefMs = Math.min(Math.max(this.#reliefMs * 2, FIRST_RELIEF_MS), LONGEST_RELIEF_MS);
    this.#noReliefUntil = this.#elapsed() + (first ? 0 : this.#reliefMs);
    // Of a few entries none is given up for what may be over in a moment.
    if (first && entries * RELIEF_SHARE < 1) return false;
    this.#refused = reserved;
    return true;
  }

  /** A write has reached the disk. */
  accepted(): void {
    this.#reliefMs = 0;
    this.#noReliefUntil = 0;
  }

  /** Another process makes room: if that was not enough for what was refused, it will be refused again. */
  yielded(): void {
    this.#refused = undefined;
  }

  /** What is to be done, when it is time to evict. */
  eviction(): Eviction | undefined {
    let short = this.#free.isShort(this.#wanted, this.#usage);
    // What was read a while ago may not be true any more.
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
