/** Space reserved for one entry while it is written, so that no two writers count on the same space. Never writes. */
import { NOTHING, negative, sum } from "../usage-change.js";
import { blocksFor } from "../entries/atomic-file.js";
import type { UsageChange } from "../usage-change.js";
import type { Sweeper } from "./sweeper.js";

export class SpaceReservation {
  readonly #sweeper: Sweeper;
  #taken = NOTHING;
  #written = NOTHING;

  constructor(sweeper: Sweeper) {
    this.#sweeper = sweeper;
  }

  /** Reserves room for this many bytes in total; false when there is none. */
  grow(bytes: number): boolean {
    const wanted = Math.max(blocksFor(bytes), blocksFor(1));
    if (wanted <= this.#taken.bytes) return true;
    const more: UsageChange = { bytes: wanted - this.#taken.bytes, entries: 1 - this.#taken.entries };
    if (!this.#sweeper.reserve(more)) return false;
    this.#taken = sum(this.#taken, more);
    return true;
  }

  /** This many bytes in total are on disk now; by default all that was reserved. */
  written(bytes = this.#taken.bytes): void {
    const now: UsageChange = { bytes: Math.min(blocksFor(bytes), this.#taken.bytes), entries: this.#taken.entries };
    this.#sweeper.guard.written(sum(now, negative(this.#written)));
    this.#written = now;
  }

  /** What was written is counted from now on, or nothing was written. Idempotent. */
  giveBack(): void {
    if (this.#taken.entries > 0) this.#sweeper.guard.release(this.#taken, this.#written);
    this.#taken = NOTHING;
    this.#written = NOTHING;
  }
}
