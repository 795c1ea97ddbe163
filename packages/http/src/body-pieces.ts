/** A body from the cache, piece by piece, in order. */
import type { BodyReader, BodySource } from "@diskcache/core";

/**
 * Each piece belongs to the caller until it asks for the next. Throws when the body turns out to be damaged or cut
 * short: what has been sent by then must not be ended as if it were whole.
 * @param reader opened by the caller in the turn in which it got the source, while the file is certainly the one that
 * was looked up; the caller closes it
 */
export async function* bodyPieces(source: BodySource, reader: BodyReader): AsyncGenerator<Buffer, void, undefined> {
  for (const piece of source.pieces) {
    if (Buffer.isBuffer(piece)) {
      yield piece;
      continue;
    }
    let at = piece.start;
    while (at < piece.end) {
      const bytes = await reader.read(at, piece.end);
      if (bytes.length === 0) {
        if (Number.isFinite(piece.end)) throw new Error("the stored body is shorter than it should be");
        break; // a body of unknown length ends where it ends
      }
      at += bytes.length;
      yield bytes;
    }
  }
}

/** What handlers give to `write` and `end`: chunks as bytes, and callbacks. */

export function isChunk(chunk: unknown): chunk is string | Uint8Array {
  return typeof chunk === "string" || chunk instanceof Uint8Array;
}

/** A copy: the handler may reuse its buffer while the cache keeps this one. */
export function ownBytes(chunk: string | Uint8Array, encoding: unknown): Buffer {
  return typeof chunk === "string" ? bytesOf(chunk, encoding) : Buffer.from(chunk);
}

export function bytesOf(chunk: string | Uint8Array, encoding: unknown): Buffer {
  if (typeof chunk === "string")
    return Buffer.from(chunk, typeof encoding === "string" ? (encoding as BufferEncoding) : "utf8");
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

export function callbacks(given: readonly unknown[]): (() => void)[] {
  return given.filter((argument) => typeof argument === "function") as (() => void)[];
}

/** Calls the callbacks as Node would for what has been written. */
export function callSoon(given: readonly unknown[]): void {
  for (const callback of callbacks(given)) process.nextTick(callback);
}
