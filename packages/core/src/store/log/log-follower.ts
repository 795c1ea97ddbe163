/** Which file of the invalidation log a process reads and appends to: follows it from generation to generation, and
 * begins it again where it cannot be trusted. What the records say is for `LogContent`. */
import type { LogPosition } from "../contract.js";
import type { LogContent } from "./log-content.js";
import type { LogGeneration } from "./log-generation.js";
import { randomNonce } from "./log-generations.js";
import type { LogGenerations } from "./log-generations.js";
import { encodePurge } from "./log-record.js";

/** Where nothing can be written, it is tried again after so long. */
const RETRY_WRITING_MS = 1000;

export interface FollowerDeps {
  /** Makes sure that the directory exists and is safe. Throws when it cannot be used. */
  readonly prepare: () => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a clock that never jumps. */
  readonly elapsed: () => number;
  /** From now on nothing can be written. */
  readonly onlyRead: (cause: unknown) => void;
  readonly restarted: (problem: string) => void;
}

export class LogFollower {
  readonly #generations: LogGenerations;
  readonly #content: LogContent;
  readonly #deps: FollowerDeps;
  #generation: LogGeneration | undefined = undefined;
  #epoch = -1;
  #floor: LogPosition = 0;
  #position: LogPosition = 0;
  #news = 0;
  /** Why nothing can be written; `undefined` when it can, as far as known. */
  #refusal: unknown = undefined;
  #retryAt = 0;

  constructor(generations: LogGenerations, content: LogContent, deps: FollowerDeps) {
    this.#generations = generations;
    this.#content = content;
    this.#deps = deps;
  }

  /** The file that is open. */
  get generation(): LogGeneration | undefined {
    return this.#generation;
  }

  /** Epoch that positions count in. */
  get epoch(): number {
    return this.#generation?.header.epoch ?? this.#epoch;
  }

  /** What was born before it is invalid. */
  get floor(): LogPosition {
    return this.#floor;
  }

  /** Grows whenever the log says something new. */
  get news(): number {
    return this.#news;
  }

  /** Up to where the log has been read. */
  get position(): LogPosition {
    return this.#position;
  }

  /** Whether a log exists, whatever it contains. Creates none. */
  get begun(): boolean {
    return this.#generations.begun;
  }

  get writable(): boolean {
    return this.#refusal === undefined;
  }

  /** The file system has become read-only. */
  refuse(cause: unknown): void {
    this.#adjust(cause);
  }

  /** Opens the log again, for writing, when it is time to try. */
  retryWriting(): void {
    if (!this.writable && this.#deps.elapsed() >= this.#retryAt) this.release();
  }

  /** Ends the file; the log goes on in the next. */
  seal(generation: LogGeneration, floor: LogPosition): void {
    this.#generations.seal(generation, floor, false);
  }

  /** Reads up to the end of the log, whatever has happened to the log.
   * @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY`; Node's own error */
  follow(): void {
    for (let attempt = 0; attempt < 16; attempt++) {
      const generation = this.#generation ?? this.#adopt();
      if (generation === undefined) continue;
      const { same, grown, shrunk } = generation.look();
      if (!same) {
        this.release();
        continue;
      }
      const { purges } = this.#content;
      const state = shrunk
        ? "truncated"
        : grown
          ? generation.read(this.#content)
          : generation.seal === undefined
            ? "open"
            : "sealed";
      if (grown) {
        // Notes leave what was valid as it was.
        if (this.#content.purges !== purges) this.#news++;
        this.#position = generation.position;
      }
      if (state === "open") return;
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
    this.#adjust(generation.refusal);
    const another = epoch !== this.#epoch;
    if (another && this.#epoch !== -1) {
      // Births given out in the old epoch must not be mistaken for births of the new one.
      if (base <= this.#position) return this.#restart(generation, "the invalidation log is older than this process");
      this.#deps.restarted("the invalidation log is another one: everything stored before is a miss");
    }
    if (!another && base === this.#position) {
      // It follows the log that was read to its end, so the snapshot adds nothing.
      generation.skipSnapshot();
      this.#content.forgetBefore(floor);
    } else {
      this.#content.clear();
    }
    this.#epoch = epoch;
    this.#floor = floor;
    this.#position = base;
    this.#news++;
    return generation;
  }

  #adjust(refusal: unknown): void {
    if (refusal !== undefined) {
      if (this.writable) this.#deps.onlyRead(refusal);
      this.#retryAt = this.#deps.elapsed() + RETRY_WRITING_MS;
    }
    this.#refusal = refusal;
  }

  // The first process that needs the next generation makes it.
  #goOn(generation: LogGeneration): void {
    const seal = generation.seal as NonNullable<LogGeneration["seal"]>;
    if (seal.restart) this.#generations.begin(generation.number + 1, this.#freshBase());
    else this.#generations.follow(generation, seal.floor, this.#content.marksFrom(seal.floor), this.#content.notes());
    this.release();
  }

  #restart(generation: LogGeneration, problem: string): undefined {
    this.#deps.restarted(problem);
    this.#generations.seal(generation, 0, true);
    this.#generations.begin(generation.number + 1, this.#freshBase());
    this.release();
  }

  // Damage at the end may have been a purge. A purge of everything, appended behind it, makes every process treat it
  // so, and puts later births after it.
  #heal(generation: LogGeneration): void {
    generation.append(encodePurge({ kind: "all" }, { soft: false, local: true }, randomNonce()) as Buffer);
  }

  #freshBase(): LogPosition {
    // Grows with time, so that births of two epochs do not meet; microseconds stay exact in a double until the year
    // 2255.
    return Math.max(Math.floor(this.#deps.now()) * 1000, this.#position + 1, 1);
  }

  /** Closes the file. The next look opens the log again. */
  release(): void {
    try {
      this.#generation?.close();
    } catch {
      // The descriptor is released either way.
    }
    this.#generation = undefined;
  }
}
