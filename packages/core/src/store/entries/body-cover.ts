/** What a body passes through on its way to the disk, so that it can be verified in pieces when it is read: here
 * checksums, which detect damage but not forgery. */
import { crc32 } from "node:zlib";
import type { ChunkSeal, EntrySeal } from "./seal.js";

/** Bodies are verified in pieces of this size. */
export const CHUNK_BYTES = 262_144;

/** What a body passes through on its way to the disk, so that it can be verified when it is read. */
export interface BodyCover {
  /** What to write for a piece: the same number of bytes. */
  update(piece: Buffer): Buffer;
  /** The value for the preamble, and the table that follows the body. */
  end(): { readonly checksum: number; readonly table: Buffer };
}

/** Computes the checksums of a body while it passes: one for each chunk. */
export class BodyChecksum implements BodyCover {
  readonly #finished: number[] = [];
  #open = 0;
  #openBytes = 0;

  update(piece: Buffer): Buffer {
    let at = 0;
    while (at < piece.length) {
      // A chunk is finished only when more bytes follow: the last chunk may be full as well.
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

/* Seals a body while it passes, chunk by chunk, and reveals it to readers that follow the write. Never verifies. */

export class SealedBody implements BodyCover {
  readonly #seal: EntrySeal;
  readonly #tags: Buffer[] = [];
  #open: ChunkSeal | undefined = undefined;
  #openBytes = 0;

  constructor(seal: EntrySeal) {
    this.#seal = seal;
  }

  update(piece: Buffer): Buffer {
    const sealed: Buffer[] = [];
    for (let at = 0; at < piece.length;) {
      if (this.#openBytes === CHUNK_BYTES) this.#finish();
      this.#open ??= this.#seal.chunk(this.#tags.length);
      const next = Math.min(piece.length, at + CHUNK_BYTES - this.#openBytes);
      sealed.push(this.#open.update(piece.subarray(at, next)));
      this.#openBytes += next - at;
      at = next;
    }
    return sealed.length === 1 ? (sealed[0] as Buffer) : Buffer.concat(sealed);
  }

  end(): { readonly checksum: number; readonly table: Buffer } {
    this.#finish();
    return { checksum: 0, table: Buffer.concat(this.#tags) };
  }

  #finish(): void {
    if (this.#open === undefined) return;
    this.#tags.push(this.#open.tag());
    this.#open = undefined;
    this.#openBytes = 0;
  }
}

/** Bytes from `start` of a body that is still being written, as they were given. */
export function revealed(seal: EntrySeal, start: number, bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const offset = (start + at) % CHUNK_BYTES;
    const next = Math.min(bytes.length, at + CHUNK_BYTES - offset);
    parts.push(seal.reveal(Math.floor((start + at) / CHUNK_BYTES), offset, bytes.subarray(at, next)));
    at = next;
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}
