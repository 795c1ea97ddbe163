/** A stored response as it is sent in a content coding: an entry like another, so that what plays stored responses needs to know nothing of codings. */
import type { Coding } from "../codings.js";
import type { StoreEntry } from "../store/contract.js";
import type { CodedBody } from "../stored/coded-body.js";
import type { StoredResponse } from "../stored/stored-response.js";
import { codedHead } from "./coded-head.js";

type ResponseEntry = StoreEntry<StoredResponse>;

const NOTHING = Buffer.alloc(0);

/** The response with a coded body in place of its own. Made once for each pair of them. */
export function codedEntry(entry: ResponseEntry, coded: StoreEntry<CodedBody>): ResponseEntry {
  const { played, coding, bodyTag } = coded.value;
  // A head that a 304 has freshened is another object.
  if (played?.of === entry.value.head) return played.entry;
  const { body, bodyBytes } = coded;
  const made = { ...withHead(entry, coding, bodyTag), body, bodyBytes, reader: () => coded.reader() };
  coded.value.played = { of: entry.value.head, entry: made };
  return made;
}

/** The head alone, to be compared with a visitor's conditions: for an answer without content. */
export function codedHeadEntry(entry: ResponseEntry, coding: Coding): ResponseEntry {
  const { bodyBytes, value } = entry;
  return { ...withHead(entry, coding, value.offer!.bodyTag), body: NOTHING, bodyBytes, reader: () => entry.reader() };
}

// Whatever of the response a hit has left beside it stays there: this one is ready for another body.
function withHead({ head, value, softPurged }: ResponseEntry, coding: Coding, bodyTag: string) {
  const coded = codedHead(value.head, coding, bodyTag);
  return { head, value: { ...value, head: coded, offer: undefined, ready: undefined }, softPurged };
}
