/** What a body passes on its way to the disk, so that it can be verified in pieces when it is read: here checksums, which tell damage and not forgery. */
import { crc32 } from "node:zlib";

/** Bodies are verified in pieces of this size. */
export const CHUNK_BYTES = 262_144;

/** What a body passes on its way to the disk, so that it can be verified when it is read. */
export interface BodyCover {
  /** What to write for a piece: as many bytes. */
  update(piece: Buffer): Buffer;
  /** The value for the preamble, and the table that follows the body. */
  end(): { readonly checksum: number; readonly table: Buffer };
}

/** Checksums a body while it passes: one for each chunk. */
export class BodyChecksum implements BodyCover {
  readonly #finished: number[] = [];
  #open = 0;
  #openBytes = 0;

  update(piece: Buffer): Buffer {
    let at = 0;
    while (at < piece.length) {
      // A chunk is finished only when more follows: the last one may be full as well.
      if (this.#openBytes === CHUNK_BYTES) this.#finish();
      const next = Math.min(piece.length, at + CHUNK_BYTES - this.#openBytes);
      this.#open = crc32(at === 0 && next === piece.length ? piece : piece.subarray(at, next), this.#open);
      this.#openBytes += next - at;
      at = next;
    }
    return piece;
  }

  /** The value for the preamble and the table that follows the body, empty for a body of one chunk. */
  end(): { readonly checksum: number; readonly table: Buffer } {
    if (this.#finished.length === 0) return { checksum: this.#open, table: Buffer.alloc(0) };
    this.#finish();
    const table = Buffer.allocUnsafe(this.#finished.length * 4);
    this.#finished.forEach((value, index) => table.writeUInt32LE(value, index * 4));
    return { checksum: crc32(table), table };
  }

  #finish(): void {
    this.#finished.push(this.#open);
    this.#open = 0;
    this.#openBytes = 0;
  }
}
