/** Counts what a pass finds, one shard after the other, and knows which shards to count again. Touches no file. */
import type { UsageChange } from "../entries/entries.js";
import { NOTHING, negative, sum } from "./limits.js";
import type { SharedUsage } from "./shared-usage.js";

export class Counting {
  readonly #usage: SharedUsage;
  /** What was counted while another process wrote there. */
  readonly recount: Recount;
  #shard = 0;
  /** What the ledgers said of the shard when its count began. */
  #before = NOTHING;
  #found = NOTHING;
  #removed = NOTHING;

  constructor(usage: SharedUsage) {
    this.#usage = usage;
    this.recount = new Recount(
      (shard) => usage.ledgersAt(shard),
      () => usage.writing,
    );
  }

  begin(shard: number): void {
    this.#shard = shard;
    this.#before = this.#usage.ledgersAt(shard);
    this.#found = NOTHING;
    this.#removed = NOTHING;
  }

  /** The pass found something that stays. */
  found(what: UsageChange): void {
    this.#found = sum(this.#found, what);
  }

  /** The pass removed something: the ledger subtracts it, and the count before the ledgers includes it. */
  removed(what: UsageChange): void {
    this.#usage.changed(this.#shard, negative(what));
    this.#removed = sum(this.#removed, what);
    this.found(what);
  }

  end(): void {
    this.#usage.setBefore(this.#shard, sum(this.#found, negative(this.#before)));
    this.recount.counted(this.#shard, sum(this.#before, negative(this.#removed)));
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
  /** What they said of those at the last check. */
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

  /** Takes the shards to count again; `undefined` while they still change: then the caller asks again later. */
  take(): readonly number[] | undefined {
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
