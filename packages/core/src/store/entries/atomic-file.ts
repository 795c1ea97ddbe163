/** Makes an entry's file visible complete or not at all: a temporary file beside its target, then a rename. Never
 * changes a file under its final name. */
import type { Stats } from "node:fs";
import { basename } from "node:path";
import {
  CREATE_FLAGS,
  DIRECTORY_MODE,
  EMPTY_FLAGS,
  FILE_MODE,
  allocatedBytes,
  blocksFor,
  errorCode,
  promised,
} from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import type { UsageChange } from "./entries.js";
import { setTimes, setTimesNow } from "./recency.js";
import type { FileTimes } from "./recency.js";
import { ownDirectory } from "../own-directory.js";
import type { EntryPath, Paths } from "../paths.js";

/** Another program may hold the target for a moment (on Windows: a scanner, an indexer). Each wait is twice as long as
 * the one before, from this one. */
const RENAME_WAIT_MS = 5;
const RENAME_ATTEMPTS = 6;
const RETRIED_RENAME = new Set(["EPERM", "EBUSY", "EACCES"]);
/** The directory belongs to another user, or was made read-only. */
const REFUSED = new Set(["EACCES", "EPERM"]);

export interface TempFile {
  readonly temp: string;
  readonly fd: number;
  /** Bytes taken by the directory that was made for it. */
  readonly made: number;
}

export class AtomicFiles {
  readonly #fs: FileSystem;
  readonly #paths: Paths;
  readonly #prepareRoot: () => void;
  readonly #durable: boolean;
  readonly #mayMake: (name: string, exists: boolean) => void;

  /** @param prepareRoot makes sure that the root exists and is safe, and throws when it cannot
   * @param mayMake throws when a directory must not be made now, nor anything in it where it exists */
  constructor(
    fs: FileSystem,
    paths: Paths,
    prepareRoot: () => void,
    durable: boolean,
    mayMake: (name: string, exists: boolean) => void = () => undefined,
  ) {
    this.#fs = fs;
    this.#paths = paths;
    this.#prepareRoot = prepareRoot;
    this.#durable = durable;
    this.#mayMake = mayMake;
  }

  /** Writes a small file synchronously.
   * @throws Node's own error; nothing is left behind */
  writeNow(path: EntryPath, pieces: Buffer[], times: FileTimes): UsageChange {
    try {
      return this.#writeOnce(path, pieces, times);
    } catch (error) {
      // The shard, or the whole directory, was removed while in use: made again, once.
      if (errorCode(error) !== "ENOENT") throw error;
      return this.#writeOnce(path, pieces, times);
    }
  }

  #writeOnce(path: EntryPath, pieces: Buffer[], times: FileTimes): UsageChange {
    const made = this.#shard(path.shard);
    const temp = this.#paths.temp(path.shard);
    try {
      const fd = this.#fs.openSync(temp, CREATE_FLAGS, FILE_MODE);
      try {
        this.#writeAllNow(fd, pieces);
        setTimesNow(this.#fs, fd, temp, times);
        if (this.#durable) this.#fs.fdatasyncSync(fd);
      } finally {
        this.#fs.closeSync(fd);
      }
      const replaced = this.#fs.lstatSync(path.file, { throwIfNoEntry: false });
      this.#fs.renameSync(temp, path.file);
      return change(made + blocksFor(lengthOf(pieces)), replaced);
    } catch (error) {
      this.#discardNow(temp);
      throw error;
    }
  }

  /** The same asynchronously, for long bodies and slow disks. */
  async write(path: EntryPath, pieces: Buffer[], times: FileTimes): Promise<UsageChange> {
    const { temp, fd, made } = await this.begin(path);
    let open = true;
    try {
      await this.writeAt(fd, pieces, 0);
      await this.settle(fd, temp, times);
      open = false;
      await this.close(fd);
      return await this.publish(path, temp, made + blocksFor(lengthOf(pieces)));
    } catch (error) {
      if (open) await this.close(fd).catch(() => undefined);
      await this.discard(temp);
      throw error;
    }
  }

  /** Opens a temporary file beside the target. */
  async begin(path: EntryPath): Promise<TempFile> {
    for (let attempt = 1; ; attempt++) {
      const made = this.#shard(path.shard);
      const temp = this.#paths.temp(path.shard);
      try {
        const fd = await promised<number>((done) => this.#fs.open(temp, CREATE_FLAGS, FILE_MODE, done));
        return { temp, fd, made };
      } catch (error) {
        if (attempt > 1 || errorCode(error) !== "ENOENT") throw error;
      }
    }
  }

  /** Writes all pieces, beginning at `position`; the list is consumed. */
  async writeAt(fd: number, pieces: Buffer[], position: number): Promise<void> {
    let rest = pieces;
    let at = position;
    while (rest.length > 0) {
      const batch = rest.slice(0, 512);
      const written = await promised<number>((done) => this.#fs.writev(fd, batch, at, done));
      if (written === 0 && lengthOf(batch) > 0) throw nothingWritten();
      at += written;
      rest = remaining(rest, written);
    }
  }

  /** Sets the times of a temporary file, and with `fsync` flushes it to the device, before the rename. */
  async settle(fd: number, temp: string, times: FileTimes): Promise<void> {
    await setTimes(this.#fs, fd, temp, times);
    if (this.#durable) await promised<void>((done) => this.#fs.fdatasync(fd, done));
  }

  /** Gives a temporary file its final name. `allocated`: bytes it takes on disk, including those of a directory made
   * for it. */
  async publish(path: EntryPath, temp: string, allocated: number): Promise<UsageChange> {
    const replaced = this.#fs.lstatSync(path.file, { throwIfNoEntry: false });
    await this.#rename(temp, path.file);
    return change(allocated, replaced);
  }

  readAt(fd: number, buffer: Buffer, position: number): Promise<number> {
    return promised<number>((done) => this.#fs.read(fd, buffer, 0, buffer.length, position, done));
  }

  close(fd: number): Promise<void> {
    return promised<void>((done) => this.#fs.close(fd, done));
  }

  /** Removes a temporary file; one that cannot be removed is left for the sweep, which reads its maker from its
   * name. */
  discard(temp: string): Promise<void> {
    return promised<void>((done) => this.#fs.unlink(temp, done)).catch(() => undefined);
  }

  /** Whether a file that is not empty exists under the name of an entry. */
  exists(path: EntryPath): boolean {
    try {
      const shard = ownDirectory(this.#fs, path.shard);
      return shard !== undefined && (this.#fs.lstatSync(path.file, { throwIfNoEntry: false })?.size ?? 0) > 0;
    } catch {
      return false;
    }
  }

  /** Removes the file of an entry.
   * @throws Node's own error; then the entry may still be there */
  removeNow(path: EntryPath): UsageChange {
    const shard = ownDirectory(this.#fs, path.shard);
    const stat = shard && this.#fs.lstatSync(path.file, { throwIfNoEntry: false });
    if (stat === undefined) return { bytes: 0, entries: 0 };
    try {
      this.#fs.unlinkSync(path.file);
    } catch (error) {
      // In a directory that cannot be written, a file of the cache can be: an empty file is a miss. Another hard link
      // to it may belong to another program.
      if (!REFUSED.has(errorCode(error)) || !stat.isFile() || stat.nlink > 1) throw error;
      this.#fs.closeSync(this.#fs.openSync(path.file, EMPTY_FLAGS));
      return { bytes: -allocatedBytes(stat), entries: 0 };
    }
    return { bytes: -allocatedBytes(stat), entries: -1 };
  }

  // Returns the bytes the directory takes if it had to be made.
  #shard(shard: string): number {
    if (ownDirectory(this.#fs, shard) === undefined) return this.#makeShard(shard);
    this.#mayMake(basename(shard), true);
    return 0;
  }

  #makeShard(shard: string): number {
    for (let attempt = 0; ; attempt++) {
      this.#mayMake(basename(shard), false);
      try {
        this.#fs.mkdirSync(shard, DIRECTORY_MODE);
        const stat = this.#fs.lstatSync(shard, { throwIfNoEntry: false });
        return stat === undefined ? 0 : allocatedBytes(stat);
      } catch (error) {
        const code = errorCode(error);
        if (code === "EEXIST") return 0;
        // The whole directory was removed: it is made again, once.
        if (code !== "ENOENT" || attempt > 0) throw error;
        this.#prepareRoot();
      }
    }
  }

  #writeAllNow(fd: number, pieces: Buffer[]): void {
    let rest = pieces;
    while (rest.length > 0) {
      const written = this.#fs.writevSync(fd, rest);
      if (written === 0 && lengthOf(rest) > 0) throw nothingWritten();
      rest = remaining(rest, written);
    }
  }

  async #rename(from: string, to: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await promised<void>((done) => this.#fs.rename(from, to, done));
      } catch (error) {
        if (attempt === RENAME_ATTEMPTS || !RETRIED_RENAME.has(errorCode(error))) throw error;
        await new Promise((resolve) => setTimeout(resolve, RENAME_WAIT_MS * 2 ** attempt));
      }
    }
  }

  #discardNow(temp: string): void {
    try {
      this.#fs.unlinkSync(temp);
    } catch {
      // Never made, or left for the sweep, which reads its maker from its name.
    }
  }
}

/** True for a failure that a later retry may cure. */
export function isTransientRename(error: unknown): boolean {
  return RETRIED_RENAME.has(errorCode(error));
}

function change(bytes: number, replaced: Stats | undefined): UsageChange {
  return replaced === undefined ? { bytes, entries: 1 } : { bytes: bytes - allocatedBytes(replaced), entries: 0 };
}

function lengthOf(pieces: readonly Buffer[]): number {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  return bytes;
}

// The pieces that remain after a short write.
function remaining(pieces: Buffer[], written: number): Buffer[] {
  let index = 0;
  let left = written;
  while (index < pieces.length && left >= (pieces[index] as Buffer).length) left -= (pieces[index++] as Buffer).length;
  const rest = pieces.slice(index);
  if (left > 0) rest[0] = (rest[0] as Buffer).subarray(left);
  return rest;
}

function nothingWritten(): Error {
  return Object.assign(new Error("nothing was written"), { code: "EIO" });
}
