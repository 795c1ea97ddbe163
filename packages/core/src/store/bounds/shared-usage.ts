/**
 * How much the directory holds, agreed by all processes without one asking another: what the last count found, and
 * what each has added since. A process writes down what it is about to add *before* it reads the others' ledgers, and
 * reads them before it has added more than its part of one percent of a bound, so that all together exceed a bound by
 * no more than that percent. Never throws: what cannot be read is left out, and counted again later.
 */
import type { Stats } from "node:fs";
import { performance } from "node:perf_hooks";
import { OwnTimers } from "../../base/async.js";
import type { UsageChange } from "../entries/entries.js";
import { errorCode } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { ownDirectory } from "../own-directory.js";
import { SHARD_COUNT } from "../paths.js";
import { OtherLedgers, OwnLedger } from "./ledger.js";
import { bookkeepingBytes, fits, mayStayUnseen, negative, NOTHING, sum } from "./limits.js";
import type { Bounds } from "./limits.js";
import { ShardCount } from "./shard-count.js";
import type { AgeHistogram, Searched } from "./shard-count.js";

/** A change is written down after this time at the latest. */
const PUBLISH_MS = 25;
/** A directory that changed this recently may change again without a visible trace: file systems record times in
 * ticks. */
const TICK_MS = 50;
/** Without space, the others' ledgers are read this often: another process may have made some by then. */
const REFUSED_LOOK_MS = 2;

/** What the usage needs of the store around it. */
export interface SharedUsageDeps {
  readonly failed: (operation: string, path: string, error: unknown) => void;
  /** Whether a directory that is missing may be made. */
  readonly mayMake: () => boolean;
  /** What the invalidation log takes. */
  readonly logBytes: () => number;
}

export class SharedUsage {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #bounds: Bounds;
  readonly #deps: SharedUsageDeps;
  readonly #own: OwnLedger;
  readonly #count: ShardCount;
  readonly #others: OtherLedgers;
  /** The directory at the last read; `""` for none. */
  #seen = "";
  /** Changed since it was last written down. */
  #unseen: UsageChange = NOTHING;
  readonly #timers = new OwnTimers<"publish">();
  #lookedAt = -Infinity;
  #closed = false;

  constructor(fs: FileSystem, root: string, bounds: Bounds, deps: SharedUsageDeps) {
    this.#fs = fs;
    this.#directory = `${root}/usage`;
    this.#bounds = bounds;
    this.#deps = deps;
    this.#own = new OwnLedger(fs, this.#directory);
    this.#others = new OtherLedgers(fs, this.#directory);
    this.#count = new ShardCount(fs, this.#directory);
  }

  /** Changes while a sweep makes progress. */
  get progress(): string {
    return shown(this.#stat(`${this.#directory}/count`));
  }

  /** When a sweep last made progress, in any process: epoch milliseconds of the file system; 0 for never. */
  get sweptAt(): number {
    return this.#stat(`${this.#directory}/count`)?.mtimeMs ?? 0;
  }

  /** Whether every shard has been counted, by any process. */
  get counted(): boolean {
    return this.#count.complete;
  }

  get countedAt(): number {
    return this.#count.countedAt;
  }

  get searched(): Searched {
    return this.#count.searched;
  }

  /** Whether the directory has to be counted, or counted again. */
  isOld(now: number, afterMs: number): boolean {
    const age = now - this.countedAt;
    return !this.counted || age < 0 || age > afterMs || this.#others.abandoned;
  }

  /** Entries and their bytes, as far as known, including those that are being written just now. */
  get entries(): number {
    return Math.max(0, this.#total.entries);
  }

  get bytes(): number {
    return Math.max(0, Math.round(this.#total.bytes));
  }

  /** The same with what lies beside the entries: what is compared with the bounds. */
  get held(): UsageChange {
    const { bytes, entries } = this.#total;
    return { bytes: bytes + this.#bookkeepingBytes, entries };
  }

  /** Space that this process has reserved and not returned. */
  get reserved(): UsageChange {
    return this.#own.reserved;
  }

  /** Whether there is any. */
  get writing(): boolean {
    return this.#own.reserved.entries > 0;
  }

  /** Whether the bounds hold with this much more, as far as known. */
  fits(more: UsageChange): boolean {
    if (this.#fits(more)) return true;
    if (performance.now() - this.#lookedAt < REFUSED_LOOK_MS) return false;
    this.look();
    return this.#fits(more);
  }

  /** Whether this many bytes would keep the bound if nothing else were stored. */
  couldFit(bytes: number): boolean {
    return fits(this.#bounds, { bytes: this.#bookkeepingBytes, entries: 0 }, { bytes, entries: 0 });
  }

  /** What this process changed in a shard. */
  changed(shard: number, change: UsageChange): void {
    this.#own.change(shard, change);
    this.#noteUnseen(change);
  }

  /** Reserves space for what is about to be written. False when there is none; then nothing is reserved. */
  reserve(space: UsageChange): boolean {
    this.#own.reserve(space);
    const looked = this.#noteUnseen(space);
    if (looked ? this.#fits(NOTHING) : this.fits(NOTHING)) return true;
    this.release(space);
    return false;
  }

  /** Returns space: what was written is counted by now, or was given up. Other processes need not learn of it at
   * once. */
  release(space: UsageChange): void {
    this.#own.reserve(negative(space));
    this.#unseen = { ...this.#unseen };
    this.#publishSoon();
  }

  /** Writes down what this process has, then reads what the others have. */
  look(): void {
    if (this.#closed) return;
    this.#lookedAt = performance.now();
    try {
      const seen = shown(ownDirectory(this.#fs, this.#directory));
      if (seen === "" && this.#seen !== "") this.#startAnew();
      if (seen !== "" && seen !== this.#seen) this.#list(seen);
      this.#publish();
      this.#others.read();
      this.#count.read();
    } catch (error) {
      this.#deps.failed("share the usage of", this.#directory, error);
    }
  }

  /** What the ledgers say of a shard just now. */
  ledgersAt(shard: number): UsageChange {
    return sum(
      this.#own.at(shard),
      this.#others.at(shard, (error) => this.#deps.failed("read", this.#directory, error)),
    );
  }

  /** How many entries a shard should hold, as far as it is counted. */
  entriesIn(shard: number): number {
    return this.#count.entriesIn(shard) + this.ledgersAt(shard).entries;
  }

  /** A shard was counted: it held `before` without what the ledgers add. */
  setBefore(shard: number, before: UsageChange): void {
    this.#count.set(shard, before);
    this.#write(() => this.#count.write());
  }

  /** Shows that the sweeping process makes progress, also within a long shard. */
  beat(): void {
    this.#write(() => this.#count.write());
  }

  /** A pass over all shards is over. */
  finish(countedAt: number, searched: Searched | undefined, ages: AgeHistogram): void {
    this.#write(() => this.#count.finish(countedAt, searched, ages));
    this.look();
  }

  ages(): AgeHistogram | undefined {
    return this.#count.ages();
  }

  /** Adds the ledgers of dead processes to the count, and drops their reservations. Only for the process that
   * sweeps. */
  foldAbandoned(): void {
    this.look();
    for (const ledger of this.#others.ended()) {
      this.#write(() => {
        for (let shard = 0; shard < SHARD_COUNT; shard++) this.#count.add(shard, ledger.at(shard));
        this.#count.write();
        ledger.remove();
      });
    }
    this.look();
  }

  close(): void {
    if (this.#closed) return;
    if (this.#unseen !== NOTHING) this.look();
    this.#timers.stop();
    this.#closed = true;
    this.#own.end();
    this.#others.close();
  }

  get #total(): UsageChange {
    const before = this.#count.before ?? this.#count.counted;
    return sum(sum(before, this.#others.total), sum(this.#own.total, this.#own.reserved));
  }

  get #bookkeepingBytes(): number {
    return bookkeepingBytes(this.#bounds, this.#writers, this.#deps.logBytes());
  }

  // How many stores are known to write here.
  get #writers(): number {
    return this.#others.size + 1;
  }

  // What all processes have added to what is not counted yet; `undefined` when enough is counted.
  get #addedUncounted(): number | undefined {
    if (this.#count.before !== undefined) return undefined;
    return Math.max(0, this.#others.total.bytes) + Math.max(0, this.#own.total.bytes) + this.#own.reserved.bytes;
  }

  #fits(more: UsageChange): boolean {
    return fits(this.#bounds, this.held, more, this.#addedUncounted);
  }

  // True when it was time to read the others' ledgers.
  #noteUnseen({ bytes, entries }: UsageChange): boolean {
    this.#unseen = { bytes: this.#unseen.bytes + Math.abs(bytes), entries: this.#unseen.entries + Math.abs(entries) };
    // The first time at once: a process that dies without a ledger leaves no trace of having written.
    if (!this.#own.published || !mayStayUnseen(this.#bounds, this.#unseen, this.#writers)) {
      this.look();
      return true;
    }
    this.#publishSoon();
    return false;
  }

  #publishSoon(): void {
    if (!this.#timers.has("publish")) this.#timers.set("publish", PUBLISH_MS, () => this.look());
  }

  #publish(): void {
    if (this.#unseen === NOTHING || !(this.#own.published || this.#deps.mayMake())) return;
    this.#write(() => {
      this.#own.publish();
      this.#unseen = NOTHING;
      if (this.#seen === "") this.#seen = "made just now";
    });
  }

  #list(seen: string): void {
    const names = new Set(this.#fs.readdirSync(this.#directory));
    // Another process has added it to the count, or the directory is another one.
    if (this.#own.published && !names.delete(this.#own.name)) {
      this.#own.forget();
      this.#count.forget();
    }
    names.delete(this.#own.name);
    this.#others.follow(names, !sameDirectory(seen, this.#seen));
    const [, mtimeMs = "0"] = seen.split(" ");
    this.#seen = Math.abs(Date.now() - Number(mtimeMs)) < TICK_MS ? `${seen} lately` : seen;
  }

  // The directory was removed while in use: nothing is left.
  #startAnew(): void {
    this.#own.forget();
    this.#count.forget();
    this.#others.close();
    this.#seen = "";
  }

  #stat(path: string): Stats | undefined {
    try {
      return this.#fs.lstatSync(path, { throwIfNoEntry: false });
    } catch (error) {
      if (errorCode(error) !== "ENOTDIR") this.#deps.failed("stat", path, error);
      return undefined;
    }
  }

  #write(work: () => void): void {
    try {
      // While the directory is being removed, it is not made again.
      if (ownDirectory(this.#fs, this.#directory) === undefined && !this.#deps.mayMake()) return;
      work();
    } catch (error) {
      // Without a root there is nothing to count.
      if (errorCode(error) !== "ENOENT") this.#deps.failed("count", this.#directory, error);
    }
  }
}

function shown(stat: Stats | undefined): string {
  return stat === undefined ? "" : `${stat.ino} ${stat.mtimeMs}`;
}

function sameDirectory(one: string, other: string): boolean {
  return one.split(" ")[0] === other.split(" ")[0];
}
