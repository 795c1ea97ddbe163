/** What handlers give to `write` and `end`: chunks as bytes, and callbacks. */

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

export function callbacks(given: readonly unknown[]): (() => void)[] {
  return given.filter((argument) => typeof argument === "function") as (() => void)[];
}

/** Calls the callbacks as Node would for what has been written. */
export function callSoon(given: readonly unknown[]): void {
  for (const callback of callbacks(given)) process.nextTick(callback);
}
