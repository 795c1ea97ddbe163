/** A stored response as it is sent in a content coding: an entry like any other, so that what plays stored responses
 * needs to know nothing of codings. */
import type { Coding } from "../../base/codings.js";
import type { RawHeaders, ResponseHead } from "../../base/exchange.js";
import { fieldValue, listMembers, withField, withoutFields } from "../../http/fields.js";
import { isStrong } from "../../http/validators.js";
import type { BodyReader, EntryHead, StoreEntry } from "../../store/contract.js";
import type { CodedBody } from "../../stored/stored-value.js";
import type { StoredResponse } from "../../stored/stored-response.js";

type ResponseEntry = StoreEntry<StoredResponse>;

const NOTHING = Buffer.alloc(0);

/** The response with a coded body in place of its own; its head is made once for each pair of them. */
export function codedEntry(entry: ResponseEntry, coded: StoreEntry<CodedBody>): ResponseEntry {
  const { played, coding, bodyTag } = coded.value;
  // A head that a 304 has freshened is another object.
  if (played?.of === entry.value.head) return new CodedEntry(entry, played.as, coded, coded.body);
  const as = codedResponse(entry, coding, bodyTag);
  coded.value.played = { of: entry.value.head, as };
  return new CodedEntry(entry, as, coded, coded.body);
}

/** The head alone, to be compared with a client's conditions: for an answer without content. */
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

// What a hit has stored beside the response stays there: this one starts without it, for another body.
function codedResponse({ value }: ResponseEntry, coding: Coding, bodyTag: string): StoredResponse {
  return { ...value, head: codedHead(value.head, coding, bodyTag), offer: undefined, ready: undefined };
}

/* The head of a response in a content coding (RFC 9110 §8.4), made from its head without one. */

/** @param bodyTag a strong entity tag of the body without coding */
export function codedHead(head: ResponseHead, coding: Coding, bodyTag: string): ResponseHead {
  const rawHeaders = withoutFields(head.rawHeaders, OF_THE_BYTES);
  rawHeaders.push("Content-Encoding", coding);
  const etag = fieldValue(rawHeaders, "etag");
  return {
    ...head,
    rawHeaders: etag === undefined ? rawHeaders : withField(rawHeaders, "ETag", codedTag(etag, coding, bodyTag)),
  };
}

/** The entity tag in a coding, always a strong one of its own (RFC 9110 §8.8.3.3): the body's own where the handler's
 * is weak.
 * @example codedTag('"abc"', "br", '"2f-x"') // '"abc-br"' */
export function codedTag(etag: string, coding: Coding, bodyTag: string): string {
  const strong = isStrong(etag) && etag.length > 1 && etag.endsWith('"') ? etag : bodyTag;
  return `${strong.slice(0, -1)}-${coding}"`;
}

/** Fields with `Accept-Encoding` named in `Vary`: the body they belong to is sent in several forms. */
export function withCodingVary(raw: RawHeaders): readonly string[] {
  if (namesCodingVary(raw)) return raw;
  return withField(raw, "Vary", [...listMembers([fieldValue(raw, "vary") ?? ""]), "Accept-Encoding"].join(", "));
}

/** Whether `Accept-Encoding` is named. */
export function namesCodingVary(raw: RawHeaders): boolean {
  return listMembers([fieldValue(raw, "vary") ?? ""]).some(isAcceptEncoding);
}

/** The fields as the handler gave them: a page that is offered in codings did not name `Accept-Encoding` itself. */
export function withoutCodingVary(raw: RawHeaders): readonly string[] {
  const members = listMembers([fieldValue(raw, "vary") ?? ""]).filter((member) => !isAcceptEncoding(member));
  return members.length === 0 ? withoutFields(raw, VARY) : withField(raw, "Vary", members.join(", "));
}

function isAcceptEncoding(member: string): boolean {
  return member.toLowerCase() === "accept-encoding";
}

const VARY: ReadonlySet<string> = new Set(["vary"]);
// True of the bytes without coding only. Ranges are given of those alone (§14.3).
const OF_THE_BYTES: ReadonlySet<string> = new Set([
  "accept-ranges",
  "content-digest",
  "content-length",
  "content-md5",
  "digest",
  "repr-digest",
]);
