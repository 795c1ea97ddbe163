/**
 * One pass over the directory: counts what is there, removes what is expired, purged, left by dead processes or least
 * recently used. Works in steps, so that its driver can stop between any two of them. Knows
 * nothing of files.
 */
import { AgeHistogram } from "./shard-count.js";
import type { EntryUnits, Find, FoundHead, UsageChange } from "../entries/entries.js";
import { NOTHING, negative, sum } from "./limits.js";
import type { LogPosition } from "../contract.js";
import type { Faults } from "../faults.js";
import type { Counting } from "./counting.js";
import type { Excess } from "./limits.js";
import type { SharedUsage } from "./shared-usage.js";
import type { Eviction } from "./space-guard.js";

type FoundEntry = Extract<Find, { kind: "entry" }>;

export interface SweepDeps {
  readonly units: EntryUnits;
  readonly faults: Faults;
  readonly usage: SharedUsage;
  readonly counting: Counting;
  readonly now: () => number;
  /** Whether any request may still use the entry. */
  readonly usable: (entry: FoundHead) => boolean;
}

export interface SweepTask {
  /** Opens every entry to find what was purged; otherwise only entries that are expired by their file times are
   * opened. */
  readonly readHeads: boolean;
  /** Only these; all of them when `undefined`. */
  readonly units?: readonly number[] | undefined;
  /** Evicts what was last used before `cutoff`, until enough is gone. */
  readonly evict: (Eviction & { readonly cutoff: number }) | undefined;
}

export class Sweep {
  readonly #deps: SweepDeps;
  readonly #task: SweepTask;
  readonly ages: AgeHistogram;
  /** Nothing that stays was born before it; known only when heads were read. */
  oldestBirth: LogPosition | undefined = undefined;
  readonly #evicted = new Tally();
  readonly #dead = new Tally();
  /** The amount gone when the remainder was last computed, and that remainder. */
  #asked = NOTHING;
  #left: Excess = NOTHING;

  constructor(deps: SweepDeps, task: SweepTask) {
    this.#deps = deps;
    this.#task = task;
    this.ages = new AgeHistogram(deps.now());
  }

  /** What it has removed. */
  get gone(): UsageChange {
    return sum(this.#evicted, this.#dead);
  }

  *run(): Generator<void> {
    const { counting, units } = this.#deps;
    for (const id of units.litter()) units.drop(id);
    const all = Array.from({ length: units.count }, (_, unit) => unit);
    for (const unit of this.#task.units ?? all) {
      counting.begin(unit);
      this.#ask();
      yield* this.#unit(unit);
      counting.end();
      this.#report();
      yield;
    }
  }

  *#unit(unit: number): Generator<void> {
    let left = 0;
    for (const find of this.#deps.units.scan(unit)) {
      if (find?.kind === "unit") {
        this.#deps.counting.found({ bytes: find.bytes, entries: 0 });
        if (left === 0) this.#removeEmpty(unit, find.bytes);
        // No rest before it is counted: gone and not counted as empty, it would seem to be removed by another program.
        return;
      }
      if (find !== undefined && this.#stays(find)) left++;
      yield;
    }
  }

  #stays(find: Exclude<Find, { kind: "unit" }>): boolean {
    if (find.kind === "entry") return this.#entryStays(find);
    if (find.kind === "litter") return this.#deps.units.drop(find.id) === "kept";
    if (find.bytes > 0) this.#deps.counting.found({ bytes: find.bytes, entries: 0 });
    return true;
  }

  #entryStays(entry: FoundEntry): boolean {
    const { counting, now } = this.#deps;
    const { bytes } = entry;
    if (this.#isDead(entry, now())) {
      if (!this.#drop(entry)) return true;
      this.#dead.add(bytes);
      return false;
    }
    if (this.#isEvicted(entry)) {
      if (!this.#drop(entry)) return true;
      this.#evicted.add(bytes);
      return false;
    }
    counting.found({ bytes, entries: 1 });
    this.ages.add(entry.usedAt, bytes);
    return true;
  }

  #isDead({ id, expiresAt }: FoundEntry, now: number): boolean {
    if (!this.#task.readHeads && expiresAt > now) return false;
    const found = this.#deps.units.head(id);
    if (found === undefined) return true;
    if (!this.#deps.usable(found)) return true;
    if (this.#task.readHeads) this.oldestBirth = Math.min(this.oldestBirth ?? Infinity, found.head.birth);
    return false;
  }

  #isEvicted({ usedAt }: FoundEntry): boolean {
    const { evict } = this.#task;
    if (evict === undefined || usedAt >= evict.cutoff) return false;
    const { gone } = this;
    return isLess(gone, evict.excess) && isLess(sum(gone, negative(this.#asked)), this.#left);
  }

  #ask(): void {
    const { evict } = this.#task;
    if (evict === undefined) return;
    this.#asked = this.gone;
    this.#left = evict.left(this.#asked);
  }

  // False when it stays.
  #drop({ id, bytes }: FoundEntry): boolean {
    const done = this.#deps.units.drop(id);
    // One that is gone was removed by another process, which has counted that.
    if (done === "dropped") this.#deps.counting.removed({ bytes, entries: 1 });
    return done !== "kept";
  }

  #removeEmpty(unit: number, bytes: number): void {
    // Other processes are to see that it held nothing, and that a sweep is under way, before they miss it.
    this.#deps.usage.look();
    this.#deps.usage.beat();
    if (this.#deps.units.dropUnit(unit)) this.#deps.counting.found({ bytes: -bytes, entries: 0 });
  }

  #report(): void {
    for (const [reason, tally] of [
      ["bounds", this.#evicted],
      ["dead", this.#dead],
    ] as const) {
      const { bytes, entries } = tally.unreported();
      if (entries > 0) this.#deps.faults.swept(reason, entries, bytes);
    }
  }
}

// Of bytes or of entries.
function isLess(one: UsageChange, other: UsageChange): boolean {
  return one.bytes < other.bytes || one.entries < other.entries;
}

class Tally {
  bytes = 0;
  entries = 0;
  #reportedBytes = 0;
  #reportedEntries = 0;

  add(bytes: number): void {
    this.bytes += bytes;
    this.entries++;
  }

  unreported(): Excess {
    const news = { bytes: this.bytes - this.#reportedBytes, entries: this.entries - this.#reportedEntries };
    this.#reportedBytes = this.bytes;
    this.#reportedEntries = this.entries;
    return news;
  }
}
