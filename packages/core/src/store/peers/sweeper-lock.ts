/** Which process sweeps: one at a time, by a lock (`link-lock.ts`) that is taken for one pass. A holder that has died
 * or was stopped is recognised at once; one that has made no progress for a while is passed over, because two sweeps at
 * once do no harm. Never blocks. */
import { errorCode } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { isStopped, liveness, nameOwner } from "../process-identity.js";
import { LinkLocks } from "./link-lock.js";

/** A holder shows itself every `BEAT_MS`. One that was silent for this long no longer sweeps, whether or not it lives:
 * it hangs, or is on another machine. */
const SILENT_MS = 5_000;
export const BEAT_MS = 1_000;
/** `<maker>-<count>` */
const TARGET = /^(.+)-\d+$/;

export class SweeperLock {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #elapsed: () => number;
  readonly #progress: () => string;
  readonly #links: LinkLocks;
  #count = 0;
  #target: string | undefined = undefined;
  /** The holder that this process has seen, and since when. */
  #seen = "";
  #seenAt = 0;

  /** @param progress a value that changes while the holder makes progress */
  constructor(fs: FileSystem, root: string, elapsed: () => number, progress: () => string) {
    this.#fs = fs;
    // Two that remove one lock lead to two sweeps at most.
    this.#links = new LinkLocks(fs, (remover) => liveness(remover) === "alive" && !isStopped(remover));
    this.#path = `${root}/sweeper`;
    this.#elapsed = elapsed;
    this.#progress = progress;
  }

  /** True when this process may sweep. Where no lock can be made at all, every process may. */
  take(): boolean {
    const target = `${this.#links.maker}-${this.#count++}`;
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        this.#links.create(this.#path, target);
        this.#target = target;
        return true;
      } catch (error) {
        // No links here, or the path is not a link: every process sweeps.
        if (errorCode(error) !== "EEXIST" || !this.#isLink()) return true;
        if (!this.#clearDead()) return false;
      }
    }
    return false;
  }

  /** Whether this process still holds it: the directory may be another one, or the process was too slow. */
  get held(): boolean {
    return this.#target === undefined || this.#links.targetAt(this.#path) === this.#target;
  }

  release(): void {
    const target = this.#target;
    this.#target = undefined;
    if (target !== undefined) this.#links.remove(this.#path, target);
  }

  #clearDead(): boolean {
    const found = this.#links.targetAt(this.#path);
    if (found === undefined) return true;
    const seen = `${found} ${this.#progress()}`;
    const holder = nameOwner(TARGET.exec(found)?.[1] ?? "");
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#seenAt = this.#elapsed();
    }
    const silent = this.#elapsed() - this.#seenAt > SILENT_MS;
    const stale = holder === undefined || silent || liveness(holder) === "dead" || isStopped(holder);
    return stale && this.#links.remove(this.#path, found) === "free";
  }

  #isLink(): boolean {
    try {
      this.#fs.readlinkSync(this.#path);
      return true;
    } catch (error) {
      return errorCode(error) === "ENOENT";
    }
  }
}
