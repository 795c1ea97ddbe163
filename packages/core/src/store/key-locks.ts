/** Who makes an entry, among all processes that share the directory: a lock per key. Advisory: where it cannot be had or told, an entry is made twice, and nothing worse.
 *
 * A lock is a symbolic link that points nowhere: its target names process and moment, so it comes into being together with its content, in one call.
 * A lock whose process is dead, which is older than a lock may be, or under which something is made that a purge has ended since, is moved aside before it is removed, so that of several who find it only one
 * has it; if what was moved turns out to be another, newer lock, it is put back. */
import { hash } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { KeyLock, LockEnd, LogPosition } from "./contract.js";
import { errorCode } from "./file-system.js";
import type { FileSystem } from "./file-system.js";
import { makeDirectory } from "./make-directory.js";
import { LockWatch } from "./lock-watch.js";
import { formatIdentity, liveness, ownIdentity, parseIdentity, uniqueSuffix } from "./process-identity.js";

/** However long its holder lives: by then the application has had its chance. */
const MAX_AGE_MS = 60_000;
const FIRST_POLL_MS = 2;
const LAST_POLL_MS = 16;
/** So much longer for every key that is waited for at the same time: looking takes time, too. */
const POLL_MS_PER_WAIT = 0.25;
/** How often it is asked whether the holder lives: dearer than a look at the lock. */
const LIVENESS_MS = 100;
/** `<process>-<suffix>-<count>@<epoch milliseconds>`, and for what a purge can make obsolete `#<position in the invalidation log>`: `1f0a…-4711-83020-a1b2c3-7@1767323045000#4096`. */
const TARGET = /^(.+)-[0-9a-f]{6}-\d+@(\d+(?:\.\d+)?)(?:#(\d+))?$/;
/** A lock moved aside to be removed, and by whom. */
const ASIDE = /^[0-9a-f]{64}-(.+)-[0-9a-f]{6}-\d+$/;

/** Whether the way to a lock is free: `"held"` by somebody who counts or was sooner, `"stuck"` where what counts for nothing cannot be taken away. */
type Cleared = "free" | "held" | "stuck";

/** What is made under a lock, where a purge can make it obsolete. */
export interface LockedMaking {
  readonly birth: LogPosition;
  /** Whether a purge has ended what is being made since `birth`. */
  isInVain(birth: LogPosition): boolean;
}

export class KeyLocks {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #now: () => number;
  readonly #ownName = `${formatIdentity(ownIdentity)}-${uniqueSuffix()}`;
  #count = 0;
  #waits = 0;
  readonly #watch: LockWatch;
  /** Whether the last lock that was given back was heard of, rather than seen. */
  #watchTells = false;
  #swept = false;

  constructor(fs: FileSystem, root: string, now: () => number) {
    this.#fs = fs;
    this.#directory = `${root}/locks`;
    this.#watch = new LockWatch(fs, this.#directory);
    this.#now = now;
  }

  /** @param making since when, in positions of the invalidation log, and whether what has been made since an earlier one is in vain: such a lock is nobody's to wait for
   * @returns `"held"` when a living process has it; `undefined` when no lock can be had here at all */
  take(key: string, making?: LockedMaking): KeyLock | "held" | undefined {
    const path = this.#path(key);
    const birth = making === undefined ? "" : `#${making.birth}`;
    const target = `${this.#ownName}-${this.#count++}@${this.#now()}${birth}`;
    try {
      return this.#create(path, target);
    } catch (error) {
      if (errorCode(error) !== "EEXIST") return undefined;
      const cleared = this.#clear(path, (found) => isInVain(found, making));
      if (cleared !== "free") return cleared === "held" ? "held" : undefined;
    }
    try {
      return this.#create(path, target);
    } catch (error) {
      return errorCode(error) === "EEXIST" ? "held" : undefined;
    }
  }

  /** Resolves when nobody holds the key any more, its holder has died, or the time is up: for this wait, or since the lock was taken, so that whoever comes late does not begin to wait anew for a holder that hangs. Never rejects. */
  async released(key: string, timeoutMs: number): Promise<LockEnd> {
    const path = this.#path(key);
    const startedMs = performance.now();
    let askedMs = startedMs;
    let target = this.#targetAt(path);
    if (target === undefined) return "over";
    if (!isValid(target, this.#now(), timeoutMs)) return endOf(target);
    this.#waits++;
    const listening = this.#watch.listen(this.#name(key));
    let told = false;
    try {
      for (let pauseMs = FIRST_POLL_MS; performance.now() - startedMs < timeoutMs; pauseMs *= 2) {
        const seen = this.#targetAt(path);
        if (seen === undefined) {
          this.#watchTells = told;
          return endOf(target);
        }
        // As long as it is the same lock, its age and its holder are looked at now and then.
        if (seen !== target || performance.now() - askedMs >= LIVENESS_MS) {
          if (!isValid(seen, this.#now(), timeoutMs)) return endOf(seen);
          target = seen;
          askedMs = performance.now();
        }
        told = await listening.changed(Math.min(pauseMs, this.#longestPauseMs));
      }
      return "over";
    } finally {
      this.#waits--;
      listening.stop();
    }
  }

  // Where the watch was the first to tell the last time, looking is only for what it may miss.
  get #longestPauseMs(): number {
    return this.#watchTells ? LIVENESS_MS : LAST_POLL_MS + (this.#waits - 1) * POLL_MS_PER_WAIT;
  }

  #name(key: string): string {
    return hash("sha256", key);
  }

  #path(key: string): string {
    return `${this.#directory}/${this.#name(key)}`;
  }

  #create(path: string, target: string): KeyLock {
    try {
      this.#fs.symlinkSync(target, path);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
      makeDirectory(this.#fs, this.#directory);
      this.#fs.symlinkSync(target, path);
    }
    if (!this.#swept) setImmediate(() => this.#sweep());
    this.#swept = true;
    return { release: () => void this.#removeIf(path, target) };
  }

  #targetAt(path: string): string | undefined {
    try {
      return this.#fs.readlinkSync(path);
    } catch {
      return undefined;
    }
  }

  // Once per process: what the dead have left for keys that nobody asks for any more.
  #sweep(): void {
    try {
      for (const name of this.#fs.readdirSync(this.#directory)) {
        const path = `${this.#directory}/${name}`;
        const mover = ASIDE.exec(name)?.[1];
        if (mover === undefined) this.#clear(path);
        else if (isDead(mover)) this.#fs.unlinkSync(path);
      }
    } catch {
      // Another one sweeps, or there is nothing to sweep.
    }
  }

  // Takes away what counts for nothing. Where that cannot be done, as on a disk that has become read-only, nobody is to wait for it.
  #clear(path: string, inVain: (target: string) => boolean = () => false): Cleared {
    let found: string;
    try {
      found = this.#fs.readlinkSync(path);
    } catch (error) {
      return errorCode(error) === "ENOENT" ? "free" : "held";
    }
    return inVain(found) || !isValid(found, this.#now(), MAX_AGE_MS) ? this.#removeIf(path, found) : "held";
  }

  #removeIf(path: string, target: string): Cleared {
    const aside = `${path}-${this.#ownName}-${this.#count++}`;
    try {
      if (this.#fs.readlinkSync(path) !== target) return "held";
      this.#fs.renameSync(path, aside);
      const moved = this.#fs.readlinkSync(aside);
      try {
        if (moved !== target) this.#fs.symlinkSync(moved, path);
      } finally {
        this.#fs.unlinkSync(aside);
      }
      return moved === target ? "free" : "held";
    } catch (error) {
      // Somebody else was sooner.
      return errorCode(error) === "ENOENT" ? "held" : "stuck";
    }
  }
}

// Somebody may have cleared it away already, to take it himself.
function endOf(target: string): LockEnd {
  return isDead(TARGET.exec(target)?.[1] ?? "") ? "abandoned" : "over";
}

function isDead(holder: string): boolean {
  const identity = parseIdentity(holder);
  return identity !== undefined && liveness(identity) === "dead";
}

function isValid(target: string, now: number, maxAgeMs: number): boolean {
  const [, holder = "", since = ""] = TARGET.exec(target) ?? [];
  const identity = parseIdentity(holder);
  const age = now - Number(since);
  // Dated in the future: the clock was set back, and nobody can tell how old it is.
  return identity !== undefined && age >= 0 && age < Math.min(maxAgeMs, MAX_AGE_MS) && liveness(identity) !== "dead";
}

// In doubt it is not: then the wait is bounded.
function isInVain(target: string, making: LockedMaking | undefined): boolean {
  const birth = TARGET.exec(target)?.[3];
  return making !== undefined && birth !== undefined && making.isInVain(Number(birth));
}
