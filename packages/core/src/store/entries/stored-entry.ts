/** An entry as the store's owner receives it, and what the store keeps beside it. Decides nothing. */
import type { BodyFile } from "./body-reader.js";
import { FileBodyReader, MemoryBodyReader } from "./body-reader.js";
import type { BodyReader, EntryHead, Lease, StoreEntry } from "../contract.js";

/** Objects, strings and map slots around one entry, measured; a body in memory brings its own. */
const ENTRY_OVERHEAD_BYTES = 700;
const BODY_OVERHEAD_BYTES = 200;

/** Equal to no view of the log, nor to `BLIND`. */
const NEVER_CHECKED = -2;

export class StoredEntry<Value> implements StoreEntry<Value> {
  readonly head: EntryHead;
  readonly value: Value;
  readonly bodyBytes: number;
  readonly body: Buffer | undefined;
  lease: Lease | undefined = undefined;
  softPurged = false;
  /** View of the invalidation log in which the entry was last found alive. */
  checkedView = NEVER_CHECKED;
  /** When its recency was last recorded, epoch milliseconds. */
  touchedAt: number;
  readonly #file: BodyFile | undefined;

  /** Either `body` or `file` is given. */
  constructor(
    head: EntryHead,
    value: Value,
    bodyBytes: number,
    body: Buffer | undefined,
    file: BodyFile | undefined,
    touchedAt: number,
  ) {
    this.head = head;
    this.value = value;
    this.bodyBytes = bodyBytes;
    this.body = body;
    this.#file = file;
    this.touchedAt = touchedAt;
  }

  reader(): BodyReader {
    return this.body === undefined ? new FileBodyReader(this.#file as BodyFile) : new MemoryBodyReader(this.body);
  }
}

/** What an entry costs in memory. `valueBytes`: what its decoded value holds beyond the head. */
export function memoryCost(head: EntryHead, body: Buffer | undefined, valueBytes: number): number {
  let characters = head.key.length + head.scope.length + head.name.length + head.meta.length;
  for (const tag of head.tags) characters += tag.length + 16;
  return ENTRY_OVERHEAD_BYTES + characters + valueBytes + (body === undefined ? 0 : body.length + BODY_OVERHEAD_BYTES);
}
