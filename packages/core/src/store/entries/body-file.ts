/** The file behind a body that is not in memory: opened once for all its readers, and only ever the very file its head came from. Never reads ahead. */
import { DiskCacheError, corruptEntryError, storeIoError } from "../../base/errors.js";
import type { Faults } from "../faults.js";
import { READ_FLAGS_PLAIN, errorCode, promised } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { PREAMBLE_BYTES, decodePreamble } from "./format.js";
import type { BodyPlace } from "./format.js";
import type { EntrySeal } from "./seal.js";

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

  /** `fd` is the descriptor the head was read from, if it is still open; it is closed unless a reader comes before `release`. */
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

  /** Reads into `buffer`; rejects with Node's own error, or ours when the file is no longer the one. */
  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<number> {
    const fd = this.#fd ?? (await (this.#opening ??= this.#open()));
    return promised<number>((done) => this.#fs.read(fd, buffer, offset, length, position, done));
  }

  /** Counts and removes the damaged file, once however many read it, and rejects when it is gone: whoever asks again after that does not meet it. */
  async damaged(problem: string): Promise<never> {
    this.#removal ??= this.#remove(problem);
    await this.#removal;
    throw corruptEntryError(this.#path, problem);
  }

  failed(error: unknown): DiskCacheError {
    if (error instanceof DiskCacheError) return error;
    // Evicted since its head was read: nobody's fault.
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
