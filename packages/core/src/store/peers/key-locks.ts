/** Who makes an entry, among all processes that share the directory: a lock per key. Advisory: where it cannot be had or told, an entry is made twice, and nothing worse.
 *
 * A lock is a symbolic link that points nowhere: its target names process and moment, so it comes into being together with its content, in one call.
 * A lock whose process is dead, which is older than a lock may be, or under which something is made that a purge has ended since, may be removed by anybody, and by one alone: removing it, also for its own
 * holder, takes a claim on this very lock first, a link beside it that names who removes it. So a newer lock, which has other claims, is never taken for the old one. */
import { hash } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { KeyLock, LockEnd, LogPosition } from "../contract.js";
import { errorCode } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { IN_THE_CACHE, makeDirectory, ownDirectory } from "../own-directory.js";
import { LockWatch } from "./lock-watch.js";
import { formatIdentity, ownIdentity, parseIdentity, uniqueSuffix } from "../process-identity.js";
import type { ProcessIdentity } from "../process-identity.js";

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
/** A claim to remove a lock: beside the lock, with what tells it from others of the same key. It points to who removes it. */
const CLAIM = /^[0-9a-f]{64}-[0-9a-f]{16}$/;
/** `<process>-<suffix>`, who makes locks and claims. */
const MAKER = /^(.+)-[0-9a-f]{6}$/;

/** Whether the way to a lock is free: `"held"` by somebody who counts or was sooner, `"stuck"` where what counts for nothing cannot be taken away. */
type Cleared = "free" | "held" | "stuck";

/** What is made under a lock, where a purge can make it obsolete. */
export interface LockedMaking {
  readonly birth: LogPosition;
  /** Whether a purge has ended what is being made since `birth`. */
  isOutdated(birth: LogPosition): boolean;
}

/** What is known of those who hold locks. */
export interface LockHolders {
  lives(identity: ProcessIdentity): boolean;
  /** This process holds one more, and shows others that it lives. */
  hold(): void;
  release(): void;
}

export class KeyLocks {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #now: () => number;
  readonly #holders: LockHolders;
  readonly #ownName = `${formatIdentity(ownIdentity)}-${uniqueSuffix()}`;
  #count = 0;
  #waits = 0;
  readonly #watch: LockWatch;
  /** Whether the last lock that was given back was heard of, rather than seen. */
  #watchTells = false;
  #swept = false;
  #closed = false;

  constructor(fs: FileSystem, root: string, now: () => number, holders: LockHolders) {
    this.#fs = fs;
    this.#directory = `${root}/locks`;
    this.#watch = new LockWatch(fs, this.#directory);
    this.#now = now;
    this.#holders = holders;
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
      const cleared = this.#clear(path, (found) => isOutdated(found, making));
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
    // It was held a moment ago: whether it was given back or taken from the dead, and by somebody who takes it himself, is not to be seen any more.
    if (target === undefined) return "abandoned";
    if (!this.#counts(path, target, timeoutMs)) return this.#endOf(target);
    this.#waits++;
    const listening = this.#watch.listen(this.#name(key));
    let told = false;
    try {
      for (let pauseMs = FIRST_POLL_MS; performance.now() - startedMs < timeoutMs && !this.#closed; pauseMs *= 2) {
        const seen = this.#targetAt(path);
        if (seen === undefined) {
          this.#watchTells = told;
          return this.#endOf(target);
        }
        // As long as it is the same lock, its age and its holder are looked at now and then.
        if (seen !== target || performance.now() - askedMs >= LIVENESS_MS) {
          if (!this.#counts(path, seen, timeoutMs)) return this.#endOf(seen);
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

  /** Nobody waits any more. */
  close(): void {
    this.#closed = true;
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
    ownDirectory(this.#fs, this.#directory);
    // Before there is a lock: nobody is to find one of a process he cannot know of.
    this.#holders.hold();
    try {
      this.#link(path, target);
    } catch (error) {
      this.#holders.release();
      throw error;
    }
    if (!this.#swept) setImmediate(() => this.#sweep());
    this.#swept = true;
    let held = true;
    return {
      release: () => {
        if (held) this.#holders.release();
        held = false;
        this.#removeIf(path, target);
      },
    };
  }

  #link(path: string, target: string): void {
    try {
      this.#fs.symlinkSync(target, path);
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw error;
      makeDirectory(this.#fs, this.#directory, IN_THE_CACHE);
      this.#fs.symlinkSync(target, path);
    }
  }

  #targetAt(path: string): string | undefined {
    try {
      return this.#fs.readlinkSync(path);
    } catch {
      return undefined;
    }
  }

  // What is about to be removed by another one is as good as held by him: then his own lock comes.
  #counts(path: string, target: string, maxAgeMs: number): boolean {
    return this.#isValid(target, maxAgeMs) || this.#isLiving(this.#targetAt(claimPath(path, target)));
  }

  // Once per process: what the dead have left for keys that nobody asks for any more.
  #sweep(): void {
    try {
      ownDirectory(this.#fs, this.#directory);
      for (const name of this.#fs.readdirSync(this.#directory)) {
        const path = `${this.#directory}/${name}`;
        if (!CLAIM.test(name)) this.#clear(path);
        else if (!this.#isLiving(this.#targetAt(path))) this.#fs.unlinkSync(path);
      }
    } catch {
      // Another one sweeps, or there is nothing to sweep.
    }
  }

  // Takes away what counts for nothing. Where that cannot be done, as on a disk that has become read-only, nobody is to wait for it.
  #clear(path: string, outdated: (target: string) => boolean = () => false): Cleared {
    let found: string;
    try {
      found = this.#fs.readlinkSync(path);
    } catch (error) {
      return errorCode(error) === "ENOENT" ? "free" : "held";
    }
    return outdated(found) || !this.#isValid(found, MAX_AGE_MS) ? this.#removeIf(path, found) : "held";
  }

  #removeIf(path: string, target: string): Cleared {
    const claim = claimPath(path, target);
    try {
      if (!this.#claim(claim)) return "held";
      try {
        if (this.#fs.readlinkSync(path) !== target) return "held";
        this.#fs.unlinkSync(path);
        return "free";
      } finally {
        this.#fs.unlinkSync(claim);
      }
    } catch (error) {
      // Somebody else was sooner.
      return errorCode(error) === "ENOENT" ? "held" : "stuck";
    }
  }

  #isLiving(maker: string | undefined): boolean {
    const identity = parseIdentity(MAKER.exec(maker ?? "")?.[1] ?? "");
    return identity !== undefined && this.#holders.lives(identity);
  }

  // Somebody may have cleared it away already, to take it himself.
  #endOf(target: string): LockEnd {
    const identity = parseIdentity(TARGET.exec(target)?.[1] ?? "");
    return identity !== undefined && !this.#holders.lives(identity) ? "abandoned" : "over";
  }

  #isValid(target: string, maxAgeMs: number): boolean {
    const [, holder = "", since = ""] = TARGET.exec(target) ?? [];
    const identity = parseIdentity(holder);
    const age = this.#now() - Number(since);
    // Dated in the future: the clock was set back, and nobody can tell how old it is.
    if (identity === undefined || age < 0 || age >= Math.min(maxAgeMs, MAX_AGE_MS)) return false;
    return this.#holders.lives(identity);
  }

  // Of one who died between claim and removal nobody is to wait for.
  #claim(path: string): boolean {
    ownDirectory(this.#fs, this.#directory);
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        this.#fs.symlinkSync(this.#ownName, path);
        return true;
      } catch (error) {
        if (errorCode(error) !== "EEXIST") throw error;
        if (this.#isLiving(this.#targetAt(path))) return false;
        this.#fs.unlinkSync(path);
      }
    }
    return false;
  }
}

function claimPath(path: string, target: string): string {
  return `${path}-${hash("sha256", target).slice(0, 16)}`;
}

// In doubt it is not: then the wait is bounded.
function isOutdated(target: string, making: LockedMaking | undefined): boolean {
  const birth = TARGET.exec(target)?.[3];
  return making !== undefined && birth !== undefined && making.isOutdated(Number(birth));
}
