/** The head of a response in a content coding (RFC 9110 §8.4), made from its head without one. */
import type { Coding } from "../base/codings.js";
import type { RawHeaders, ResponseHead } from "../base/exchange.js";
import { fieldValue, listMembers, withField, withoutFields } from "../http/fields.js";
import { isStrong } from "../http/validators.js";

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

/** The entity tag in a coding, always a strong one of its own (RFC 9110 §8.8.3.3): the body's own where the handler's is weak.
 * @example codedTag('"abc"', "br", '"2f-x"') // '"abc-br"' */
export function codedTag(etag: string, coding: Coding, bodyTag: string): string {
  const strong = isStrong(etag) && etag.length > 1 && etag.endsWith('"') ? etag : bodyTag;
  return `${strong.slice(0, -1)}-${coding}"`;
}

/** Fields with `Accept-Encoding` named in `Vary`: what they head is sent in several forms. */
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
