/** Which process does what one has to do for all, such as to sweep: one at a time, by a lock (`link-lock.ts`). A
 * holder that has died or was stopped is recognised at once; one that has made no progress for a while is passed over,
 * because two at once do no harm. Never blocks. */
import { errorCode } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { isStopped, liveness, nameOwner } from "../process-identity.js";
import { LinkLocks } from "./link-lock.js";

/** `<maker>-<count>` */
const TARGET = /^(.+)-\d+$/;

export interface Role {
  /** Path of the lock. */
  readonly path: string;
  /** Milliseconds of a clock that never jumps. */
  readonly elapsed: () => number;
  /** A value that changes while the holder makes progress. */
  readonly progress: () => string;
  /** A holder that was silent for this long no longer does it, whether or not it lives: it hangs, or is on another
   * machine. */
  readonly silentMs: number;
}

export class RoleLock {
  readonly #fs: FileSystem;
  readonly #role: Role;
  readonly #links: LinkLocks;
  #count = 0;
  /** Without a target where no lock can be made. */
  #taken: { readonly target: string | undefined } | undefined = undefined;
  /** The holder that this process has seen, and since when. */
  #seen = "";
  #seenAt = 0;

  constructor(fs: FileSystem, role: Role) {
    this.#fs = fs;
    // Two that remove one lock lead to two holders at most.
    this.#links = new LinkLocks(fs, (remover) => liveness(remover) === "alive" && !isStopped(remover));
    this.#role = role;
  }

  /** True when this process may do it, from now on or already. Where no lock can be made at all, every process may. */
  take(): boolean {
    if (this.held) return true;
    const target = `${this.#links.maker}-${this.#count++}`;
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        this.#links.create(this.#role.path, target);
        this.#taken = { target };
        return true;
      } catch (error) {
        // No links here, or the path is not a link: every process does it.
        if (errorCode(error) !== "EEXIST" || !this.#isLink()) {
          this.#taken = { target: undefined };
          return true;
        }
        if (!this.#clearDead()) return false;
      }
    }
    return false;
  }

  /** Whether this process still holds it: the directory may be another one, or the process was too slow. */
  get held(): boolean {
    if (this.#taken === undefined) return false;
    const { target } = this.#taken;
    return target === undefined || this.#links.targetAt(this.#role.path) === target;
  }

  release(): void {
    const target = this.#taken?.target;
    this.#taken = undefined;
    if (target !== undefined) this.#links.remove(this.#role.path, target);
  }

  #clearDead(): boolean {
    const found = this.#links.targetAt(this.#role.path);
    if (found === undefined) return true;
    const seen = `${found} ${this.#role.progress()}`;
    const holder = nameOwner(TARGET.exec(found)?.[1] ?? "");
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#seenAt = this.#role.elapsed();
    }
    const silent = this.#role.elapsed() - this.#seenAt > this.#role.silentMs;
    const stale = holder === undefined || silent || liveness(holder) === "dead" || isStopped(holder);
    return stale && this.#links.remove(this.#role.path, found) === "free";
  }

  #isLink(): boolean {
    try {
      this.#fs.readlinkSync(this.#role.path);
      return true;
    } catch (error) {
      return errorCode(error) === "ENOENT";
    }
  }
}
