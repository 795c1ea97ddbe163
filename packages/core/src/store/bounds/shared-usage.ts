/**
 * How much the directory holds, agreed by all processes without one asking another: what the last count found, and
 * what each has added since. A process writes down what it is about to add *before* it reads the others' ledgers, and
 * reads them before it has added more than its part of one percent of a bound, so that all together exceed a bound by
 * no more than that percent. Never throws: what cannot be read is left out, and counted again later.
 */
import type { Stats } from "node:fs";
import type { AgeHistogram, Searched } from "./shard-count.js";
import { inOwnContext } from "../../base/async.js";
import { NOTHING, sum } from "../usage-change.js";
import type { UsageChange } from "../usage-change.js";
import { errorCode } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { OtherLedger, OwnLedger } from "./ledger.js";
import { ownDirectory } from "../own-directory.js";
import { liveness } from "../process-identity.js";
import { SHARD_COUNT } from "../paths.js";
import { ShardCount } from "./shard-count.js";

/** What all processes together may add between two reads, as a share of a bound. */
const UNSEEN_SHARE = 0.01;
/** A change is written down after this time at the latest. */
const PUBLISH_MS = 25;
/** A directory that changed this recently may change again without a visible trace: file systems record times in
 * ticks. */
const TICK_MS = 50;
/** A ledger whose owner may or may not live is treated as that of a dead process when it was not written for this
 * long. */
const UNKNOWN_OWNER_MS = 60 * 60 * 1000;

export interface UsageBounds {
  readonly maxSize: number;
  readonly maxEntries: number;
  /** The share of `maxEntries` above which eviction begins, when given; by default it begins a little below the
   * bound. */
  readonly evictAbove?: number | undefined;
  /** The share of a bound at which eviction stops, where it is to stop earlier than by default. */
  readonly evictTo?: number | undefined;
}

export class SharedUsage {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #bounds: UsageBounds;
  readonly #failed: (operation: string, path: string, error: unknown) => void;
  readonly #mayMake: () => boolean;
  readonly #own: OwnLedger;
  readonly #count: ShardCount;
  #others = new Map<string, OtherLedger>();
  /** The directory at the last read; `""` for none. */
  #seen = "";
  /** Changed since it was last written down. */
  #unseen: UsageChange = NOTHING;
  #timer: NodeJS.Timeout | undefined = undefined;
  #closed = false;
  /** What the others have, at the last read. */
  #theirs: UsageChange = NOTHING;

  constructor(
    fs: FileSystem,
    root: string,
    bounds: UsageBounds,
    failed: (operation: string, path: string, error: unknown) => void,
    mayMake: () => boolean,
  ) {
    this.#fs = fs;
    this.#directory = `${root}/usage`;
    this.#mayMake = mayMake;
    this.#bounds = bounds;
    this.#failed = failed;
    this.#own = new OwnLedger(fs, this.#directory);
    this.#count = new ShardCount(fs, this.#directory);
  }

  /** Changes while a sweep makes progress. */
  get progress(): string {
    return this.#stat(`${this.#directory}/count`);
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

  /** What is there, as far as known, including what is being written just now. */
  get total(): UsageChange {
    const before = this.#count.before ?? this.#count.counted;
    return sum(sum(before, this.#theirs), sum(this.#own.total, this.#own.reserved));
  }

  /** What all processes have added to what is not counted yet; `undefined` when enough is counted. */
  get addedUncounted(): number | undefined {
    if (this.#count.before !== undefined) return undefined;
    return Math.max(0, this.#theirs.bytes) + Math.max(0, this.#own.total.bytes) + this.#own.reserved.bytes;
  }

  /** Room that this process has reserved and not returned. */
  get reserved(): UsageChange {
    return this.#own.reserved;
  }

  /** Whether there is any. */
  get writing(): boolean {
    return this.#own.reserved.entries > 0;
  }

  /** How many stores are known to write here. */
  get writers(): number {
    return this.#others.size + 1;
  }

  /** What this process changed in a shard. */
  changed(shard: number, change: UsageChange): void {
    this.#own.change(shard, change);
    this.#noteUnseen(change);
  }

  /** Reserves room before it is used. True when the others' ledgers were read. */
  reserve(room: UsageChange): boolean {
    this.#own.reserve(room);
    return this.#noteUnseen(room);
  }

  /** Returns room. Other processes need not learn of it at once. */
  release({ bytes, entries }: UsageChange): void {
    this.#own.reserve({ bytes: -bytes, entries: -entries });
    this.#unseen = { ...this.#unseen };
    this.#publishSoon();
  }

  /** Writes down what this process has, then reads what the others have. */
  look(): void {
    if (this.#closed) return;
    try {
      const seen = shown(ownDirectory(this.#fs, this.#directory));
      if (seen === "" && this.#seen !== "") this.#startAnew();
      if (seen !== "" && seen !== this.#seen) this.#list(seen);
      this.#publish();
      this.#theirs = NOTHING;
      for (const ledger of this.#others.values()) {
        ledger.read();
        this.#theirs = sum(this.#theirs, sum(ledger.total, ledger.reserved));
      }
      this.#count.read();
    } catch (error) {
      this.#failed("share the usage of", this.#directory, error);
    }
  }

  /** What the ledgers say of a shard just now. */
  ledgersAt(shard: number): UsageChange {
    let total = this.#own.at(shard);
    for (const ledger of this.#others.values()) {
      try {
        total = sum(total, ledger.at(shard));
      } catch (error) {
        this.#failed("read", this.#directory, error);
      }
    }
    return total;
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
  }

  ages(): AgeHistogram | undefined {
    return this.#count.ages();
  }

  /** Whether a store stopped without closing its ledger: its files may not match its ledger. */
  get abandoned(): boolean {
    return [...this.#others.values()].some((ledger) => !ledger.closed && isDead(ledger));
  }

  /** Adds the ledgers of dead processes to the count, and drops their reservations. Only for the process that
   * sweeps. */
  foldAbandoned(): void {
    this.look();
    for (const [name, ledger] of this.#others) {
      if (!ledger.closed && !isDead(ledger)) continue;
      this.#write(() => {
        for (let shard = 0; shard < SHARD_COUNT; shard++) this.#count.add(shard, ledger.at(shard));
        this.#count.write();
        this.#fs.unlinkSync(`${this.#directory}/${name}`);
        ledger.close();
        this.#others.delete(name);
      });
    }
    this.look();
  }

  close(): void {
    if (this.#closed) return;
    if (this.#unseen !== NOTHING) this.look();
    clearTimeout(this.#timer);
    this.#closed = true;
    this.#own.end();
    this.#forgetOthers();
  }

  // True when it was time to read the others' ledgers.
  #noteUnseen({ bytes, entries }: UsageChange): boolean {
    this.#unseen = { bytes: this.#unseen.bytes + Math.abs(bytes), entries: this.#unseen.entries + Math.abs(entries) };
    const { maxSize, maxEntries } = this.#bounds;
    const share = UNSEEN_SHARE / 2 / this.writers;
    // The first time at once: a process that dies without a ledger leaves no trace of having written.
    if (!this.#own.published || this.#unseen.bytes > maxSize * share || this.#unseen.entries > maxEntries * share) {
      this.look();
      return true;
    }
    this.#publishSoon();
    return false;
  }

  #publishSoon(): void {
    this.#timer ??= inOwnContext(() =>
      setTimeout(() => {
        this.#timer = undefined;
        this.look();
      }, PUBLISH_MS).unref(),
    );
  }

  #publish(): void {
    if (this.#unseen === NOTHING || !(this.#own.published || this.#mayMake())) return;
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
    for (const [name, ledger] of this.#others) {
      if (names.has(name) && sameDirectory(seen, this.#seen)) continue;
      ledger.close();
      this.#others.delete(name);
    }
    for (const name of names) {
      if (this.#others.has(name)) continue;
      const ledger = OtherLedger.open(this.#fs, this.#directory, name);
      if (ledger !== undefined) this.#others.set(name, ledger);
    }
    const [, mtimeMs = "0"] = seen.split(" ");
    this.#seen = Math.abs(Date.now() - Number(mtimeMs)) < TICK_MS ? `${seen} lately` : seen;
  }

  // The directory was removed while in use: nothing is left.
  #startAnew(): void {
    this.#own.forget();
    this.#count.forget();
    this.#forgetOthers();
    this.#seen = "";
  }

  #forgetOthers(): void {
    for (const ledger of this.#others.values()) ledger.close();
    this.#others.clear();
    this.#theirs = NOTHING;
  }

  #stat(path: string): string {
    try {
      return shown(this.#fs.lstatSync(path, { throwIfNoEntry: false }));
    } catch (error) {
      if (errorCode(error) !== "ENOTDIR") this.#failed("stat", path, error);
      return "";
    }
  }

  #write(work: () => void): void {
    try {
      work();
    } catch (error) {
      // Without a root there is nothing to count.
      if (errorCode(error) !== "ENOENT") this.#failed("count", this.#directory, error);
    }
  }
}

function isDead(ledger: OtherLedger): boolean {
  const alive = liveness(ledger.owner);
  if (alive !== "unknown") return alive === "dead";
  try {
    return Date.now() - ledger.writtenAt > UNKNOWN_OWNER_MS;
  } catch {
    return false;
  }
}

function shown(stat: Stats | undefined): string {
  return stat === undefined ? "" : `${stat.ino} ${stat.mtimeMs}`;
}

function sameDirectory(one: string, other: string): boolean {
  return one.split(" ")[0] === other.split(" ")[0];
}
