/** Which process makes an entry, among all that share the directory: a lock per key (`link-lock.ts`). Advisory: without
 * a lock, or in doubt, an entry is made twice, and nothing worse.
 *
 * A lock is stale when its process is dead, when it is older than a lock may be, or when what is made under it has been
 * purged since. */
import { hash } from "node:crypto";
import { performance } from "node:perf_hooks";
import { inOwnContext } from "../../base/async.js";
import type { KeyLock, LockEnd, LogPosition } from "../contract.js";
import { errorCode } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { IN_THE_CACHE, makeDirectory, ownDirectory } from "../own-directory.js";
import { LinkLocks } from "./link-lock.js";
import type { Cleared } from "./link-lock.js";
import { LockWatch } from "./lock-watch.js";
import { nameOwner } from "../process-identity.js";
import type { ProcessIdentity } from "../process-identity.js";

/** However long its holder lives: by then the application has had its chance. */
const MAX_AGE_MS = 60_000;
const FIRST_POLL_MS = 2;
const LAST_POLL_MS = 16;
/** Added for every key that is waited for at the same time: checking takes time, too. */
const POLL_MS_PER_WAIT = 0.25;
/** How often the wait checks whether the holder lives: dearer than checking the lock. */
const LIVENESS_MS = 100;
/** `<process>-<suffix>-<count>@<epoch milliseconds>`, and for what a purge can make obsolete
 * `#<position in the invalidation log>`: `1f0a…-4711-83020-a1b2c3-7@1767323045000#4096`. */
const TARGET = /^(.+)-\d+@(\d+(?:\.\d+)?)(?:#(\d+))?$/;
/** Of the locks that this process holds, so many are checked before it takes another one. */
const LOOKS = 8;
/** What is made under a lock, if a purge can make it obsolete. */
export interface LockedMaking {
  readonly birth: LogPosition;
  /** Whether a purge has invalidated what is being made since `birth`. */
  isOutdated(birth: LogPosition): boolean;
}

interface Held {
  readonly target: string;
  readonly making: LockedMaking | undefined;
}

/** Another program removes the directory. */
interface RootRemoval {
  mayMake(): boolean;
  /** Something is gone that no process of the cache removes. */
  missed(): void;
}

/** What is known of the processes that hold locks. */
export interface LockHolders {
  lives(identity: ProcessIdentity): boolean;
  /** This process holds one more lock, and shows other processes that it lives. */
  hold(): void;
  release(): void;
}

export class KeyLocks {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #now: () => number;
  readonly #holders: LockHolders;
  readonly #removal: RootRemoval;
  /** Locks of this process, by path. */
  readonly #held = new Map<string, Held>();
  readonly #links: LinkLocks;
  #count = 0;
  #waits = 0;
  readonly #watch: LockWatch;
  /** Whether the watch, rather than a poll, noticed the last lock that was given back. */
  #watchTells = false;
  #swept = false;
  #closed = false;

  constructor(
    fs: FileSystem,
    root: string,
    now: () => number,
    holders: LockHolders,
    removal: RootRemoval = { mayMake: () => true, missed: () => undefined },
  ) {
    this.#removal = removal;
    this.#fs = fs;
    this.#directory = `${root}/locks`;
    this.#watch = new LockWatch(fs, this.#directory);
    this.#now = now;
    this.#holders = holders;
    this.#links = new LinkLocks(fs, (identity) => holders.lives(identity));
  }

  /** @param making its birth, in positions of the invalidation log, and whether what another has been making since an
   * earlier birth is obsolete: such a lock need not be waited for
   * @returns `"held"` when a living process has it; `undefined` when no lock can be made here at all */
  take(key: string, making?: LockedMaking): KeyLock | "held" | undefined {
    const path = this.#path(key);
    const birth = making === undefined ? "" : `#${making.birth}`;
    const target = `${this.#links.maker}-${this.#count++}@${this.#now()}${birth}`;
    if (!this.#allHeld()) return undefined;
    try {
      return this.#create(path, target, making);
    } catch (error) {
      if (errorCode(error) !== "EEXIST") return undefined;
      const cleared = this.#clear(path, (found) => isOutdated(found, making));
      if (cleared !== "free") return cleared === "held" ? "held" : undefined;
    }
    try {
      return this.#create(path, target, making);
    } catch (error) {
      return errorCode(error) === "EEXIST" ? "held" : undefined;
    }
  }

  /** Resolves when the lock is released, its holder has died, or the time is up. The time counts for this wait and
   * since the lock was taken, so that a late caller does not wait the full time for a holder that hangs. Never
   * rejects. */
  async released(key: string, timeoutMs: number): Promise<LockEnd> {
    const path = this.#path(key);
    const startedMs = performance.now();
    let askedMs = startedMs;
    let target = this.#links.targetAt(path);
    // It was held a moment ago. Whether it was released, or removed after its holder died, by a process that takes it
    // itself, can no longer be seen.
    if (target === undefined) return "abandoned";
    if (!this.#counts(path, target, timeoutMs)) return this.#endOf(target);
    this.#waits++;
    const listening = this.#watch.listen(this.#name(key));
    let told = false;
    try {
      for (let pauseMs = FIRST_POLL_MS; performance.now() - startedMs < timeoutMs && !this.#closed; pauseMs *= 2) {
        const seen = this.#links.targetAt(path);
        if (seen === undefined) {
          this.#watchTells = told;
          return this.#endOf(target);
        }
        // While it is the same lock, its age and its holder are checked now and then.
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

  /** No call waits any longer. */
  close(): void {
    this.#closed = true;
  }

  // If the watch noticed the last release first, polling only covers what the watch may miss.
  get #longestPauseMs(): number {
    return this.#watchTells ? LIVENESS_MS : LAST_POLL_MS + (this.#waits - 1) * POLL_MS_PER_WAIT;
  }

  #name(key: string): string {
    return hash("sha256", key);
  }

  #path(key: string): string {
    return `${this.#directory}/${this.#name(key)}`;
  }

  // Whether those of this process are where it put them. Otherwise another one is not to be put beside them.
  #allHeld(): boolean {
    let looks = 0;
    for (const [path, held] of this.#held) {
      if (!this.#isHeld(path, held)) return false;
      if (++looks === LOOKS) break;
    }
    return true;
  }

  // False when it is gone although it is not stale: then the directory is being removed.
  #isHeld(path: string, { target, making }: Held): boolean {
    if (this.#links.targetAt(path) === target) return true;
    this.#held.delete(path);
    if (!this.#isValid(target, MAX_AGE_MS) || isOutdated(target, making)) return true;
    this.#removal.missed();
    return false;
  }

  #create(path: string, target: string, making: LockedMaking | undefined): KeyLock {
    ownDirectory(this.#fs, this.#directory);
    // Before the lock exists: no other process may find a lock of a process that it cannot know of.
    this.#holders.hold();
    try {
      this.#link(path, target);
    } catch (error) {
      this.#holders.release();
      throw error;
    }
    if (!this.#swept) setImmediate(inOwnContext, () => this.#sweep());
    this.#swept = true;
    const lock = { target, making };
    this.#held.set(path, lock);
    let held = true;
    return {
      release: () => {
        if (held) this.#holders.release();
        held = false;
        if (this.#held.get(path) === lock && !this.#isHeld(path, lock)) return;
        if (this.#held.get(path) === lock) this.#held.delete(path);
        this.#remove(path, target);
      },
    };
  }

  #link(path: string, target: string): void {
    try {
      this.#links.create(path, target);
    } catch (error) {
      if (errorCode(error) !== "ENOENT" || !this.#removal.mayMake()) throw error;
      makeDirectory(this.#fs, this.#directory, IN_THE_CACHE);
      this.#links.create(path, target);
    }
  }

  // A lock that another process is about to remove is as good as held by that process: its own lock follows.
  #counts(path: string, target: string, maxAgeMs: number): boolean {
    return this.#isValid(target, maxAgeMs) || this.#links.isClaimed(path, target);
  }

  // Once per process: removes what dead processes have left for keys that are no longer asked for.
  #sweep(): void {
    try {
      ownDirectory(this.#fs, this.#directory);
      for (const name of this.#fs.readdirSync(this.#directory)) {
        const path = `${this.#directory}/${name}`;
        if (!this.#links.clearClaim(path)) this.#clear(path);
      }
    } catch {
      // Another process sweeps, or there is nothing to sweep.
    }
  }

  // Removes a stale lock. If that fails, as on a disk that has become read-only, no request may wait for it.
  #clear(path: string, outdated: (target: string) => boolean = () => false): Cleared {
    let found: string;
    try {
      found = this.#fs.readlinkSync(path);
    } catch (error) {
      return errorCode(error) === "ENOENT" ? "free" : "held";
    }
    return outdated(found) || !this.#isValid(found, MAX_AGE_MS) ? this.#remove(path, found) : "held";
  }

  #remove(path: string, target: string): Cleared {
    try {
      ownDirectory(this.#fs, this.#directory);
    } catch (error) {
      return errorCode(error) === "ENOENT" ? "held" : "stuck";
    }
    return this.#links.remove(path, target);
  }

  // Another process may have removed it already, to take it itself.
  #endOf(target: string): LockEnd {
    const identity = nameOwner(TARGET.exec(target)?.[1] ?? "");
    return identity !== undefined && !this.#holders.lives(identity) ? "abandoned" : "over";
  }

  #isValid(target: string, maxAgeMs: number): boolean {
    const [, holder = "", since = ""] = TARGET.exec(target) ?? [];
    const identity = nameOwner(holder);
    const age = this.#now() - Number(since);
    // Dated in the future: the clock was set back, and the lock's age is unknown.
    if (identity === undefined || age < 0 || age >= Math.min(maxAgeMs, MAX_AGE_MS)) return false;
    return this.#holders.lives(identity);
  }
}

// In doubt it is not outdated: then the wait is bounded.
function isOutdated(target: string, making: LockedMaking | undefined): boolean {
  const birth = TARGET.exec(target)?.[3];
  return making !== undefined && birth !== undefined && making.isOutdated(Number(birth));
}
