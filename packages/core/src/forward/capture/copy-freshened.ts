/** Stores a response again under the head a 304 freshened (RFC 9111 §4.3.4). An entry is never changed in place: a
 * short body is written again, a long one copied after the response. */
import { DiskCacheError, storeIoError } from "../../base/errors.js";
import type { MaybeAsync } from "../../base/async.js";
import { expiresAt } from "../../http/stored-policy.js";
import type { Selection } from "../../lookup/select.js";
import type { Observer } from "../../base/observer.js";
import type { EntryHead, EntryWriter, LogPosition, SkipReason, Store } from "../../store/contract.js";
import { encodeResponse, hasHandlerValidator } from "../../stored/stored-response.js";
import type { StoredResponse } from "../../stored/stored-response.js";

const PIECE_BYTES = 256 * 1024;

interface FreshenDeps {
  readonly store: Store<unknown>;
  readonly observer: Observer;
}

/** A copy that is not made yet. */
export interface FreshenedCopy {
  /** Why it cannot be stored, as far as that is known already; in the words of `Cache-Status`. */
  readonly refusal: string | undefined;
  /** @returns whether it is stored. Never rejects */
  store(): MaybeAsync<boolean>;
}

export function freshenedCopy(
  deps: FreshenDeps,
  selection: Selection,
  freshened: StoredResponse,
  tags: readonly string[],
  birth: LogPosition,
): FreshenedCopy {
  const { entry } = selection;
  const head: EntryHead = {
    ...entry.head,
    meta: encodeResponse(freshened),
    tags: [...new Set([...entry.head.tags, ...tags])],
    storedAt: freshened.policy.storedAt,
    expiresAt: expiresAt(freshened.policy, hasHandlerValidator(freshened)),
    birth,
  };
  const unfit = deps.store.unfit(head, entry.bodyBytes, true);
  return unfit === undefined
    ? { refusal: undefined, store: () => storeCopy(deps, selection, head) }
    : { refusal: refusalWord(unfit), store: () => false };
}

function storeCopy({ store, observer }: FreshenDeps, { key, entry }: Selection, head: EntryHead): MaybeAsync<boolean> {
  if (entry.body !== undefined) return store.put(head, entry.body);
  const writer = store.create(key);
  if (writer === undefined) return false;
  return copyBody(entry, writer, head).catch((error: unknown) => {
    writer.abort();
    observer.error(error instanceof DiskCacheError ? error : storeIoError("copy", key, error));
    return false;
  });
}

async function copyBody(entry: Selection["entry"], writer: EntryWriter, head: EntryHead): Promise<boolean> {
  const reader = entry.reader();
  try {
    for (let at = 0; at < entry.bodyBytes;) {
      const piece = await reader.read(at, Math.min(at + PIECE_BYTES, entry.bodyBytes));
      at += piece.length;
      // The reader reuses its buffer, the writer keeps what it is given.
      if (!writer.write(Buffer.from(piece))) await new Promise<void>((resolve) => (writer.onDrain = resolve));
    }
    // Until then, requests that share it read it from the old file, too.
    return await writer.commit(head);
  } finally {
    reader.close();
  }
}

/* Why the store does not accept a response, in the words of `Cache-Status`. */

const WORDS: Partial<Record<SkipReason, string>> = {
  "head-too-long": "head-too-long",
  "body-too-long": "too-long",
  "over-budget": "no-room",
  purged: "purged",
};

export function refusalWord(reason: SkipReason): string {
  return WORDS[reason] ?? "store";
}
