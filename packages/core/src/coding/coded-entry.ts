/** A stored response as it is sent in a content coding: an entry like another, so that what plays stored responses needs to know nothing of codings. */
import type { Coding } from "../base/codings.js";
import type { BodyReader, EntryHead, StoreEntry } from "../store/contract.js";
import type { CodedBody } from "../stored/coded-body.js";
import type { StoredResponse } from "../stored/stored-response.js";
import { codedHead } from "./coded-head.js";

type ResponseEntry = StoreEntry<StoredResponse>;

const NOTHING = Buffer.alloc(0);

/** The response with a coded body in place of its own; what it says is made once for each pair of them. */
export function codedEntry(entry: ResponseEntry, coded: StoreEntry<CodedBody>): ResponseEntry {
  const { played, coding, bodyTag } = coded.value;
  // A head that a 304 has freshened is another object.
  if (played?.of === entry.value.head) return new CodedEntry(entry, played.as, coded, coded.body);
  const as = codedResponse(entry, coding, bodyTag);
  coded.value.played = { of: entry.value.head, as };
  return new CodedEntry(entry, as, coded, coded.body);
}

/** The head alone, to be compared with a visitor's conditions: for an answer without content. */
export function codedHeadEntry(entry: ResponseEntry, coding: Coding): ResponseEntry {
  return new CodedEntry(entry, codedResponse(entry, coding, entry.value.offer!.bodyTag), entry, NOTHING);
}

class CodedEntry implements ResponseEntry {
  readonly head: EntryHead;
  readonly value: StoredResponse;
  readonly bodyBytes: number;
  readonly body: Buffer | undefined;
  readonly softPurged: boolean;
  readonly #bodied: StoreEntry<unknown>;

  constructor(
    { head, softPurged }: ResponseEntry,
    value: StoredResponse,
    bodied: StoreEntry<unknown>,
    body: Buffer | undefined,
  ) {
    this.head = head;
    this.value = value;
    this.bodyBytes = bodied.bodyBytes;
    this.body = body;
    this.softPurged = softPurged;
    this.#bodied = bodied;
  }

  reader(): BodyReader {
    return this.#bodied.reader();
  }
}

// Whatever of the response a hit has left beside it stays there: this one is ready for another body.
function codedResponse({ value }: ResponseEntry, coding: Coding, bodyTag: string): StoredResponse {
  return { ...value, head: codedHead(value.head, coding, bodyTag), offer: undefined, ready: undefined };
}
