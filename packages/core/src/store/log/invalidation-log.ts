/**
 * What has been purged, as every process that shares the directory sees it. It needs no server and no clock: an
 * append-only file whose length is the time. An entry carries the position at which its making began; every matching
 * record at or after that position invalidates it. Never touches an entry.
 *
 * While the log cannot be read, the store is blind: no entry is known to be valid, so every lookup is a miss.
 */
import { DiskCacheError, directoryError, purgeError } from "../../base/errors.js";
import type { LogPosition, PathSelector, PurgeSelector } from "../contract.js";
import { errorCode, promised } from "../file-system.js";
import type { Chain } from "./chain.js";
import { SHARES_NOTE } from "./chain-notes.js";
import type { OwnPurge } from "./chain-notes.js";
import { Lease } from "./lease.js";
import type { Confirmation, LeaseTerms } from "./lease.js";
import { LogContent } from "./log-content.js";
import { LogFollower } from "./log-follower.js";
import type { LogGeneration } from "./log-generation.js";
import { randomNonce } from "./log-generations.js";
import type { LogGenerations } from "./log-generations.js";
import { encodeNote, encodePurge } from "./log-record.js";
import { PURGED } from "./purge-marks.js";
import type { Purgeable, Verdict } from "./purge-marks.js";
import { TurnLook } from "./turn-look.js";

/** After a failed attempt to open the log; doubled at each further one. */
const FIRST_REOPEN_MS = 50;
const LONGEST_REOPEN_MS = 1000;
/** Compaction begins when more than this has been appended, and more than the snapshot itself holds. */
const COMPACT_BYTES = 256 * 1024;
/** Selectors kept in memory, and the bytes they may take. Beyond that the oldest are dropped, and with them every
 * entry born before. */
const MOST_MARKS = 50_000;
const MOST_SNAPSHOT_BYTES = 8 * 1024 * 1024;

/** What the log needs of the store around it. */
export interface LogDeps {
  /** Makes sure that the directory exists and is safe. Throws when it cannot be used. */
  readonly prepare: () => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that never jumps. */
  readonly elapsed: () => number;
  readonly failed: (operation: string, error: unknown) => void;
  /** From now on nothing can be written. */
  readonly onlyRead: (cause: unknown) => void;
  readonly restarted: (problem: string) => void;
  /** Everything was purged, by this process or another. */
  readonly allPurged: () => void;
  readonly durable: boolean;
  /** For a directory whose machine shares purges with others. */
  readonly lease?: LeaseTerms | undefined;
}

/** How a purge is recorded. */
export interface Recording {
  readonly soft: boolean;
  /** It concerns this directory, and no other machine. */
  readonly local?: boolean | undefined;
}

interface Appended {
  readonly generation: LogGeneration;
  /** Purges of this directory that were read with it. */
  readonly own: readonly OwnPurge[];
}

/** The view of a log that cannot be read. */
export const BLIND = -1;

export class InvalidationLog {
  readonly #follower: LogFollower;
  readonly #deps: LogDeps;
  readonly #root: string;
  readonly #content: LogContent;
  readonly #lease: Lease | undefined;
  /** Whether the last look found the machine cut off. */
  #cutOff = false;
  /** Changes whenever the log says something new; a small integer, so that comparing it costs nothing. */
  #view = 0;
  #news = 0;
  #blind = true;
  #closed = false;
  readonly #look = new TurnLook();
  #reopenAt = 0;
  #reopenMs = 0;

  constructor(root: string, generations: LogGenerations, deps: LogDeps) {
    this.#root = root;
    this.#deps = deps;
    const { allPurged, lease, restarted } = deps;
    this.#content = new LogContent({ allPurged, restarted, epoch: () => this.#follower.epoch });
    this.#follower = new LogFollower(generations, this.#content, deps);
    this.#lease = lease && new Lease(lease, this.#content.chain);
  }

  /** What the machines that share purges know of this directory. */
  get chain(): Chain {
    return this.#content.chain;
  }

  /** Milliseconds since nothing was missing of what other machines have purged; `undefined` where nothing is
   * shared. */
  contactAgeMs(): number | undefined {
    return this.#lease?.contactAgeMs();
  }

  /** Opens it now.
   * @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` */
  open(): void {
    try {
      this.#refresh();
    } catch (error) {
      if (error instanceof DiskCacheError) throw error;
      throw directoryError(this.#root, `its invalidation log cannot be opened (${errorCode(error)})`, error);
    }
  }

  /** Checks the log once per turn of the event loop; in a long turn also whether it has grown meanwhile. When two
   * results are equal and not `BLIND`, nothing was purged between them. */
  look(): number {
    if (!this.#look.inTurn) this.#lookNow();
    else if (this.#look.old) this.#lookAgain();
    if (this.#lease !== undefined) this.#heedLease(this.#lease);
    return this.#blind ? BLIND : this.#view;
  }

  /** As `look`, and checks again within the turn. */
  lookNow(): number {
    this.#lookNow();
    return this.look();
  }

  /** The position as seen in this turn: the birth of what begins now. A birth that is a little too early costs at most
   * a needless purge. */
  position(): LogPosition {
    if (!this.#look.inTurn) this.#lookNow();
    return this.#follower.position;
  }

  /** The position as it is at this instant: the directory may have been removed in this very turn, and what is born
   * before the new log is invalid at once. */
  positionNow(): LogPosition {
    this.#lookNow();
    return this.#follower.position;
  }

  /** Epoch that positions count in. */
  get epoch(): number {
    return this.#follower.epoch;
  }

  /** Whether a log exists, whatever it contains. Creates none. */
  get begun(): boolean {
    return this.#follower.begun;
  }

  /** Whether purges can be recorded; only then may entries be stored. When they cannot, this is tried again every
   * second. */
  get writable(): boolean {
    return this.#follower.writable;
  }

  /** The file system has become read-only. True when that has been reported. */
  lostWriting(cause: unknown): boolean {
    if (this.#blind) return false;
    this.#follower.refuse(cause);
    return true;
  }

  /** Length of the log file at the last check. */
  get bytes(): number {
    return this.#follower.generation?.bytes ?? 0;
  }

  /** Whether the log, as of the last check, leaves an entry of this epoch valid. */
  verdict(head: Purgeable): Verdict {
    // Another process has seen more of the log than this one had at its last check.
    if (head.birth > this.#follower.position) this.#lookNow();
    const { floor, position } = this.#follower;
    if (this.#blind || head.birth < floor || head.birth > position) return PURGED;
    return this.#content.verdict(head);
  }

  /** What may be done with an entry that no purge has matched: other machines may have purged it. */
  confirm(birth: LogPosition): Confirmation {
    return this.#cutOff ? (this.#lease as Lease).confirm(birth) : "valid";
  }

  /** Appends purges, and resolves when they apply to every process.
   * @returns those of them that other machines have to learn
   * @throws {DiskCacheError} `ERR_DISKCACHE_PURGE` */
  async append(selectors: readonly (PurgeSelector | PathSelector)[], how: Recording): Promise<readonly OwnPurge[]> {
    if (selectors.length === 0) return [];
    const path = `${this.#root}/invalidations`;
    // So far the log may have been opened for reading only.
    if (!this.writable) this.#follower.release();
    try {
      const shares = this.#lease !== undefined && !this.chain.shares ? [SHARES_NOTE] : [];
      const { generation, own } = this.#appendNow((nonce) => [
        ...shares.map((note) => required(encodeNote(note, nonce()))),
        ...selectors.map((selector) => purgeBytes(selector, how, nonce())),
      ]);
      if (this.#deps.durable) await promised((done) => generation.sync(done));
      this.compact(undefined);
      return own;
    } catch (error) {
      throw purgeError(path, error);
    }
  }

  /** Appends notes.
   * @throws Node's own error */
  note(notes: readonly string[]): void {
    this.#appendNow((nonce) => notes.map((note) => required(encodeNote(note, nonce()))));
    this.compact(undefined);
  }

  /** Compacts the log when it has grown. `oldestBirth`: nothing on disk was born before it, as far as a complete sweep
   * has seen. */
  compact(oldestBirth: LogPosition | undefined): void {
    const { floor: lowest, generation, position } = this.#follower;
    if (generation === undefined || this.#blind || !this.writable) return;
    if (generation.appendedBytes <= Math.max(COMPACT_BYTES, generation.header.snapshotBytes)) return;
    try {
      let floor = Math.max(lowest, Math.min(oldestBirth ?? 0, position));
      if (this.#content.size > MOST_MARKS || generation.header.snapshotBytes > MOST_SNAPSHOT_BYTES) {
        const marks = this.#content.marksFrom(floor);
        // The oldest mark that stays: what was born after the mark before it can be judged by the marks that stay.
        const oldest = marks[marks.length - Math.floor(Math.min(MOST_MARKS, marks.length) / 2)];
        if (oldest !== undefined) floor = oldest.position;
      }
      this.#follower.seal(generation, floor);
      this.#refresh();
    } catch (error) {
      this.#goBlind("compact the invalidation log", error);
    }
  }

  close(): void {
    this.#follower.release();
    this.#closed = true;
    this.#blind = true;
  }

  // While the machine is cut off, time alone makes entries unusable: nothing that was found valid stays so.
  #heedLease(lease: Lease): void {
    const { over } = lease;
    if (over || this.#cutOff) this.#view++;
    this.#cutOff = over;
  }

  #lookNow(): void {
    if (this.#closed) return;
    this.#look.now();
    if (this.#reopenMs > 0 && this.#deps.elapsed() < this.#reopenAt) return;
    this.#follower.retryWriting();
    try {
      this.#refresh();
    } catch (error) {
      this.#goBlind("read the invalidation log", error);
    }
  }

  #lookAgain(): void {
    try {
      if (this.#blind || this.#follower.generation?.hasGrown() !== false) this.#lookNow();
      else this.#look.now();
    } catch {
      this.#lookNow();
    }
  }

  #appendNow(encode: (nonce: () => number) => readonly Buffer[]): Appended {
    let last = -1;
    const bytes = Buffer.concat(encode(() => (last = randomNonce())));
    for (let attempt = 0; attempt < 16; attempt++) {
      this.#refresh();
      const generation = this.#follower.generation as LogGeneration;
      this.#content.await(last);
      generation.append(bytes);
      const own = this.chain.ownDuring(() => this.#refresh());
      // Read before any seal, and the file is still the current one: the purge counts.
      if (this.#content.found && generation === this.#follower.generation && generation.look().same) {
        this.#markEnd(generation);
        return { generation, own };
      }
    }
    throw Object.assign(new Error("the invalidation log changes faster than it can be appended to"), { code: "EBUSY" });
  }

  #markEnd(generation: LogGeneration): void {
    try {
      generation.markEnd();
    } catch (error) {
      // The purge is recorded; only a later truncation at exactly this place would go unnoticed. A compaction may have
      // replaced the file.
      if (errorCode(error) !== "ENOENT") this.#deps.failed("write down the end of the invalidation log", error);
    }
  }

  #refresh(): void {
    try {
      this.#follower.follow();
    } finally {
      // Also what was read before it failed.
      if (this.#follower.news !== this.#news) this.#view++;
      this.#news = this.#follower.news;
    }
    if (this.#blind) this.#view++;
    this.#blind = false;
    this.#reopenMs = 0;
  }

  #goBlind(operation: string, error: unknown): void {
    if (!this.#blind) this.#view++;
    this.#blind = true;
    this.#reopenMs = Math.min(Math.max(this.#reopenMs * 2, FIRST_REOPEN_MS), LONGEST_REOPEN_MS);
    this.#reopenAt = this.#deps.elapsed() + this.#reopenMs;
    this.#deps.failed(operation, error);
  }
}

function purgeBytes(selector: PurgeSelector | PathSelector, { soft, local = false }: Recording, nonce: number): Buffer {
  return required(encodePurge(selector, { soft, local }, nonce));
}

function required(record: Buffer | undefined): Buffer {
  if (record === undefined) throw new Error("the selector is too long");
  return record;
}
