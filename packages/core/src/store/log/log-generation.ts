/** One file of the invalidation log: opened, read as it grows, appended to. Knows nothing of what the records mean,
 * nor of other generations. */
import {
  LOG_HEADER_BYTES,
  END_MARK_BYTES,
  END_MARK_OFFSET,
  MAX_RECORD_BYTES,
  decodeEndMark,
  decodeLogHeader,
  encodeEndMark,
  nextIntactRecord,
  parseRecord,
} from "./log-record.js";
import type { LogHeader, NoteRecord, PurgeRecord, SealRecord } from "./log-record.js";
import type { LogPosition } from "../contract.js";
import { APPEND_FLAGS, READ_FLAGS_PLAIN, UPDATE_FLAGS, errorCode } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { SharedFile } from "../shared-file.js";

/** A file is read in pieces of this size, whatever length it claims. */
const PIECE_BYTES = 1 << 20;
/** Longest stretch that is read at once. Compaction keeps a log far below it; a longer one was made by another
 * program, and would block the process for minutes. */
const MOST_UNREAD_BYTES = 256 * 1024 * 1024;
/** How often a partly visible record is read again: an append by another process becomes visible page by page. */
const PATIENCE = 5;

/** A read-only file system, a file that may only be read, or Node's permission model. */
const ONLY_READ = new Set(["EROFS", "EACCES", "EPERM", "ERR_ACCESS_DENIED"]);

/** Receives what is read, in order. */
export interface LogReader {
  purge(record: PurgeRecord, position: LogPosition): void;
  note(record: NoteRecord, position: LogPosition): void;
  /** Bytes that are no records. A purge may have been among them, so whatever was born up to `position` counts as
   * purged. */
  damage(position: LogPosition): void;
}

/** `"truncated"`: shorter than it was, or longer than it can have become, so its content is lost. */
export type LogState = "open" | "sealed" | "truncated" | "tail-damaged";

export class LogGeneration {
  readonly header: LogHeader;
  readonly path: string;
  readonly number: number;
  /** Why the file can only be read; `undefined` when it can be appended to. */
  readonly refusal: unknown;
  seal: SealRecord | undefined = undefined;
  readonly #fs: FileSystem;
  readonly #file: SharedFile;
  readonly #ino: number;
  /** Where the next record begins. */
  #offset: number;
  /** File length at the last check. */
  #size = 0;
  readonly #nextByte = Buffer.alloc(1);

  private constructor(fs: FileSystem, path: string, number: number, opened: Opened, ino: number, header: LogHeader) {
    this.#fs = fs;
    this.path = path;
    this.number = number;
    this.#file = opened.file;
    this.refusal = opened.refusal;
    this.#ino = ino;
    this.header = header;
    this.#offset = LOG_HEADER_BYTES;
  }

  /** Opens a file; for reading only where nothing can be written. `"damaged"` when its header is not valid, or the
   * file is shorter than it was.
   * @throws Node's own error when it cannot be opened or read */
  static open(fs: FileSystem, path: string, number: number): LogGeneration | "damaged" {
    const opened = openLog(fs, path);
    const { file } = opened;
    let keep = false;
    try {
      const stat = fs.fstatSync(file.fd);
      if (!stat.isFile() || stat.size > MOST_UNREAD_BYTES) return "damaged";
      const bytes = Buffer.alloc(LOG_HEADER_BYTES);
      const length = fs.readSync(file.fd, bytes, 0, LOG_HEADER_BYTES, 0);
      const header = decodeLogHeader(bytes.subarray(0, length));
      if (header === undefined) return "damaged";
      const generation = new LogGeneration(fs, path, number, opened, stat.ino, header);
      if (!generation.#endAgrees(stat.size)) return "damaged";
      keep = true;
      return generation;
    } finally {
      if (!keep) file.close();
    }
  }

  /** Position up to which the log has been read. */
  get position(): LogPosition {
    return this.#positionAt(this.#offset);
  }

  /** File length at the last check. */
  get bytes(): number {
    return this.#size;
  }

  /** Bytes appended since the snapshot. */
  get appendedBytes(): number {
    return this.#size - this.#snapshotEnd;
  }

  /** Skips the snapshot: its reader already knows its content. */
  skipSnapshot(): void {
    this.#offset = this.#snapshotEnd;
  }

  /** Whether the file under the path is still this one; `grown`: there is something new to read. */
  look(): { readonly same: boolean; readonly grown: boolean; readonly shrunk: boolean } {
    const stat = this.#fs.statSync(this.path, { throwIfNoEntry: false });
    if (stat === undefined || stat.ino !== this.#ino) return REPLACED;
    if (stat.size === this.#size) return UNCHANGED;
    return stat.size < this.#size ? SHRUNK : GROWN;
  }

  /** Whether something was appended since the last check. Costs a third of `look`, which also notices that the file
   * was truncated or removed.
   * @throws Node's own error */
  hasGrown(): boolean {
    return this.#fs.readSync(this.#file.fd, this.#nextByte, 0, 1, this.#size) > 0;
  }

  /** Reads what is new. */
  read(reader: LogReader): LogState {
    if (this.seal !== undefined) return "sealed";
    for (let patience = PATIENCE; ; patience--) {
      const size = this.#fs.fstatSync(this.#file.fd).size;
      if (size < this.#size || size < this.#offset || size - this.#offset > MOST_UNREAD_BYTES) return "truncated";
      this.#size = size;
      const state = this.#readTo(size, reader, patience === 0);
      if (state !== "short") return state;
    }
  }

  /** Appends in one write, so that no record of another process can come between.
   * @throws Node's own error, also when only a part could be written, or when it could only be opened for reading */
  append(bytes: Buffer): void {
    if (this.refusal !== undefined) throw this.refusal as Error;
    const written = this.#fs.writeSync(this.#file.fd, bytes);
    if (written !== bytes.length)
      throw Object.assign(new Error(`only ${written} of ${bytes.length} bytes were written`), { code: "ENOSPC" });
  }

  /** Records the file's present length. When two processes do it at once, the shorter length may stay: then a
   * truncation is noticed one purge later. */
  markEnd(): void {
    // A descriptor opened for appending ignores the offset of a write.
    const fd = this.#fs.openSync(this.path, UPDATE_FLAGS);
    try {
      this.#fs.writeSync(fd, encodeEndMark(this.#size), 0, END_MARK_BYTES, END_MARK_OFFSET);
    } finally {
      this.#fs.closeSync(fd);
    }
  }

  sync(done: (error: Error | null) => void): void {
    this.#fs.fdatasync(this.#file.fd, done);
  }

  close(): void {
    this.#file.close();
  }

  get #snapshotEnd(): number {
    return LOG_HEADER_BYTES + this.header.snapshotBytes;
  }

  #positionAt(offset: number): LogPosition {
    return this.header.base + Math.max(0, offset - this.#snapshotEnd);
  }

  #endAgrees(size: number): boolean {
    const bytes = Buffer.alloc(END_MARK_BYTES);
    for (let patience = PATIENCE; patience >= 0; patience--) {
      const length = this.#fs.readSync(this.#file.fd, bytes, 0, END_MARK_BYTES, END_MARK_OFFSET);
      const end = decodeEndMark(bytes.subarray(0, length));
      if (end !== undefined) return end <= this.#fs.fstatSync(this.#file.fd).size && size >= this.#snapshotEnd;
    }
    return false;
  }

  #readTo(size: number, reader: LogReader, final: boolean): LogState | "short" {
    while (this.#offset < size) {
      const bytes = this.#piece(size);
      const more = this.#offset + bytes.length < size;
      let at = 0;
      while (at < bytes.length) {
        const parsed = parseRecord(bytes, at);
        if (typeof parsed === "object") {
          const begin = this.#offset + at;
          at += parsed.bytes;
          if (parsed.record.kind === "seal") {
            this.seal = parsed.record;
            this.#offset += at;
            return "sealed";
          }
          const position = parsed.record.position ?? this.#positionAt(begin);
          if (parsed.record.kind === "note") reader.note(parsed.record, position);
          else reader.purge(parsed.record, position);
          continue;
        }
        if (parsed === "short" && more && at > 0) break;
        if (parsed === "short" && !final) {
          this.#offset += at;
          return "short";
        }
        const next = nextIntactRecord(bytes, at);
        if (next < 0 && !more) {
          this.#offset += at;
          return "tail-damaged";
        }
        // The end of a piece may cut an intact record: the next piece begins early enough to hold it whole.
        at = next < 0 ? Math.max(at + 1, bytes.length - MAX_RECORD_BYTES) : next;
        reader.damage(this.#damagedUpTo(this.#offset + at));
        if (next < 0) break;
      }
      this.#offset += at;
    }
    return "open";
  }

  // A damaged snapshot hides purges from before the base; a damaged record hides one from before the next intact
  // record.
  #damagedUpTo(offset: number): LogPosition {
    return offset <= this.#snapshotEnd ? this.header.base - 1 : this.#positionAt(offset) - 1;
  }

  #piece(size: number): Buffer {
    const bytes = Buffer.allocUnsafe(Math.min(PIECE_BYTES, size - this.#offset));
    const length = this.#fs.readSync(this.#file.fd, bytes, 0, bytes.length, this.#offset);
    if (length === 0) throw Object.assign(new Error("the log ended early"), { code: "EIO" });
    return bytes.subarray(0, length);
  }
}

interface Opened {
  readonly file: SharedFile;
  readonly refusal: unknown;
}

function openLog(fs: FileSystem, path: string): Opened {
  try {
    return { file: SharedFile.open(fs, path, APPEND_FLAGS), refusal: undefined };
  } catch (refusal) {
    if (!ONLY_READ.has(errorCode(refusal))) throw refusal;
    return { file: SharedFile.open(fs, path, READ_FLAGS_PLAIN), refusal };
  }
}

const UNCHANGED = { same: true, grown: false, shrunk: false };
const GROWN = { same: true, grown: true, shrunk: false };
const SHRUNK = { same: true, grown: false, shrunk: true };
const REPLACED = { same: false, grown: false, shrunk: false };
