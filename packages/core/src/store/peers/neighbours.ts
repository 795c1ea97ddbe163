/** Which other processes have the directory open: one file each, named by its process. A process that is alone needs
 * no locks. Never judges a living process of this machine by age. */
import { inOwnContext } from "../../base/async.js";
import { CREATE_FLAGS, errorCode, FILE_MODE, UPDATE_FLAGS } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { IN_THE_CACHE, makeDirectory, ownDirectory } from "../own-directory.js";
import { formatIdentity, liveness, nameOwner, ownIdentity, ownName } from "../process-identity.js";
import type { ProcessIdentity } from "../process-identity.js";

/** For this long after its start, a process assumes that others are starting too: workers are started together. */
const COMING_MS = 5_000;
/** How long a process seen alive is assumed to live before it is checked again. */
const RECHECK_MS = 1_000;

/** Already known; or there is no root yet, or one that this process may only read, which is reported elsewhere. */
const NOT_TOLD = new Set(["EEXIST", "ENOENT", "ERR_ACCESS_DENIED"]);

/** Another program removes the directory. */
interface RootRemoval {
  mayMake(): boolean;
  /** Something is gone that no process of the cache removes. */
  missed(): void;
}

export class Neighbours {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #elapsed: () => number;
  readonly #failed: (operation: string, path: string, error: unknown) => void;
  readonly #removal: RootRemoval;
  readonly #foreign: ForeignProcesses;
  readonly #ownName = ownName();
  /** The state of the directory when it was last read, and the time of that. */
  #seen = "";
  #readAt = Number.NEGATIVE_INFINITY;
  #present = false;
  #others = false;
  #changes = 0;
  #registeredAt: number | undefined;
  #shownAt = Number.NEGATIVE_INFINITY;
  /** Locks that others may wait for. */
  #holds = 0;
  #showing: NodeJS.Timeout | undefined = undefined;
  /** Whether it has been reported that this process cannot be registered. */
  #told = false;

  /** @param elapsed milliseconds of a clock that never jumps */
  constructor(
    fs: FileSystem,
    root: string,
    elapsed: () => number,
    failed: (operation: string, path: string, error: unknown) => void,
    removal: RootRemoval = { mayMake: () => true, missed: () => undefined },
  ) {
    this.#fs = fs;
    this.#directory = `${root}/workers`;
    this.#elapsed = elapsed;
    this.#failed = failed;
    this.#removal = removal;
    this.#foreign = new ForeignProcesses(fs, elapsed);
  }

  /** Whether another living process, or another cache in this one, has the directory open. Costs one `stat` while
   * nothing changes. */
  get present(): boolean {
    try {
      const stat = ownDirectory(this.#fs, this.#directory);
      const seen = stat && `${stat.ino} ${stat.mtimeMs}`;
      this.#show();
      if (seen === undefined) this.register();
      // Two changes within one tick of the file system's clock look like one, so the directory is read now and then
      // even if it looks unchanged.
      else if (seen !== this.#seen || this.#elapsed() - this.#readAt > RECHECK_MS) this.#look(seen);
    } catch {
      this.register();
    }
    return this.#present;
  }

  /** The number of the present period without others; `undefined` while there are some. What was read in another
   * period may have been overwritten since. */
  get solitude(): number | undefined {
    void this.present;
    return this.#others ? undefined : this.#changes;
  }

  /** Whether a process lives, as far as is known: one of another machine by whether it makes itself known. */
  lives(identity: ProcessIdentity): boolean {
    if (identity.machine === ownIdentity.machine) return liveness(identity) !== "dead";
    try {
      ownDirectory(this.#fs, this.#directory);
      const own = this.#fs.readdirSync(this.#directory).filter((name) => isOf(name, identity));
      return own.some((name) => this.#foreign.shows(`${this.#directory}/${name}`));
    } catch {
      return true;
    }
  }

  /** Something is held from now on that other processes wait for as long as this process lives: it shows that it
   * lives, also while it does nothing else. */
  hold(): void {
    this.#holds++;
    this.#show();
    this.#showing ??= inOwnContext(() =>
      setInterval(() => {
        if (this.#holds > 0) this.#show();
        else this.#stopShowing();
      }, SHOW_MS).unref(),
    );
  }

  release(): void {
    this.#holds--;
  }

  /** Registers this process. Idempotent. Until this process has seen its own file beside those of the others, it
   * assumes that others are there: an extra lock costs little. */
  register(): void {
    this.#present = true;
    this.#others = true;
    this.#registeredAt ??= this.#elapsed();
    if (!this.#removal.mayMake()) return;
    try {
      makeDirectory(this.#fs, this.#directory, IN_THE_CACHE);
      ownDirectory(this.#fs, this.#directory);
      this.#fs.closeSync(this.#fs.openSync(this.#path, CREATE_FLAGS, FILE_MODE));
      this.#shownAt = this.#elapsed();
      this.#told = false;
    } catch (error) {
      if (this.#told || NOT_TOLD.has(errorCode(error))) return;
      this.#told = true;
      this.#failed("make this process known in", this.#directory, error);
    }
  }

  close(): void {
    this.#stopShowing();
    if (this.#registeredAt === undefined) return;
    try {
      if (ownDirectory(this.#fs, this.#directory) !== undefined) this.#fs.unlinkSync(this.#path);
    } catch {
      // Never registered, or the directory is gone.
    }
  }

  get #path(): string {
    return `${this.#directory}/${this.#ownName}`;
  }

  #show(): void {
    const now = this.#elapsed();
    const before = this.#shownAt;
    if (now - before < SHOW_MS) return;
    this.#shownAt = now;
    try {
      ownDirectory(this.#fs, this.#directory);
      this.#touch();
    } catch {
      this.#registerAgain(now - before);
    }
  }

  // Others took this process for dead, the directory is another one, or it is being removed.
  #registerAgain(silentMs: number): void {
    if (silentMs < SILENT_MS / 2) this.#removal.missed();
    this.register();
  }

  // Where times cannot be set, a write changes them.
  #touch(): void {
    try {
      this.#fs.lutimesSync(this.#path, new Date(), new Date());
    } catch (error) {
      if (errorCode(error) === "ENOENT") throw error;
      const fd = this.#fs.openSync(this.#path, UPDATE_FLAGS);
      try {
        this.#fs.writeSync(fd, ".", 0);
      } finally {
        this.#fs.closeSync(fd);
      }
    }
  }

  #stopShowing(): void {
    clearInterval(this.#showing);
    this.#showing = undefined;
  }

  #look(seen: string): void {
    const names = this.#fs.readdirSync(this.#directory);
    if (!names.includes(this.#ownName)) {
      this.#registerAgain(this.#elapsed() - this.#shownAt);
      return;
    }
    if (this.#seen !== seen) this.#changes++;
    this.#seen = seen;
    this.#readAt = this.#elapsed();
    const others = names.filter((name) => name !== this.#ownName && this.#stays(name));
    this.#foreign.forgetBut(new Set(others.map((name) => `${this.#directory}/${name}`)));
    this.#others = others.length > 0;
    this.#present = this.#others || this.#elapsed() - (this.#registeredAt ?? 0) < COMING_MS;
  }

  // False when it is not the name of a process, or that process is dead: then its file is removed.
  #stays(name: string): boolean {
    const identity = nameOwner(name);
    if (identity === undefined) return false;
    const path = `${this.#directory}/${name}`;
    const lives = identity.machine === ownIdentity.machine ? liveness(identity) !== "dead" : this.#foreign.shows(path);
    if (lives) return true;
    this.#fs.unlinkSync(path);
    return false;
  }
}

function isOf(name: string, identity: ProcessIdentity): boolean {
  const owner = nameOwner(name);
  return owner !== undefined && formatIdentity(owner) === formatIdentity(identity);
}

/*
 * Which processes of other machines, boots and pid namespaces live. The kernel does not say, so a process counts as
 * living while the times of the file that registers it change. Compares no clocks, which may differ: it measures how
 * long the times stay the same. Makes and removes nothing.
 */

/** A process that acts, or holds a lock, updates its file this often. */
const SHOW_MS = 500;
/** A process that was watched for this long without an update is dead, or inactive; when it acts again, it registers
 * again. */
const SILENT_MS = 3_000;
/** By the wall clock, which may have been set since: only at the first check. Longer than clocks differ. */
const LONG_SILENT_MS = 60 * 60 * 1000;

interface Watched {
  readonly mtimeMs: number;
  /** On this process's own clock. */
  readonly since: number;
}

export class ForeignProcesses {
  readonly #fs: FileSystem;
  readonly #elapsed: () => number;
  readonly #watched = new Map<string, Watched>();

  /** @param elapsed milliseconds of a clock that never jumps */
  constructor(fs: FileSystem, elapsed: () => number) {
    this.#fs = fs;
    this.#elapsed = elapsed;
  }

  /** Whether the file has changed lately, as far as it was watched.
   * @throws Node's own error */
  shows(path: string): boolean {
    const stat = this.#fs.lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return false;
    const { mtimeMs } = stat;
    const now = this.#elapsed();
    const before = this.#watched.get(path);
    const first = Date.now() - mtimeMs <= LONG_SILENT_MS ? now : Number.NEGATIVE_INFINITY;
    const since = before === undefined ? first : before.mtimeMs === mtimeMs ? before.since : now;
    this.#watched.set(path, { mtimeMs, since });
    return now - since <= SILENT_MS;
  }

  /** Forgets all but these. */
  forgetBut(paths: ReadonlySet<string>): void {
    for (const path of this.#watched.keys()) if (!paths.has(path)) this.#watched.delete(path);
  }
}
