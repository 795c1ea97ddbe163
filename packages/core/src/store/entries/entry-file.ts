/** Reads one entry's file: opened without following links, complete and verified or not at all. Never decides whether
 * the entry may still be used. */
import type { Stats } from "node:fs";
import { BodyFile, Slabs } from "./body-reader.js";
import type { Faults } from "../faults.js";
import { READ_FLAGS, READ_FLAGS_PLAIN, errorCode, promised } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { MAX_HEAD_BYTES, PREAMBLE_BYTES, checksumOf, decodeEntryHead, decodePreamble, hasPreamble } from "./format.js";
import type { DecodedEntry, Preamble } from "./format.js";
import type { KnownHead } from "./known-heads.js";
import { ownDirectory, shardOf } from "../own-directory.js";
import type { OwnShards } from "../own-directory.js";
import type { EntrySeal, Seals } from "./seal.js";
import type { Slab } from "./body-reader.js";

/** Files up to this length are read whole, in one call; of longer ones only the head, and the body piece by piece. */
const WHOLE_FILE_BYTES = 131_072;
/** First read of a long file; enough for nearly every head. */
const FIRST_READ_BYTES = 4096;
const LONGEST_BEGINNING = PREAMBLE_BYTES + MAX_HEAD_BYTES;

/** The content of an entry's file. */
export interface EntryContent {
  readonly decoded: DecodedEntry;
  /** `undefined` when the file is long. */
  readonly body: Buffer | undefined;
  /** The buffer that the body lies in, unless the body is a copy of its own. The receiver gives it back. */
  readonly slab: Slab | undefined;
  readonly file: BodyFile | undefined;
  /** When its recency was last written down, epoch milliseconds. */
  readonly touchedAt: number;
}

/** Open failures that mean that the path is not one of the cache's own files. */
const NOT_A_FILE = new Set(["ELOOP", "EISDIR", "ENXIO", "ENODEV", "EOPNOTSUPP", "EAGAIN"]);

export class EntryFiles {
  readonly #fs: FileSystem;
  readonly #shards: OwnShards;
  readonly #faults: Faults;
  readonly #seals: Seals | undefined;
  readonly #uid = process.getuid?.();
  readonly #slabs = new Slabs();
  #flags = READ_FLAGS;

  constructor(fs: FileSystem, shards: OwnShards, faults: Faults, seals: Seals | undefined) {
    this.#fs = fs;
    this.#shards = shards;
    this.#faults = faults;
    this.#seals = seals;
  }

  /** `undefined`: no usable entry. What was wrong is counted, and removed if it is the cache's own.
   * @param answered called when the disk has answered; the time spent on the result after that is not the disk's
   * @param expectNothing first checks whether the file exists: opening one that does not costs an error, several times
   * as much */
  read(path: string, answered: () => void, expectNothing = false): EntryContent | undefined {
    let fd = -1;
    let slab: Slab | undefined;
    let content: EntryContent | undefined;
    try {
      if (
        !this.#shards.has(path) ||
        (expectNothing && this.#fs.lstatSync(path, { throwIfNoEntry: false }) === undefined)
      ) {
        answered();
        return undefined;
      }
      fd = this.#open(path);
      const stat = this.#fs.fstatSync(fd);
      const length = this.#readLength(path, stat);
      if (length === undefined) return undefined;
      slab = this.#slabs.take(roomFor(stat));
      let filled = this.#fs.readSync(fd, slab.bytes, 0, length, 0);
      const needed = neededFor(slab.bytes, filled, stat.size);
      if (needed > filled) filled += this.#fs.readSync(fd, slab.bytes, filled, needed - filled, filled);
      answered();
      content = this.#content(path, slab, filled, stat, fd);
      return content;
    } catch (error) {
      if (fd < 0) answered();
      return this.#failed(path, error);
    } finally {
      if (fd >= 0 && content?.file === undefined) this.#close(path, fd);
      if (content?.slab === undefined) slab?.giveBack();
    }
  }

  /** Reads a small file whose head is known, into a buffer that the caller gives back: the whole file, if it is
   * unchanged and its body is intact. `undefined`: it is not, or it cannot be read; then `read` finds out which.
   * @param answered as in `read` */
  readAgain(known: KnownHead<unknown>, answered: () => void): Slab | undefined {
    const { path, fileBytes } = known;
    const { preamble } = known.decoded;
    // Room for one more byte shows a file that has grown.
    const slab = this.#slabs.take(fileBytes + 1);
    let fd = -1;
    let same = false;
    try {
      this.#shards.has(path);
      fd = this.#open(path);
      const filled = this.#fs.readSync(fd, slab.bytes, 0, fileBytes + 1, 0);
      answered();
      same =
        filled === fileBytes &&
        hasPreamble(slab.bytes, preamble) &&
        checksumOf(bodyIn(slab, preamble)) === preamble.bodyChecksum;
      return same ? slab : undefined;
    } catch {
      if (fd < 0) answered();
      return undefined;
    } finally {
      if (fd >= 0) this.#close(path, fd);
      if (!same) slab.giveBack();
    }
  }

  /** As `read`, through callbacks, for a slow disk. */
  async readSlowly(path: string): Promise<EntryContent | undefined> {
    let fd = -1;
    let slab: Slab | undefined;
    let content: EntryContent | undefined;
    try {
      await this.#shards.ensure(path);
      fd = await promised<number>((done) => this.#fs.open(path, READ_FLAGS_PLAIN, 0, done));
      const stat = await promised<Stats>((done) => this.#fs.fstat(fd, done));
      const length = this.#readLength(path, stat);
      if (length === undefined) return undefined;
      slab = this.#slabs.take(roomFor(stat));
      const { bytes } = slab;
      let filled = await promised<number>((done) => this.#fs.read(fd, bytes, 0, length, 0, done));
      const needed = neededFor(bytes, filled, stat.size);
      if (needed > filled)
        filled += await promised<number>((done) => this.#fs.read(fd, bytes, filled, needed - filled, filled, done));
      content = this.#content(path, slab, filled, stat, fd);
      return content;
    } catch (error) {
      return this.#failed(path, error);
    } finally {
      if (fd >= 0 && content?.file === undefined) this.#fs.close(fd, () => undefined);
      if (content?.slab === undefined) slab?.giveBack();
    }
  }

  /** The verified head alone, for the sweep; `undefined` when there is no usable entry. */
  readHead(path: string): DecodedEntry | undefined {
    let fd = -1;
    const slab = this.#slabs.take(LONGEST_BEGINNING);
    const { bytes } = slab;
    try {
      fd = this.#open(path);
      const { size } = this.#fs.fstatSync(fd);
      let filled = this.#fs.readSync(fd, bytes, 0, FIRST_READ_BYTES, 0);
      const preamble = decodePreamble(bytes, filled);
      const needed = typeof preamble === "string" ? 0 : preamble.headEnd;
      if (needed > filled) filled += this.#fs.readSync(fd, bytes, filled, needed - filled, filled);
      const decoded = decodeEntryHead(bytes, filled, size, path, this.#seals);
      return typeof decoded === "string" ? this.reject(path, decoded) : decoded;
    } catch (error) {
      return this.#failed(path, error);
    } finally {
      if (fd >= 0) this.#close(path, fd);
      slab.giveBack();
    }
  }

  /** Counts what is wrong and removes it, so that it is met once. */
  reject(path: string, problem: string): undefined {
    this.#faults.corrupt(path, problem);
    try {
      if (ownDirectory(this.#fs, shardOf(path)) !== undefined) this.#fs.unlinkSync(path);
    } catch (error) {
      const code = errorCode(error);
      // A directory: removed when empty; a full one is not the cache's to empty.
      if (code === "EISDIR" || code === "EPERM") this.#removeDirectory(path);
      else if (code !== "ENOENT") this.#faults.io("remove", path, error, false);
    }
    return undefined;
  }

  #removeDirectory(path: string): void {
    try {
      this.#fs.rmdirSync(path);
    } catch (error) {
      this.#faults.io("remove", path, error, false);
    }
  }

  #open(path: string): number {
    try {
      return this.#fs.openSync(path, this.#flags);
    } catch (error) {
      // Some file systems refuse O_NOATIME, always or for files of another user.
      if (errorCode(error) !== "EPERM" || this.#flags === READ_FLAGS_PLAIN) throw error;
      this.#flags = READ_FLAGS_PLAIN;
      return this.#fs.openSync(path, this.#flags);
    }
  }

  // How much to read first; `undefined` when it is not one of the cache's files.
  #readLength(path: string, stat: Stats): number | undefined {
    if (!stat.isFile()) return this.reject(path, "not a regular file");
    if (stat.nlink > 1) return this.reject(path, "has another name (a hard link)");
    if (this.#uid !== undefined && stat.uid !== this.#uid) return this.reject(path, `belongs to user ${stat.uid}`);
    return stat.size <= WHOLE_FILE_BYTES ? stat.size : FIRST_READ_BYTES;
  }

  #content(path: string, slab: Slab, filled: number, stat: Stats, fd: number): EntryContent | undefined {
    const { bytes } = slab;
    const decoded = decodeEntryHead(bytes, filled, stat.size, path, this.#seals);
    if (typeof decoded === "string") return this.reject(path, decoded);
    const { preamble, seal } = decoded;
    const touchedAt = stat.mtimeMs;
    if (stat.size > WHOLE_FILE_BYTES) {
      const file = new BodyFile(this.#fs, this.#faults, path, preamble, seal, fd);
      return { decoded, body: undefined, slab: undefined, file, touchedAt };
    }
    if (filled !== stat.size) return this.reject(path, "cut off");
    const stored = bodyIn(slab, preamble);
    if (seal !== undefined) {
      const opened = openBody(seal, stored, bytes.subarray(preamble.bodyOffset + preamble.bodyBytes, filled));
      if (opened === undefined) return this.reject(path, "its body does not agree with its seal");
      return { decoded, body: opened, slab: undefined, file: undefined, touchedAt };
    }
    if (checksumOf(stored) !== preamble.bodyChecksum) return this.reject(path, "body checksum differs");
    return { decoded, body: stored, slab, file: undefined, touchedAt };
  }

  #failed(path: string, error: unknown): undefined {
    const code = errorCode(error);
    if (code === "ENOENT") return undefined;
    if (NOT_A_FILE.has(code)) return this.reject(path, `not a regular file (${code})`);
    this.#faults.io("read", path, error, code === "EMFILE" || code === "ENFILE");
    return undefined;
  }

  #close(path: string, fd: number): void {
    try {
      this.#fs.closeSync(fd);
    } catch (error) {
      this.#faults.io("close", path, error, false);
    }
  }
}

/** Releases what was read and is no longer needed. */
export function closeContent({ file, slab }: EntryContent): void {
  file?.retain();
  file?.release();
  slab?.giveBack();
}

/** The body in a small file that has no seal. */
export function bodyIn({ bytes }: Slab, { bodyOffset, bodyBytes }: Preamble): Buffer {
  return bytes.subarray(bodyOffset, bodyOffset + bodyBytes);
}

/** A copy that shares its memory with nothing else. */
export function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

// A sealed body of one chunk at most, as a copy of its own.
function openBody(seal: EntrySeal, stored: Buffer, tag: Buffer): Buffer | undefined {
  if (stored.length === 0) return Buffer.alloc(0);
  const opened = seal.openChunk(0, stored, tag);
  return opened === stored ? Buffer.from(stored) : opened;
}

// Room for the first read, and for the head if the first read does not hold it.
function roomFor({ size }: Stats): number {
  return size <= WHOLE_FILE_BYTES ? size : LONGEST_BEGINNING;
}

// Bytes of a long file that hold its whole head; just what was read when the preamble is invalid.
function neededFor(bytes: Buffer, filled: number, fileBytes: number): number {
  if (fileBytes <= WHOLE_FILE_BYTES) return filled;
  const preamble = decodePreamble(bytes, filled);
  return typeof preamble === "string" ? filled : preamble.headEnd;
}
