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
import type { LogGeneration, LogReader } from "./log-generation.js";
import { randomNonce } from "./log-generations.js";
import type { LogGenerations } from "./log-generations.js";
import { encodePurge } from "./log-record.js";
import type { PurgeRecord } from "./log-record.js";
import { ALIVE, PURGED, PurgeMarks } from "./purge-marks.js";
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
}

/** The view of a log that cannot be read. */
export const BLIND = -1;

export class InvalidationLog implements LogReader {
  readonly #generations: LogGenerations;
  readonly #deps: LogDeps;
  readonly #root: string;
  readonly #marks = new PurgeMarks();
  #generation: LogGeneration | undefined = undefined;
  #epoch = -1;
  #floor: LogPosition = 0;
  #position: LogPosition = 0;
  /** Changes whenever the log says something new; a small integer, so that comparing it costs nothing. */
  #view = 0;
  #blind = true;
  #closed = false;
  readonly #look = new TurnLook();
  #reopenAt = 0;
  #reopenMs = 0;
  /** Why nothing can be written; `undefined` when it can, as far as known. */
  #refusal: unknown = undefined;
  #retryAt = 0;
  #awaitedNonce = -1;
  #awaitedSeen = false;

  constructor(root: string, generations: LogGenerations, deps: LogDeps) {
    this.#root = root;
    this.#generations = generations;
    this.#deps = deps;
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
    return this.#blind ? BLIND : this.#view;
  }

  /** The position as seen in this turn: the birth of what begins now. A birth that is a little too early costs at most
   * a needless purge. */
  position(): LogPosition {
    if (!this.#look.inTurn) this.#lookNow();
    return this.#position;
  }

  /** The position as it is at this instant: the directory may have been removed in this very turn, and what is born
   * before the new log is invalid at once. */
  positionNow(): LogPosition {
    this.#lookNow();
    return this.#position;
  }

  /** Epoch that positions count in. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Whether a log exists, whatever it contains. Creates none. */
  get begun(): boolean {
    return this.#generations.begun;
  }

  /** Whether purges can be recorded; only then may entries be stored. When they cannot, this is tried again every
   * second. */
  get writable(): boolean {
    return this.#refusal === undefined;
  }

  /** The file system has become read-only. True when that has been reported. */
  lostWriting(cause: unknown): boolean {
    if (this.#blind) return false;
    this.#refused(cause);
    return true;
  }

  /** Length of the log file at the last check. */
  get bytes(): number {
    return this.#generation?.bytes ?? 0;
  }

  /** Whether the log, as of the last check, leaves an entry of this epoch valid. */
  verdict(head: Purgeable): Verdict {
    // Another process has seen more of the log than this one had at its last check.
    if (head.birth > this.#position) this.#lookNow();
    if (this.#blind || head.birth < this.#floor || head.birth > this.#position) return PURGED;
    return this.#marks.size === 0 ? ALIVE : this.#marks.verdict(head);
  }

  /** Appends purges, and resolves when they apply to every process.
   * @throws {DiskCacheError} `ERR_DISKCACHE_PURGE` */
  async append(selectors: readonly (PurgeSelector | PathSelector)[], soft: boolean): Promise<void> {
    if (selectors.length === 0) return;
    const path = `${this.#root}/invalidations`;
    // So far the log may have been opened for reading only.
    if (!this.writable) this.#release();
    try {
      const generation = this.#appendNow(selectors, soft);
      if (this.#deps.durable) await promised((done) => generation.sync(done));
      this.compact(undefined);
    } catch (error) {
      throw purgeError(path, error);
    }
  }

  /** Compacts the log when it has grown. `oldestBirth`: nothing on disk was born before it, as far as a complete sweep
   * has seen. */
  compact(oldestBirth: LogPosition | undefined): void {
    const generation = this.#generation;
    if (generation === undefined || this.#blind || !this.writable) return;
    if (generation.appendedBytes <= Math.max(COMPACT_BYTES, generation.header.snapshotBytes)) return;
    try {
      let floor = Math.max(this.#floor, Math.min(oldestBirth ?? 0, this.#position));
      if (this.#marks.size > MOST_MARKS || generation.header.snapshotBytes > MOST_SNAPSHOT_BYTES) {
        const marks = this.#marks.from(floor);
        // The oldest mark that stays: what was born after the mark before it can be judged by the marks that stay.
        const oldest = marks[marks.length - Math.floor(Math.min(MOST_MARKS, marks.length) / 2)];
        if (oldest !== undefined) floor = oldest.position;
      }
      this.#generations.seal(generation, floor, false);
      this.#refresh();
    } catch (error) {
      this.#goBlind("compact the invalidation log", error);
    }
  }

  close(): void {
    this.#release();
    this.#closed = true;
    this.#blind = true;
  }

  // LogReader: called while a generation is read.
  purge(record: PurgeRecord, position: LogPosition): void {
    if (record.nonce === this.#awaitedNonce) this.#awaitedSeen = true;
    this.#marks.add(record.selector, record.soft, position);
    if (record.selector.kind === "all" && !record.soft) this.#deps.allPurged();
  }

  damage(position: LogPosition): void {
    this.#marks.add({ kind: "all" }, false, position);
    this.#deps.restarted("a record is damaged: what was made before it counts as purged");
  }

  #lookNow(): void {
    if (this.#closed) return;
    this.#look.now();
    if (this.#reopenMs > 0 && this.#deps.elapsed() < this.#reopenAt) return;
    if (!this.writable && this.#deps.elapsed() >= this.#retryAt) this.#release();
    try {
      this.#refresh();
    } catch (error) {
      this.#goBlind("read the invalidation log", error);
    }
  }

  #lookAgain(): void {
    try {
      if (this.#blind || this.#generation?.hasGrown() !== false) this.#lookNow();
      else this.#look.now();
    } catch {
      this.#lookNow();
    }
  }

  #appendNow(selectors: readonly (PurgeSelector | PathSelector)[], soft: boolean): LogGeneration {
    const nonces = selectors.map(() => randomNonce());
    const records = selectors.map((selector, index) => {
      const record = encodePurge(selector, soft, nonces[index] as number);
      if (record === undefined) throw new Error("the selector is too long");
      return record;
    });
    const bytes = Buffer.concat(records);
    for (let attempt = 0; attempt < 16; attempt++) {
      this.#refresh();
      const generation = this.#generation as LogGeneration;
      this.#awaitedNonce = nonces[nonces.length - 1] ?? -1;
      this.#awaitedSeen = false;
      generation.append(bytes);
      this.#refresh();
      this.#awaitedNonce = -1;
      // Read before any seal, and the file is still the current one: the purge counts.
      if (this.#awaitedSeen && generation === this.#generation && generation.look().same) {
        this.#markEnd(generation);
        return generation;
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

  // Brings this process's view up to the end of the log, whatever has happened to the log.
  #refresh(): void {
    for (let attempt = 0; attempt < 16; attempt++) {
      const generation = this.#generation ?? this.#adopt();
      if (generation === undefined) continue;
      const { same, grown, shrunk } = generation.look();
      if (!same) {
        this.#release();
        continue;
      }
      const state = shrunk
        ? "truncated"
        : grown
          ? generation.read(this)
          : generation.seal === undefined
            ? "open"
            : "sealed";
      if (grown) {
        this.#view++;
        this.#position = generation.position;
      }
      if (state === "open") {
        if (this.#blind) this.#view++;
        this.#blind = false;
        this.#reopenMs = 0;
        return;
      }
      if (state === "sealed") this.#goOn(generation);
      else if (state === "truncated")
        this.#restart(generation, "the invalidation log was cut short, or is longer than it can be");
      else this.#heal(generation);
    }
    throw Object.assign(new Error("the invalidation log does not come to rest"), { code: "EBUSY" });
  }

  #adopt(): LogGeneration | undefined {
    this.#deps.prepare();
    const generation = this.#generations.current(() => this.#freshBase());
    const { epoch, base, floor } = generation.header;
    this.#generation = generation;
    this.#refused(generation.refusal);
    const another = epoch !== this.#epoch;
    if (another && this.#epoch !== -1) {
      // Births given out in the old epoch must not be mistaken for births of the new one.
      if (base <= this.#position) return this.#restart(generation, "the invalidation log is older than this process");
      this.#deps.restarted("the invalidation log is another one: everything stored before is a miss");
    }
    if (!another && base === this.#position) {
      // It follows the log that was read to its end, so the snapshot adds nothing.
      generation.skipSnapshot();
      this.#marks.forgetBefore(floor);
    } else {
      this.#marks.clear();
    }
    this.#epoch = epoch;
    this.#floor = floor;
    this.#position = base;
    this.#view++;
    return generation;
  }

  #refused(refusal: unknown): void {
    if (refusal !== undefined) {
      if (this.writable) this.#deps.onlyRead(refusal);
      this.#retryAt = this.#deps.elapsed() + LONGEST_REOPEN_MS;
    }
    this.#refusal = refusal;
  }

  // The first process that needs the next generation makes it.
  #goOn(generation: LogGeneration): void {
    const seal = generation.seal as NonNullable<LogGeneration["seal"]>;
    if (seal.restart) this.#generations.begin(generation.number + 1, this.#freshBase());
    else this.#generations.follow(generation, seal.floor, this.#marks.from(seal.floor));
    this.#release();
  }

  #restart(generation: LogGeneration, problem: string): undefined {
    this.#deps.restarted(problem);
    this.#generations.seal(generation, 0, true);
    this.#generations.begin(generation.number + 1, this.#freshBase());
    this.#release();
  }

  // Damage at the end may have been a purge. A purge of everything, appended behind it, makes every process treat it
  // so, and puts later births after it.
  #heal(generation: LogGeneration): void {
    generation.append(encodePurge({ kind: "all" }, false, randomNonce()) as Buffer);
  }

  #freshBase(): LogPosition {
    // Grows with time, so that births of two epochs do not meet; microseconds stay exact in a double until the year
    // 2255.
    return Math.max(Math.floor(this.#deps.now()) * 1000, this.#position + 1, 1);
  }

  #goBlind(operation: string, error: unknown): void {
    if (!this.#blind) this.#view++;
    this.#blind = true;
    this.#reopenMs = Math.min(Math.max(this.#reopenMs * 2, FIRST_REOPEN_MS), LONGEST_REOPEN_MS);
    this.#reopenAt = this.#deps.elapsed() + this.#reopenMs;
    this.#deps.failed(operation, error);
  }

  #release(): void {
    try {
      this.#generation?.close();
    } catch {
      // The descriptor is released either way.
    }
    this.#generation = undefined;
  }
}
