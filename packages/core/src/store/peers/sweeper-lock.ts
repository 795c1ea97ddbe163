/**
 * Which process sweeps: one at a time. A symbolic link that points nowhere and names its process, so it is created
 * together with its content in one call. Taken for one pass. A holder that has died or was stopped is recognised at
 * once; one that has made no progress for a while is passed over, because two sweeps at once do no harm. Never blocks.
 */
import { errorCode } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { formatIdentity, isStopped, liveness, ownIdentity, parseIdentity, uniqueSuffix } from "../process-identity.js";

/** A holder shows itself every `BEAT_MS`. One that was silent for this long no longer sweeps, whether or not it lives:
 * it hangs, or is on another machine. */
const SILENT_MS = 5_000;
export const BEAT_MS = 1_000;
const TARGET = /^([0-9a-f]{8}-\d{1,10}-\d{1,15})-[0-9a-f]{6}-\d+$/;

export class SweeperLock {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #elapsed: () => number;
  readonly #progress: () => string;
  readonly #name = `${formatIdentity(ownIdentity)}-${uniqueSuffix()}`;
  #count = 0;
  #target: string | undefined = undefined;
  /** The holder that this process has seen, and since when. */
  #seen = "";
  #seenAt = 0;

  /** @param progress a value that changes while the holder makes progress */
  constructor(fs: FileSystem, root: string, elapsed: () => number, progress: () => string) {
    this.#fs = fs;
    this.#path = `${root}/sweeper`;
    this.#elapsed = elapsed;
    this.#progress = progress;
  }

  /** True when this process may sweep. Where no lock can be made at all, every process may. */
  take(): boolean {
    const target = `${this.#name}-${this.#count++}`;
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        this.#fs.symlinkSync(target, this.#path);
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
    return this.#target === undefined || this.#read() === this.#target;
  }

  release(): void {
    const target = this.#target;
    this.#target = undefined;
    if (target !== undefined) this.#removeIf(target);
  }

  #clearDead(): boolean {
    const found = this.#read();
    if (found === undefined) return true;
    const seen = `${found} ${this.#progress()}`;
    const match = TARGET.exec(found);
    const holder = match === null ? undefined : parseIdentity(match[1] as string);
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#seenAt = this.#elapsed();
    }
    const silent = this.#elapsed() - this.#seenAt > SILENT_MS;
    return (
      (holder === undefined || silent || liveness(holder) === "dead" || isStopped(holder)) && this.#removeIf(found)
    );
  }

  // Moved aside first, so that of several processes that find it only one removes it; a newer lock moved by mistake is
  // put back.
  #removeIf(target: string): boolean {
    const aside = `${this.#path}-${this.#name}-${this.#count++}`;
    try {
      if (this.#fs.readlinkSync(this.#path) !== target) return false;
      this.#fs.renameSync(this.#path, aside);
      const moved = this.#fs.readlinkSync(aside);
      try {
        if (moved !== target) this.#fs.symlinkSync(moved, this.#path);
      } finally {
        this.#fs.unlinkSync(aside);
      }
      return moved === target;
    } catch {
      return false;
    }
  }

  #isLink(): boolean {
    try {
      this.#fs.readlinkSync(this.#path);
      return true;
    } catch (error) {
      return errorCode(error) === "ENOENT";
    }
  }

  #read(): string | undefined {
    try {
      return this.#fs.readlinkSync(this.#path);
    } catch {
      return undefined;
    }
  }
}
