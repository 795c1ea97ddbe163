/** Whether another program is removing the directory, as a deploy removes an old release: then nothing is made in it
 * until that is over, or the removal would find a directory that is not empty, and leave the rest. A directory that was
 * emptied, or removed alone, may be made again at once. Makes and removes nothing. */
import type { Stats } from "node:fs";
import { dirname } from "node:path";
import { directoryError } from "../base/errors.js";
import { errorCode } from "./file-system.js";
import type { FileSystem } from "./file-system.js";

/** Nothing is made while something has gone within this time. */
const REST_MS = 250;
/** The same once the directory itself is gone: what it lay in may hold more to remove. */
const REST_WITHOUT_ROOT_MS = 2_000;
const BEING_REMOVED = "is being removed; nothing is stored until that is over";
/** One shard is no sign: what a process has just written into one that another has emptied and removed since may not be
 * counted yet, so that it seems to hold something. */
const SIGNIFICANT_SHARDS = 2;
/** A sweep that made progress within this time may still be under way. */
const SWEEP_MS = 250;
/** The names that are left where a user has removed everything that a shell's `*` names. */
const HIDDEN = new Set([".gitignore"]);
const SHARD = /^[0-9a-f]{2}$/;
/** What comes and goes while the cache is used: temporary files, the lock of the process that sweeps. */
const PASSING = /^(?:tmp-|sweeper)/;
/** One of these is always there. */
const LOG = /^invalidations\.\d+$/;

const GONE = new Set(["ENOENT", "ENOTDIR"]);

/** What is known of the shards, which the process that sweeps removes when they are empty. */
export interface KnownShards {
  /** Whether entries are counted in a shard. It may be wrong for a while about what was written just before a sweep. */
  holds(shard: number): boolean;
  /** When a sweep last made progress, in any process: epoch milliseconds of the file system. */
  sweptAt(): number;
}

export class Removal {
  readonly #fs: FileSystem;
  readonly #root: string;
  readonly #elapsed: () => number;
  readonly #shards: KnownShards;
  /** The names in the root, as far as this process knows of them. */
  #names = new Set<string>();
  #inodeSeen: number | undefined = undefined;
  /** How many links the root had: on most file systems two, and one for each directory in it. */
  #links = 0;
  /** What the root lay in when the root was missed. */
  #above = "";
  #restUntil = Number.NEGATIVE_INFINITY;
  /** Shards that have gone of late although they should hold entries, and when the last of them was missed. */
  #shardsGone = 0;
  #shardGoneAt = Number.NEGATIVE_INFINITY;
  /** The last sweep that was known at the last look. */
  #sweptAt = 0;
  #going = false;

  /** @param elapsed milliseconds of a clock that never jumps */
  constructor(fs: FileSystem, root: string, elapsed: () => number, shards: KnownShards) {
    this.#fs = fs;
    this.#root = root;
    this.#elapsed = elapsed;
    this.#shards = shards;
  }

  /** Whether nothing is to be made for the moment. */
  get resting(): boolean {
    return this.#elapsed() < this.#restUntil;
  }

  /** Something is gone that none of the processes removes: more may go. */
  missed(): void {
    this.#going = true;
    this.#rest(REST_MS);
  }

  /** Whether something in the root may be made, again or for the first time.
   * @param name of a directory that is made if so */
  mayMake(name?: string): boolean {
    if (this.resting) return false;
    const names = this.#list();
    const { ino: root, nlink = 0 } = (names && this.#stat(this.#root)) ?? {};
    // Another process has made the directory again: nothing of this one goes.
    const known = root === undefined || root === this.#inodeSeen ? this.#names : new Set<string>();
    this.#inodeSeen = root ?? this.#inodeSeen;
    this.#links = nlink;
    this.#names = names ?? new Set();
    const gone = [...known].filter((name) => names?.has(name) !== true);
    if (this.#going ? this.#goesOn(gone, names) : this.#begins(gone, names)) {
      this.#going = true;
      this.#rest(names === undefined ? REST_WITHOUT_ROOT_MS : REST_MS);
      return false;
    }
    this.#going = false;
    if (name !== undefined && !this.#names.has(name)) {
      this.#names.add(name);
      if (nlink > 1) this.#links++;
    }
    return true;
  }

  /** The same for a caller that cannot go on without.
   * @param exists the directory is there, and something is made in it: the root is listed only where its number of
   * directories has changed
   * @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` when nothing may be made */
  check(name?: string, exists = false): void {
    if (exists && !this.resting && this.#stat(this.#root)?.nlink === this.#links) return;
    if (!this.mayMake(name)) throw directoryError(this.#root, BEING_REMOVED);
  }

  #begins(gone: readonly string[], names: ReadonlySet<string> | undefined): boolean {
    if (names === undefined || [...names].every((name) => HIDDEN.has(name))) return false;
    const shards = gone.filter((name) => SHARD.test(name));
    return shards.length < gone.length || this.#goneLately(shards) >= SIGNIFICANT_SHARDS;
  }

  // How many shards have gone of late that should hold entries, and that no sweep can have removed.
  #goneLately(shards: readonly string[]): number {
    const now = this.#elapsed();
    const swept = this.#isSwept();
    if (swept || now - this.#shardGoneAt > REST_MS) this.#shardsGone = 0;
    if (swept) return 0;
    const held = shards.filter((name) => this.#shards.holds(Number.parseInt(name, 16))).length;
    if (held > 0) this.#shardGoneAt = now;
    this.#shardsGone += held;
    return this.#shardsGone;
  }

  // Whether a sweep has made progress since the last look, or does just now.
  #isSwept(): boolean {
    const sweptAt = this.#shards.sweptAt();
    const since = sweptAt !== this.#sweptAt;
    this.#sweptAt = sweptAt;
    return since || Math.abs(Date.now() - sweptAt) < SWEEP_MS;
  }

  #goesOn(gone: readonly string[], names: ReadonlySet<string> | undefined): boolean {
    if (names !== undefined) return gone.length > 0;
    const above = this.#state(dirname(this.#root));
    const changed = above !== this.#above;
    this.#above = above;
    return changed && above !== "";
  }

  #rest(forMs: number): void {
    this.#restUntil = this.#elapsed() + forMs;
  }

  #list(): Set<string> | undefined {
    try {
      const names = this.#fs.readdirSync(this.#root).filter((name) => !PASSING.test(name));
      return new Set(names.map((name) => (LOG.test(name) ? "invalidations" : name)));
    } catch (error) {
      // What cannot be read is not gone.
      return GONE.has(errorCode(error)) ? undefined : this.#names;
    }
  }

  #state(path: string): string {
    const stat = this.#stat(path);
    return stat === undefined ? "" : `${stat.ino} ${stat.ctimeMs}`;
  }

  #stat(path: string): Stats | undefined {
    try {
      return this.#fs.lstatSync(path, { throwIfNoEntry: false });
    } catch {
      return undefined;
    }
  }
}
