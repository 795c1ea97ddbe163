/**
 * Whether there is room, and what has to go where there is none: the bounds of the cache and the free space of its file system. Every way of writing
 * takes its room here before it writes. Touches no entry.
 */
import { NOTHING, negative, sum } from "./amounts.js";
import type { Stored } from "./atomic-file.js";
import type { FreeSpace } from "./free-space.js";
import type { Excess, Usage } from "./usage.js";

/** Of what was removed so much at least has become free, or there is no use in removing more just now. */
const LEAST_FREED_SHARE = 0.5;

/** A pass that evicts. */
export interface Eviction {
  /** What has to go, as known when it begins. No pass removes more. */
  readonly excess: Excess;
  /** What has still to go when so much is gone: asked anew, because others write and remove meanwhile. */
  readonly left: (gone: Stored) => Excess;
  /** It is over. False when it did not help: then the next one waits. */
  readonly end: (gone: Stored) => boolean;
}

export class RoomGuard {
  readonly #usage: Usage;
  readonly #free: FreeSpace;
  /** The largest that found no room since the last pass that evicted began. */
  #wanted = NOTHING;

  constructor(usage: Usage, free: FreeSpace) {
    this.#usage = usage;
    this.#free = free;
  }

  /** Whether somebody waits for room. */
  get isWanted(): boolean {
    return this.#wanted !== NOTHING;
  }

  /** Whether so much more would keep every bound, as far as known. */
  admits(room: Stored): boolean {
    return this.#noted(room, this.#free.admits(room) && this.#usage.admits(room.bytes, room.entries));
  }

  /** Takes room for what is about to be written, against all other writers. False when there is none; then nothing is taken. */
  reserve(room: Stored): boolean {
    const reserved = this.#free.admits(room) && this.#usage.reserve(room.bytes, room.entries);
    if (reserved) this.#free.take(room);
    return this.#noted(room, reserved);
  }

  /** So much of what was taken is on disk now. */
  written(room: Stored): void {
    this.#free.written(room);
  }

  /** Gives room back: what was written of it is counted by now, or removed. */
  release(room: Stored, written: Stored): void {
    this.#usage.release(room.bytes, room.entries);
    this.#free.drop(sum(room, negative(written)));
  }

  /** What is to be done, when it is time to evict. */
  eviction(): Eviction | undefined {
    if (this.#free.isShort(this.#wanted, this.#usage)) this.#free.read();
    const short = this.#free.isShort(this.#wanted, this.#usage);
    const over = this.#usage.isOver(this.#wanted);
    if (!short && !over) return undefined;
    const left = (): Excess => {
      const own = over ? this.#usage.excess(this.#wanted) : NOTHING;
      const free = short ? this.#free.missing(this.#wanted, this.#usage) : NOTHING;
      return {
        bytes: Math.max(own.bytes, free.bytes),
        entries: Math.max(own.entries, free.entries),
      };
    };
    const freedShare = short ? this.#free.watch() : undefined;
    return {
      excess: left(),
      left: () => {
        if (short) this.#free.read();
        return left();
      },
      end: (gone) => {
        this.#wanted = NOTHING;
        return gone.entries > 0 && (freedShare === undefined || freedShare(gone.bytes) >= LEAST_FREED_SHARE);
      },
    };
  }

  #noted(wanted: Stored, admitted: boolean): boolean {
    if (!admitted && (wanted.bytes > this.#wanted.bytes || this.#wanted.entries === 0)) this.#wanted = wanted;
    return admitted;
  }
}
