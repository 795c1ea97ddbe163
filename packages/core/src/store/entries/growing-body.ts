/** A body while it is written: its beginning in a temporary file, its end in memory, readable throughout. Never
 * verifies, never waits for more. */
import { storeIoError } from "../../base/errors.js";
import type { AtomicFiles, TempFile } from "./atomic-file.js";
import type { BodyReader } from "../contract.js";
import { STREAM_BODY_OFFSET } from "./format.js";
import type { EntryPath } from "../paths.js";

/** Longest piece that one read gives. */
const READ_BYTES = 262_144;
/** A flush begins no further piece beyond this, so that what has been written leaves memory while the rest is
 * written. */
const FLUSH_BYTES = 4 * 1024 * 1024;

export class GrowingBody {
  readonly #files: AtomicFiles;
  readonly #path: EntryPath;
  readonly #reveal: ((start: number, bytes: Buffer) => Buffer) | undefined;
  #file: TempFile | undefined = undefined;
  #waiting: Buffer[] = [];
  /** Users: the writer and each reader. The last one closes the file for good. */
  #users = 1;
  #closed = false;
  /** Bytes in the file. */
  writtenBytes = 0;
  /** Bytes in memory. */
  waitingBytes = 0;

  /** `reveal` turns bytes as written into bytes as given. */
  constructor(files: AtomicFiles, path: EntryPath, reveal?: (start: number, bytes: Buffer) => Buffer) {
    this.#files = files;
    this.#path = path;
    this.#reveal = reveal;
  }

  get bytes(): number {
    return this.writtenBytes + this.waitingBytes;
  }

  /** The part that is in memory only. */
  get waiting(): readonly Buffer[] {
    return this.#waiting;
  }

  /** The temporary file, once there is one. */
  get temp(): string | undefined {
    return this.#file?.temp;
  }

  /** Bytes taken by the directory that was made for it. */
  get madeBytes(): number {
    return this.#file?.made ?? 0;
  }

  append(piece: Buffer): void {
    this.#waiting.push(piece);
    this.waitingBytes += piece.length;
  }

  /** Writes what has waited longest to the file: all of it, unless it is very long.
   * @throws Node's own error; then it stays in memory */
  async flush(): Promise<void> {
    const batch: Buffer[] = [];
    let bytes = 0;
    for (const piece of this.#waiting) {
      if (bytes >= FLUSH_BYTES) break;
      batch.push(piece);
      bytes += piece.length;
    }
    this.#file ??= await this.#files.begin(this.#path);
    await this.#files.writeAt(this.#file.fd, batch, STREAM_BODY_OFFSET + this.writtenBytes);
    this.#waiting.splice(0, batch.length);
    this.writtenBytes += bytes;
    this.waitingBytes -= bytes;
  }

  /** Writes outside the body: before it or behind it. */
  async writeAround(bytes: Buffer, position: number): Promise<void> {
    await this.#files.writeAt((this.#file as TempFile).fd, [bytes], position);
  }

  async settle(times: { readonly expiresAt: number; readonly usedAt: number }): Promise<void> {
    const { fd, temp } = this.#file as TempFile;
    await this.#files.settle(fd, temp, times);
  }

  /** Reads what is there so far, whatever happens to the entry. */
  reader(): BodyReader {
    this.#users++;
    let open = true;
    return {
      read: async (start, end) => {
        const bytes = await this.#read(start, end);
        return this.#reveal === undefined ? bytes : this.#reveal(start, bytes);
      },
      close: () => {
        if (open) this.release();
        open = false;
      },
    };
  }

  /** One user less. */
  release(): void {
    this.#users--;
    if (this.#users > 0 || this.#closed) return;
    this.#closed = true;
    this.#waiting = [];
    if (this.#file !== undefined) this.#files.close(this.#file.fd).catch(() => undefined);
  }

  async #read(start: number, end: number): Promise<Buffer> {
    const stop = Math.min(end, this.bytes, start + READ_BYTES);
    if (start >= stop) return Buffer.alloc(0);
    if (this.#closed) throw storeIoError("read", this.#path.file, new Error("it is not kept open any more"));
    if (start >= this.writtenBytes) return this.#inMemory(start, stop);
    const buffer = Buffer.allocUnsafeSlow(Math.min(stop, this.writtenBytes) - start);
    try {
      const length = await this.#files.readAt((this.#file as TempFile).fd, buffer, STREAM_BODY_OFFSET + start);
      if (length === 0) throw new Error("cut off");
      return buffer.subarray(0, length);
    } catch (error) {
      throw storeIoError("read", this.#path.file, error);
    }
  }

  #inMemory(start: number, stop: number): Buffer {
    let begin = this.writtenBytes;
    for (const piece of this.#waiting) {
      if (start < begin + piece.length) return piece.subarray(start - begin, stop - begin);
      begin += piece.length;
    }
    return Buffer.alloc(0);
  }
}
