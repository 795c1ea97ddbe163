/** Locks that processes take without a server: a symbolic link that points nowhere, and whose target says which process
 * made it, so that it is created together with its content, in one call. Any process may remove a lock that it finds
 * stale, but only one does: every removal, also by the holder, first takes a claim on this very lock, a link beside it
 * that names the remover. So a newer lock, which has other claims, is never taken for the old one. Does not decide what
 * is stale, and never waits. */
import { hash } from "node:crypto";
import { isFull } from "../faults.js";
import { errorCode } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { nameOwner, ownName } from "../process-identity.js";
import type { ProcessIdentity } from "../process-identity.js";

/** Whether a lock can be taken: `"held"` by a living process or taken first by another, `"stuck"` when a stale lock
 * cannot be removed. */
export type Cleared = "free" | "held" | "stuck";

/** What names a claim beside that of its lock. */
const CLAIM = /-[0-9a-f]{16}$/;

export class LinkLocks {
  /** The name under which this process makes locks and claims. */
  readonly maker = ownName();
  readonly #fs: FileSystem;
  readonly #lives: (identity: ProcessIdentity) => boolean;

  /** @param lives whether a process lives, as far as is known */
  constructor(fs: FileSystem, lives: (identity: ProcessIdentity) => boolean) {
    this.#fs = fs;
    this.#lives = lives;
  }

  /** @throws Node's own error, `EEXIST` when there is one */
  create(path: string, target: string): void {
    this.#fs.symlinkSync(target, path);
  }

  /** What is there; `undefined` for nothing, or no link. */
  targetAt(path: string): string | undefined {
    try {
      return this.#fs.readlinkSync(path);
    } catch {
      return undefined;
    }
  }

  /** Removes this very lock, unless another process does. If that fails, as on a disk that has become read-only, no
   * caller may wait for it. */
  remove(path: string, target: string): Cleared {
    const claim = claimPath(path, target);
    try {
      const claimed = this.#claim(claim);
      if (claimed === false) return "held";
      try {
        if (this.#fs.readlinkSync(path) !== target) return "held";
        this.#fs.unlinkSync(path);
        return "free";
      } finally {
        if (claimed !== "full") this.#fs.unlinkSync(claim);
      }
    } catch (error) {
      // Another process was first.
      return errorCode(error) === "ENOENT" ? "held" : "stuck";
    }
  }

  /** Whether a living process is about to remove this lock. */
  isClaimed(path: string, target: string): boolean {
    return this.#isLiving(claimPath(path, target));
  }

  /** Removes the claim under this name, if its maker has died.
   * @returns whether the name is that of a claim
   * @throws Node's own error */
  clearClaim(path: string): boolean {
    if (!CLAIM.test(path)) return false;
    if (!this.#isLiving(path)) this.#fs.unlinkSync(path);
    return true;
  }

  // A claim whose maker died between claim and removal is not waited for. On a full disk no process can claim anything:
  // then the lock is removed without, so that what is to free the disk is not held up.
  #claim(path: string): boolean | "full" {
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        this.#fs.symlinkSync(this.maker, path);
        return true;
      } catch (error) {
        if (isFull(error)) return "full";
        if (errorCode(error) !== "EEXIST") throw error;
        if (this.#isLiving(path)) return false;
        this.#fs.unlinkSync(path);
      }
    }
    return false;
  }

  #isLiving(claim: string): boolean {
    const maker = nameOwner(this.targetAt(claim) ?? "");
    return maker !== undefined && this.#lives(maker);
  }
}

function claimPath(path: string, target: string): string {
  return `${path}-${hash("sha256", target).slice(0, 16)}`;
}
