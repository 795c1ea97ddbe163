/** Reads a stored body piece by piece, in constant memory; each piece is verified before it is given out. Never reads
 * a chunk that was not asked for. */
import { closedError, corruptEntryError, DiskCacheError, storeIoError } from "../../base/errors.js";
import type { BodyReader, Lease } from "../contract.js";
import type { Faults } from "../faults.js";
import { errorCode, promised, READ_FLAGS_PLAIN } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { CHUNK_BYTES } from "./body-cover.js";
import { checksumOf, decodePreamble, PREAMBLE_BYTES, tableBytesOf } from "./format.js";
import type { BodyPlace } from "./format.js";
import type { EntrySeal } from "./seal.js";

/** A body that is in memory already. */
export class MemoryBodyReader implements BodyReader {
  readonly #body: Buffer;

  constructor(body: Buffer) {
    this.#body = body;
  }

  read(start: number, end: number): Promise<Buffer> {
    return Promise.resolve(this.#body.subarray(start, end));
  }

  close(): void {
    // Nothing is held.
  }
}

/** Reusable buffers of one chunk: allocating one costs more than the read that fills it. */
const spareChunks: Buffer[] = [];
const MOST_SPARE_CHUNKS = 16;
const NOTHING = Buffer.alloc(0);

export class FileBodyReader implements BodyReader {
  readonly #file: BodyFile;
  #table: Buffer | undefined = undefined;
  #chunk: Buffer | undefined = undefined;
  /** The verified bytes of the chunk that is held: those in `#chunk`, decrypted if they were encrypted. */
  #opened: Buffer = NOTHING;
  /** Which chunk is held; -1 for none. */
  #held = -1;
  #reading = false;
  #closed = false;

  /** Counts as a user of `file` until closed. */
  constructor(file: BodyFile) {
    this.#file = file;
    file.retain();
  }

  async read(start: number, end: number): Promise<Buffer> {
    if (this.#closed) throw closedError();
    const { bodyBytes } = this.#file.layout;
    const stop = Math.min(end, bodyBytes);
    if (start >= stop) return Buffer.alloc(0);
    const index = Math.floor(start / CHUNK_BYTES);
    const begin = index * CHUNK_BYTES;
    if (this.#held !== index) await this.#load(index, begin, Math.min(CHUNK_BYTES, bodyBytes - begin));
    return this.#opened.subarray(start - begin, stop - begin);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#reading) this.#release();
  }

  async #load(index: number, begin: number, length: number): Promise<void> {
    this.#reading = true;
    this.#held = -1;
    try {
      const { seal, layout } = this.#file;
      const expected = seal === undefined ? await this.#checksum(index) : await this.#tag(index, seal);
      this.#chunk ??= spareChunks.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
      await this.#fill(this.#chunk, length, layout.bodyOffset + begin);
      this.#opened =
        this.#verified(index, this.#chunk.subarray(0, length), expected) ??
        (await this.#file.damaged(
          `chunk ${index} does not agree with its ${seal === undefined ? "checksum" : "seal"}`,
        ));
      this.#held = index;
    } finally {
      this.#reading = false;
      if (this.#closed) this.#release();
    }
    if (this.#closed) throw closedError();
  }

  async #checksum(index: number): Promise<number> {
    const { bodyChecksum } = this.#file.layout;
    const tableBytes = tableBytesOf(this.#file.layout);
    if (tableBytes === 0) return bodyChecksum;
    if (this.#table === undefined) {
      const table = await this.#readTable(tableBytes);
      if (checksumOf(table) !== bodyChecksum) await this.#file.damaged("checksum table differs");
      this.#table = table;
    }
    return this.#table.readUInt32LE(index * 4);
  }

  // Tags need no verification of their own: each is valid for one chunk of one entry.
  async #tag(index: number, { tagBytes }: EntrySeal): Promise<Buffer> {
    this.#table ??= await this.#readTable(tableBytesOf(this.#file.layout));
    return this.#table.subarray(index * tagBytes, (index + 1) * tagBytes);
  }

  // `undefined` when the bytes are not those that were stored.
  #verified(index: number, stored: Buffer, expected: number | Buffer): Buffer | undefined {
    if (typeof expected !== "number") return this.#file.seal?.openChunk(index, stored, expected);
    return checksumOf(stored) === expected ? stored : undefined;
  }

  async #readTable(bytes: number): Promise<Buffer> {
    const table = Buffer.allocUnsafe(bytes);
    await this.#fill(table, bytes, this.#file.layout.bodyOffset + this.#file.layout.bodyBytes);
    return table;
  }

  async #fill(buffer: Buffer, length: number, position: number): Promise<void> {
    for (let filled = 0; filled < length;) {
      let count: number;
      try {
        count = await this.#file.read(buffer, filled, length - filled, position + filled);
      } catch (error) {
        throw this.#file.failed(error);
      }
      if (count === 0) await this.#file.damaged("cut off");
      filled += count;
    }
  }

  #release(): void {
    if (this.#chunk !== undefined && spareChunks.length < MOST_SPARE_CHUNKS) spareChunks.push(this.#chunk);
    this.#chunk = undefined;
    this.#opened = NOTHING;
    this.#file.release();
  }
}

/* The file behind a body that is not in memory: opened once for all its readers, and always the very file that its
 * head came from. Never reads ahead. */

export class BodyFile {
  readonly layout: BodyPlace;
  /** What opens its chunks, where they are sealed. */
  readonly seal: EntrySeal | undefined;
  readonly #fs: FileSystem;
  readonly #faults: Faults;
  readonly #path: string;
  #users = 0;
  #fd: number | undefined;
  #opening: Promise<number> | undefined = undefined;
  #removal: Promise<void> | undefined = undefined;

  /** `fd` is the descriptor the head was read from, if it is still open; it is closed unless a reader comes before
   * `release`. */
  constructor(
    fs: FileSystem,
    faults: Faults,
    path: string,
    layout: BodyPlace,
    seal: EntrySeal | undefined,
    fd: number | undefined,
  ) {
    this.#fs = fs;
    this.#faults = faults;
    this.#path = path;
    this.layout = layout;
    this.seal = seal;
    this.#fd = fd;
  }

  retain(): void {
    this.#users++;
  }

  /** The last user closes the descriptor. */
  release(): void {
    this.#users--;
    if (this.#users > 0 || this.#fd === undefined) return;
    this.#close(this.#fd);
    this.#fd = undefined;
  }

  /** Reads into `buffer`. Rejects with Node's own error, or with the cache's when the file has been replaced. */
  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<number> {
    const fd = this.#fd ?? (await (this.#opening ??= this.#open()));
    return promised<number>((done) => this.#fs.read(fd, buffer, offset, length, position, done));
  }

  /** Counts and removes the damaged file, once for all its readers, and rejects when it is gone: a later request does
   * not meet it. */
  async damaged(problem: string): Promise<never> {
    this.#removal ??= this.#remove(problem);
    await this.#removal;
    throw corruptEntryError(this.#path, problem);
  }

  failed(error: unknown): DiskCacheError {
    if (error instanceof DiskCacheError) return error;
    // Evicted since its head was read: not a fault.
    if (errorCode(error) !== "ENOENT") this.#faults.io("read", this.#path, error, false);
    return storeIoError("read", this.#path, error);
  }

  // A newer entry may have taken the name since the head was read: its body belongs to another head.
  async #open(): Promise<number> {
    try {
      const fd = await promised<number>((done) => this.#fs.open(this.#path, READ_FLAGS_PLAIN, 0, done));
      try {
        const bytes = Buffer.allocUnsafe(PREAMBLE_BYTES);
        const length = await promised<number>((done) => this.#fs.read(fd, bytes, 0, PREAMBLE_BYTES, 0, done));
        const found = decodePreamble(bytes, length);
        if (
          typeof found === "string" ||
          found.headChecksum !== this.layout.headChecksum ||
          found.bodyChecksum !== this.layout.bodyChecksum ||
          found.bodyBytes !== this.layout.bodyBytes
        ) {
          throw storeIoError("read", this.#path, new Error("the entry was replaced in the meantime"));
        }
        if (this.#users === 0) throw storeIoError("read", this.#path, new Error("closed in the meantime"));
        this.#fd = fd;
        return fd;
      } catch (error) {
        this.#close(fd);
        throw error;
      }
    } finally {
      this.#opening = undefined;
    }
  }

  #remove(problem: string): Promise<void> {
    this.#faults.corrupt(this.#path, problem);
    return promised<void>((done) => this.#fs.unlink(this.#path, done)).catch(() => undefined);
  }

  #close(fd: number): void {
    this.#fs.close(fd, (error) => {
      if (error) this.#faults.io("close", this.#path, error, false);
    });
  }
}

/* Reusable buffers that small files are read into: allocating one costs more than the read that fills it. Does not
 * interpret their content. */

/** Sizes are powers of two, so that keeping a body does not keep much more memory than its length. */
const SMALLEST_BITS = 12;
/** How many buffers of each size wait for reuse; synchronous reads need one. */
const MOST_SPARE = 2;

/** A buffer that belongs to the caller that has taken it, until it is given back. */
export class Slab implements Lease {
  readonly bytes: Buffer;
  readonly #spare: Slab[];
  #taken = true;

  constructor(bytes: number, spare: Slab[]) {
    this.bytes = Buffer.allocUnsafeSlow(bytes);
    this.#spare = spare;
  }

  giveBack(): void {
    if (!this.#taken) return;
    this.#taken = false;
    if (this.#spare.length < MOST_SPARE) this.#spare.push(this);
  }

  /** Only for `Slabs`. */
  take(): this {
    this.#taken = true;
    return this;
  }
}

export class Slabs {
  readonly #spare: Slab[][] = [];

  /** A buffer of at least this many bytes. */
  take(bytes: number): Slab {
    const bits = Math.max(SMALLEST_BITS, 32 - Math.clz32(Math.max(bytes, 1) - 1));
    const spare = (this.#spare[bits] ??= []);
    return spare.pop()?.take() ?? new Slab(2 ** bits, spare);
  }
}
