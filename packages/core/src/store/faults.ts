/** Counts and reports faults, pauses storing after a fault that the next write would meet as well, and tells the owner
 * what happens in the store. Never throws. */
import { performance } from "node:perf_hooks";
import { corruptEntryError, DiskCacheError, storeIoError } from "../base/errors.js";
import type { StoreEvents } from "../base/events.js";
import type { SkipReason, StoreEvent } from "./contract.js";
import { errorCode } from "./file-system.js";

/** A disk that is full, over quota, read-only or broken, or a process without descriptors: the next write fails
 * too. */
const PAUSING_CODES = new Set(["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "EROFS", "EIO"]);
/** Faults that removing something cures. */
const FULL_CODES = new Set(["ENOSPC", "EDQUOT"]);
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;

/** Whether a disk, its inodes or a quota is used up. */
export function isFull(error: unknown): boolean {
  return FULL_CODES.has(errorCode(error));
}

/** Callbacks for the outcome of writes. */
export interface WriteOutcomes {
  /** The disk had no room. */
  readonly refused: () => void;
  readonly accepted: () => void;
  /** The file system is read-only. True when that has been reported. */
  readonly onlyRead: (error: unknown) => boolean;
}

export class Faults {
  corruptCount = 0;
  ioErrors = 0;
  skippedWrites = 0;
  evictions = 0;
  #pauseMs = 0;
  #pausedUntil = 0;
  readonly #observe: (event: StoreEvent) => void;
  readonly #outcomes: WriteOutcomes;
  readonly #elapsed: () => number;

  constructor(
    observe: (event: StoreEvent) => void,
    outcomes: WriteOutcomes,
    elapsed: () => number = () => performance.now(),
  ) {
    this.#observe = observe;
    this.#outcomes = outcomes;
    this.#elapsed = elapsed;
  }

  /** A failed call. With `storing`, a code that the next write would meet too pauses storing. */
  io(operation: string, path: string, error: unknown, storing: boolean): void {
    this.ioErrors++;
    const code = errorCode(error);
    const told = error instanceof DiskCacheError ? error : storeIoError(operation, path, error);
    // A failed call that is not for storing leaves the report to one that is.
    const said = code === "EROFS" && (this.#outcomes.onlyRead(error) || !storing);
    this.tell({ type: "error", operation, code, error: told, said });
    if (storing && PAUSING_CODES.has(code)) this.#pause(code);
    if (storing && isFull(error)) this.#outcomes.refused();
  }

  corrupt(path: string, problem: string): void {
    this.corruptCount++;
    this.tell({ type: "corrupt", path, error: corruptEntryError(path, problem) });
  }

  skip(reason: SkipReason, key: string): void {
    this.skippedWrites++;
    this.tell({ type: "skip", reason, key });
  }

  swept(reason: "bounds" | "dead", entries: number, bytes: number): void {
    if (reason === "bounds") this.evictions += entries;
    this.tell({ type: "evict", reason, entries, bytes });
  }

  /** True while storing is paused. When the pause is over, writes go through again as a probe; one that fails doubles
   * the pause. */
  get storingPaused(): boolean {
    return this.#pauseMs > 0 && this.#elapsed() < this.#pausedUntil;
  }

  /** A write reached the disk. */
  stored(): void {
    if (this.#pauseMs === 0) return;
    this.#pauseMs = 0;
    this.#outcomes.accepted();
    this.tell({ type: "resume" });
  }

  tell(event: StoreEvent): void {
    try {
      this.#observe(event);
    } catch {
      // An observer that throws must not reach a request.
    }
  }

  #pause(code: string): void {
    if (this.storingPaused) return;
    this.#pauseMs = Math.min(this.#pauseMs === 0 ? FIRST_PAUSE_MS : this.#pauseMs * 2, LONGEST_PAUSE_MS);
    this.#pausedUntil = this.#elapsed() + this.#pauseMs;
    this.tell({ type: "pause", code, forMs: this.#pauseMs });
  }
}

/* What a store observes, as the owner of a cache is told of it. Leaves out what has been reported, and decides nothing
 * else. */

export type TellOwner = <Name extends keyof StoreEvents>(name: Name, event: StoreEvents[Name]) => void;

export function tellOwner(event: StoreEvent, tell: TellOwner): void {
  switch (event.type) {
    case "error":
      return event.said ? undefined : tell("error", event.error);
    case "corrupt":
    case "too-small":
      return tell("error", event.error);
    case "skip":
      return tell("write-skipped", { reason: event.reason, key: event.key });
    case "evict":
      return tell("evict", { reason: event.reason, entries: event.entries, bytes: event.bytes });
    case "pause":
      return tell("pause", { code: event.code, forMs: event.forMs });
    case "resume":
      return tell("resume", {});
    case "log-restarted":
      return tell("log-restarted", { problem: event.problem });
  }
}
