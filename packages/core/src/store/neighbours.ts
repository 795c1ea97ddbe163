/** Which other processes have the directory open: a file each, named by its process. Whoever is alone needs no locks. Never judges a living process by age. */
import { uniqueSuffix, formatIdentity, liveness, ownIdentity, parseIdentity } from "./process-identity.js";
import { CREATE_FLAGS, FILE_MODE, errorCode } from "./file-system.js";
import type { FileSystem } from "./file-system.js";
import { makeDirectory } from "./make-directory.js";
import { ownDirectory } from "./own-directory.js";

const NAME = /^([0-9a-f]{8}-\d{1,10}-\d{1,15})-[0-9a-f]{6}$/;
/** How long after it came a process counts with others who are coming, too: workers are started together. */
const COMING_MS = 5_000;
/** How long the living are believed to live before they are looked at again. */
const RECHECK_MS = 1_000;

export class Neighbours {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #elapsed: () => number;
  readonly #failed: (operation: string, path: string, error: unknown) => void;
  readonly #ownName = `${formatIdentity(ownIdentity)}-${uniqueSuffix()}`;
  /** What the directory looked like when it was last read, and when. */
  #seen = "";
  #readAt = Number.NEGATIVE_INFINITY;
  #present = false;
  #others = false;
  #changes = 0;
  #registeredAt: number | undefined;

  /** Whether it has been said that this process cannot be made known. */
  #told = false;

  /** @param elapsed milliseconds of a clock that never jumps */
  constructor(
    fs: FileSystem,
    root: string,
    elapsed: () => number,
    failed: (operation: string, path: string, error: unknown) => void,
  ) {
    this.#fs = fs;
    this.#directory = `${root}/workers`;
    this.#elapsed = elapsed;
    this.#failed = failed;
  }

  /** Whether another living process, or another cache in this one, has the directory open. One `stat` while nothing changes. */
  get present(): boolean {
    try {
      const stat = ownDirectory(this.#fs, this.#directory);
      const seen = stat && `${stat.ino} ${stat.mtimeMs}`;
      if (seen === undefined) this.register();
      // Two changes within one tick of the file system's clock look like one, so now and then it is read whatever it looks like.
      else if (seen !== this.#seen || this.#elapsed() - this.#readAt > RECHECK_MS) this.#look(seen);
    } catch {
      this.register();
    }
    return this.#present;
  }

  /** Which of the times without others this is; `undefined` while there are some. What was read in another one may have been overwritten since. */
  get solitude(): number | undefined {
    void this.present;
    return this.#others ? undefined : this.#changes;
  }

  /** Makes this process known. Idempotent. Until it has been seen beside the others, somebody is taken to be there: a lock too many costs little. */
  register(): void {
    this.#present = true;
    this.#others = true;
    this.#registeredAt ??= this.#elapsed();
    try {
      makeDirectory(this.#fs, this.#directory);
      ownDirectory(this.#fs, this.#directory);
      this.#fs.closeSync(this.#fs.openSync(this.#path, CREATE_FLAGS, FILE_MODE));
      this.#told = false;
    } catch (error) {
      if (this.#told || errorCode(error) === "EEXIST") return;
      this.#told = true;
      this.#failed("make this process known in", this.#directory, error);
    }
  }

  close(): void {
    try {
      if (ownDirectory(this.#fs, this.#directory) !== undefined) this.#fs.unlinkSync(this.#path);
    } catch {
      // Never registered, or the directory is gone.
    }
  }

  get #path(): string {
    return `${this.#directory}/${this.#ownName}`;
  }

  #look(seen: string): void {
    const names = this.#fs.readdirSync(this.#directory);
    if (!names.includes(this.#ownName)) {
      this.register();
      return;
    }
    if (this.#seen !== seen) this.#changes++;
    this.#seen = seen;
    this.#readAt = this.#elapsed();
    const others = names.filter((name) => name !== this.#ownName && this.#lives(name));
    this.#others = others.length > 0;
    this.#present = this.#others || this.#elapsed() - (this.#registeredAt ?? 0) < COMING_MS;
  }

  #lives(name: string): boolean {
    const match = NAME.exec(name);
    const identity = match === null ? undefined : parseIdentity(match[1]!);
    if (identity === undefined) return false;
    if (liveness(identity) !== "dead") return true;
    this.#fs.unlinkSync(`${this.#directory}/${name}`);
    return false;
  }
}
