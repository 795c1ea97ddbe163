/** Seals a body while it passes, chunk by chunk, and lets those who read along have it back. Never verifies. */
import { CHUNK_BYTES } from "./body-checksum.js";
import type { BodyCover } from "./body-checksum.js";
import type { ChunkSeal, EntrySeal } from "./seal.js";

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
