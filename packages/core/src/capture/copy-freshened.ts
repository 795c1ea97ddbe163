/** Stores a response anew under the head a 304 freshened (RFC 9111 §4.3.4). An entry is never changed in place: a short body is put again, a long one copied behind the response. */
import type { CacheContext } from "../context.js";
import { DiskCacheError, storeIoError } from "../errors.js";
import { expiresAt } from "../http/reusability.js";
import type { Selection } from "../lookup/select.js";
import type { EntryHead, EntryWriter, LogPosition } from "../store/contract.js";
import { encodeResponse, hasHandlerValidator } from "../stored/stored-response.js";
import type { StoredResponse } from "../stored/stored-response.js";

const PIECE_BYTES = 256 * 1024;

export function copyFreshened(
  context: CacheContext,
  { key, entry }: Selection,
  freshened: StoredResponse,
  tags: readonly string[],
  birth: LogPosition,
): void {
  const head: EntryHead = {
    ...entry.head,
    meta: encodeResponse(freshened),
    tags: [...new Set([...entry.head.tags, ...tags])],
    storedAt: freshened.policy.storedAt,
    expiresAt: expiresAt(freshened.policy, hasHandlerValidator(freshened)),
    birth,
  };
  if (entry.body !== undefined) {
    context.store.put(head, entry.body);
    return;
  }
  const writer = context.store.create(key);
  if (writer === undefined) return;
  copyBody(entry, writer, head).catch((error: unknown) => {
    writer.abort();
    context.observer.error(error instanceof DiskCacheError ? error : storeIoError("copy", key, error));
  });
}

async function copyBody(entry: Selection["entry"], writer: EntryWriter, head: EntryHead): Promise<void> {
  const reader = entry.reader();
  try {
    for (let at = 0; at < entry.bodyBytes;) {
      const piece = await reader.read(at, Math.min(at + PIECE_BYTES, entry.bodyBytes));
      at += piece.length;
      // The reader uses its buffer again, the writer keeps what it is given.
      if (!writer.write(Buffer.from(piece))) await new Promise<void>((resolve) => (writer.onDrain = resolve));
    }
  } finally {
    reader.close();
  }
  await writer.commit(head);
}
