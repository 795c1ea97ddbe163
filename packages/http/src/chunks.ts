/** What handlers give to `write` and `end`, as bytes. */

export function isChunk(chunk: unknown): chunk is string | Uint8Array {
  return typeof chunk === "string" || chunk instanceof Uint8Array;
}

/** A copy: the handler may use its buffer again while ours is kept. */
export function ownBytes(chunk: string | Uint8Array, encoding: unknown): Buffer {
  return typeof chunk === "string" ? bytesOf(chunk, encoding) : Buffer.from(chunk);
}

export function bytesOf(chunk: string | Uint8Array, encoding: unknown): Buffer {
  if (typeof chunk === "string")
    return Buffer.from(chunk, typeof encoding === "string" ? (encoding as BufferEncoding) : "utf8");
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
