/** A stored body in one piece, from memory or from disk. For owners whose bodies are short, or needed whole. */
import type { StoreEntry } from "./contract.js";

/** May be shared with other callers: must not be changed. `undefined` when the body is shorter than it should be.
 * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_CORRUPT_ENTRY` or `ERR_DISKCACHE_STORE_IO` when it cannot be
 * read */
export async function wholeBody(entry: StoreEntry<unknown>): Promise<Buffer | undefined> {
  const { body, bodyBytes } = entry;
  if (body !== undefined) return body;
  const reader = entry.reader();
  try {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bodyBytes; at += pieces.at(-1)!.length) {
      const piece = await reader.read(at, bodyBytes);
      if (piece.length === 0) return undefined;
      // The reader reuses its buffer.
      pieces.push(Buffer.from(piece));
    }
    return Buffer.concat(pieces);
  } finally {
    reader.close();
  }
}
