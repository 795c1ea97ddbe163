/**
 * Which shards may have been counted wrongly, because something changed in them at that time: what a writer does shows in the directory a moment before
 * he has written it down, so a file may be found and be told of. Counts nothing itself.
 */
import type { Stored } from "../amounts.js";

export class Suspects {
  /** What the ledgers said of each shard when it was counted. */
  readonly #told = new Map<number, Stored>();
  readonly #ledgersAt: (shard: number) => Stored;
  readonly #writing: () => boolean;
  /** What they said of the suspects at the last look. */
  #seen = "";

  /** @param writing whether this process writes something that it has not told of yet */
  constructor(ledgersAt: (shard: number) => Stored, writing: () => boolean) {
    this.#ledgersAt = ledgersAt;
    this.#writing = writing;
  }

  get any(): boolean {
    return this.#told.size > 0;
  }

  /** A shard has been counted. */
  counted(shard: number, told: Stored): void {
    this.#told.set(shard, told);
    this.#seen = "";
  }

  /** Somebody else has counted everything since. */
  clear(): void {
    this.#told.clear();
  }

  /** The shards to count again; `undefined` while more still changes in them: then they are asked for again. */
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
