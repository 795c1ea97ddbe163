/**
 * One pass over the directory: counts what is there, removes what is expired, purged, left by dead processes or least
 * recently used. Works in steps, so that its driver can stop between any two of them. Follows no link, and removes
 * only files under the cache's own names.
 */
import type { Stats } from "node:fs";
import { AgeHistogram } from "./shard-count.js";
import { NOTHING, negative, sum } from "../usage-change.js";
import { allocatedBytes } from "../entries/atomic-file.js";
import type { UsageChange } from "../usage-change.js";
import type { LogPosition } from "../contract.js";
import type { EntryFiles } from "../entries/entry-file.js";
import type { Faults } from "../faults.js";
import { errorCode } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import type { DecodedEntry } from "../entries/format.js";
import { SHARD_COUNT, isEntryName, tempOwner } from "../paths.js";
import type { Paths } from "../paths.js";
import { liveness } from "../process-identity.js";
import type { Counting } from "./counting.js";
import type { Excess } from "./limits.js";
import type { SharedUsage } from "./shared-usage.js";
import type { Eviction } from "./space-guard.js";

/** A temporary file whose maker may or may not live is removed when it has not changed for this long. */
const UNKNOWN_OWNER_MS = 60 * 60 * 1000;

const ALL_SHARDS = Array.from({ length: SHARD_COUNT }, (_, shard) => shard);

export interface SweepDeps {
  readonly fs: FileSystem;
  readonly paths: Paths;
  readonly faults: Faults;
  readonly files: EntryFiles;
  readonly usage: SharedUsage;
  readonly counting: Counting;
  readonly now: () => number;
  /** Whether any request may still use the entry. */
  readonly usable: (entry: DecodedEntry) => boolean;
}

export interface SweepTask {
  /** Opens every entry to find what was purged; otherwise only entries that are expired by their file times are
   * opened. */
  readonly readHeads: boolean;
  /** Only these; all of them when `undefined`. */
  readonly shards?: readonly number[] | undefined;
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
    const { paths, counting } = this.#deps;
    for (const name of this.#list(paths.root)) this.#reap(paths.root, name);
    for (const shard of this.#task.shards ?? ALL_SHARDS) {
      counting.beginShard(shard);
      this.#ask();
      yield* this.#shard(paths.shard(shard));
      counting.endShard();
      this.#report();
      yield;
    }
  }

  *#shard(directory: string): Generator<void> {
    const stat = this.#stat(directory);
    if (stat === undefined || !stat.isDirectory()) return;
    let left = 0;
    for (const name of this.#list(directory)) {
      yield;
      if (isEntryName(name) ? this.#entry(`${directory}/${name}`) : !this.#reap(directory, name)) left++;
    }
    this.#deps.counting.found({ bytes: allocatedBytes(stat), entries: 0 });
    if (left === 0) this.#removeEmpty(directory, allocatedBytes(stat));
  }

  // True when it stays.
  #entry(path: string): boolean {
    const { counting, now } = this.#deps;
    const stat = this.#stat(path);
    if (stat === undefined) return false;
    // Not made by the cache. A process that asks for the key removes it; the sweep does not examine what it is or what
    // lies in it.
    if (!stat.isFile()) return true;
    const bytes = allocatedBytes(stat);
    if (this.#isDead(path, stat, now())) {
      if (!this.#unlink(path, bytes)) return true;
      this.#dead.add(bytes);
      return false;
    }
    if (this.#isEvicted(stat)) {
      if (!this.#unlink(path, bytes)) return true;
      this.#evicted.add(bytes);
      return false;
    }
    counting.found({ bytes, entries: 1 });
    this.ages.add(stat.mtimeMs, bytes);
    return true;
  }

  #isDead(path: string, stat: Stats, now: number): boolean {
    if (!this.#task.readHeads && stat.atimeMs > now) return false;
    const entry = this.#deps.files.readHead(path);
    if (entry === undefined) return true;
    if (!this.#deps.usable(entry)) return true;
    if (this.#task.readHeads) this.oldestBirth = Math.min(this.oldestBirth ?? Infinity, entry.head.birth);
    return false;
  }

  #isEvicted(stat: Stats): boolean {
    const { evict } = this.#task;
    if (evict === undefined || stat.mtimeMs >= evict.cutoff) return false;
    const { gone } = this;
    return isLess(gone, evict.excess) && isLess(sum(gone, negative(this.#asked)), this.#left);
  }

  #ask(): void {
    const { evict } = this.#task;
    if (evict === undefined) return;
    this.#asked = this.gone;
    this.#left = evict.left(this.#asked);
  }

  // True when the file is gone or going: a temporary file whose maker is dead.
  #reap(directory: string, name: string): boolean {
    const owner = tempOwner(name);
    if (owner === undefined) return false;
    const path = `${directory}/${name}`;
    const alive = liveness(owner);
    if (alive === "alive") return false;
    const stat = this.#stat(path);
    if (stat === undefined) return true;
    if (alive === "unknown" && Date.now() - stat.mtimeMs < UNKNOWN_OWNER_MS) {
      // No reservation of this process covers it.
      this.#deps.counting.found({ bytes: allocatedBytes(stat), entries: 0 });
      return false;
    }
    return this.#unlink(path, 0);
  }

  #unlink(path: string, bytes: number): boolean {
    try {
      this.#deps.fs.unlinkSync(path);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") {
        this.#deps.faults.io("remove", path, error, false);
        return false;
      }
      // Another process has removed it, and counted that.
      return true;
    }
    if (bytes > 0) this.#deps.counting.removed({ bytes, entries: 1 });
    return true;
  }

  #removeEmpty(directory: string, bytes: number): void {
    // Other processes are to see that it held nothing before they miss it.
    this.#deps.usage.look();
    try {
      this.#deps.fs.rmdirSync(directory);
      this.#deps.counting.found({ bytes: -bytes, entries: 0 });
    } catch {
      // Another process has just written there.
    }
  }

  #stat(path: string): Stats | undefined {
    try {
      return this.#deps.fs.lstatSync(path, { throwIfNoEntry: false });
    } catch (error) {
      this.#deps.faults.io("stat", path, error, false);
      return undefined;
    }
  }

  #list(directory: string): string[] {
    try {
      return this.#deps.fs.readdirSync(directory);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") this.#deps.faults.io("list", directory, error, false);
      return [];
    }
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
