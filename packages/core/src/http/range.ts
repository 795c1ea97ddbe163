/** Ranges of a stored complete response (RFC 9110 §14): which bytes a request selects, and the heads of the answers.
 * Bytes are the only unit. */
import type { ResponseHead } from "../base/exchange.js";
import { fieldValue, splitMembers, trimmed, withField, withoutFields } from "./fields.js";
import { withoutHopByHop } from "./hop-by-hop.js";
import { parseHttpDate } from "./http-date.js";
import { hasStrongLastModified, stronglyEqual, validatorsOf } from "./validators.js";

/** Bytes `start` (inclusive) to `end` (exclusive) of the content. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** `parts` in the order of the request, at least one. */
export type RangeSelection =
  | { readonly kind: "whole" }
  | { readonly kind: "parts"; readonly parts: readonly ByteRange[] }
  | { readonly kind: "unsatisfiable" };

/** What a GET with these fields gets. A range that does not parse, or is about another version, gets the whole (§14.2).
 * @param range the `Range` field: its value, or every line of it
 * @param ifRange the `If-Range` field
 * @param length of the stored content in bytes
 * @example selectRanges("bytes=-2", undefined, response, 10) // { kind: "parts", parts: [{ start: 8, end: 10 }] } */
export function selectRanges(
  range: string | readonly string[],
  ifRange: string | undefined,
  response: ResponseHead,
  length: number,
): RangeSelection {
  const lines = typeof range === "string" ? [range] : range;
  if (lines.length !== 1 || response.status !== 200) return WHOLE;
  if (fieldValue(response.rawHeaders, "accept-ranges")?.trim().toLowerCase() === "none") return WHOLE;
  const specs = rangeSpecs(lines[0]!);
  if (specs === undefined || (ifRange !== undefined && !holds(ifRange, response))) return WHOLE;
  const parts = specs.map((spec) => resolve(spec, length)).filter((part) => part !== undefined);
  if (parts.length === 0) return UNSATISFIABLE;
  // §14.2, §17.15: many or overlapping ranges multiply the work for one request; no reader of a page needs them.
  if (specs.length > MAX_PARTS || overlap(parts) || length === 0) return WHOLE;
  return { kind: "parts", parts };
}

/** `first` undefined: the last `last` bytes; `last` undefined: to the end. Both inclusive. */
export interface RangeSpec {
  readonly first: number | undefined;
  readonly last: number | undefined;
}

/** The members of a `Range` field (§14.1.1, §14.1.2); `undefined` when it is not of bytes, or one member is invalid. */
export function rangeSpecs(value: string): readonly RangeSpec[] | undefined {
  const set = /^[ \t]*bytes=(.*)$/i.exec(value)?.[1];
  const members = set === undefined ? [] : splitMembers(set).filter((member) => member !== "");
  const specs: RangeSpec[] = [];
  for (const member of members) {
    const [, first = "", last = ""] = /^([0-9]*)-([0-9]*)$/.exec(member) ?? [];
    if (first === "" && last === "") return undefined;
    const spec = { first: first === "" ? undefined : Number(first), last: last === "" ? undefined : Number(last) };
    if (spec.first !== undefined && spec.last !== undefined && spec.last < spec.first) return undefined;
    specs.push(spec);
  }
  return specs.length === 0 ? undefined : specs;
}

/** 206 with one part (§15.3.7.1).
 * @param length of the complete content in bytes; "*" when unknown */
export function partialHead(response: ResponseHead, range: ByteRange, length: number | "*"): ResponseHead {
  const ranged = withField(
    withoutFields(withoutHopByHop(response.rawHeaders), OF_THE_WHOLE),
    "Content-Range",
    contentRange(range, length),
  );
  return partial(withField(ranged, "Content-Length", String(range.end - range.start)));
}

/** 206 with several parts (§15.3.7.2): its head, and what to send in order: framing, and spans of the stored content.
 * @param boundary must not occur in the content; the default depends on which version of what is sent */
export function multipartBody(
  response: ResponseHead,
  parts: readonly ByteRange[],
  length: number,
  boundary: string = boundaryFor(response, parts),
): { readonly head: ResponseHead; readonly pieces: readonly (Buffer | ByteRange)[] } {
  const contentType = fieldValue(response.rawHeaders, "content-type");
  const typeLine = contentType === undefined ? "" : `Content-Type: ${contentType}\r\n`;
  const pieces: (Buffer | ByteRange)[] = [];
  let bytes = 0;
  for (const [index, part] of parts.entries()) {
    const framing = `${index === 0 ? "" : "\r\n"}--${boundary}\r\n${typeLine}Content-Range: ${contentRange(part, length)}\r\n\r\n`;
    pieces.push(Buffer.from(framing, "latin1"), part);
    bytes += framing.length + part.end - part.start;
  }
  const end = `\r\n--${boundary}--\r\n`;
  pieces.push(Buffer.from(end, "latin1"));
  // §15.3.7.2: Content-Range belongs to the parts, not to the whole.
  const fields = withField(
    withoutFields(withoutHopByHop(response.rawHeaders), OF_THE_WHOLE),
    "Content-Type",
    `multipart/byteranges; boundary=${boundary}`,
  );
  return { head: partial(withField(fields, "Content-Length", String(bytes + end.length))), pieces };
}

/** 416 (§15.5.17): no content, and nothing that would let a cache further on store the refusal. */
export function unsatisfiableHead(response: ResponseHead, length: number): ResponseHead {
  const fields = withoutFields(withoutHopByHop(response.rawHeaders), NOT_OF_A_REFUSAL);
  fields.push("Content-Range", `bytes */${length}`, "Content-Length", "0");
  return { status: 416, statusText: "Range Not Satisfiable", rawHeaders: fields };
}

// §14.1.2: satisfiable when it starts within the content, or is a suffix that is not empty.
function resolve({ first, last }: RangeSpec, length: number): ByteRange | undefined {
  if (first === undefined) return last === 0 ? undefined : { start: Math.max(0, length - last!), end: length };
  if (first >= length) return undefined;
  return { start: first, end: last === undefined ? length : Math.min(last + 1, length) };
}

function overlap(parts: readonly ByteRange[]): boolean {
  const sorted = [...parts].sort((one, other) => one.start - other.start);
  return sorted.some((part, index) => index > 0 && part.start < sorted[index - 1]!.end);
}

// §13.1.5: a strong entity tag, or a Last-Modified that is exact and strong.
function holds(ifRange: string, response: ResponseHead): boolean {
  const condition = trimmed(ifRange);
  const { etag, lastModified } = validatorsOf(response);
  if (condition.endsWith('"')) return etag !== undefined && stronglyEqual(condition, etag);
  if (lastModified === undefined || !hasStrongLastModified(response)) return false;
  return condition === lastModified || sameMoment(condition, lastModified);
}

function sameMoment(one: string, other: string): boolean {
  const moment = parseHttpDate(one, Number.NaN);
  return moment !== undefined && moment === parseHttpDate(other, Number.NaN);
}

// Two 32-bit FNV-1a hashes of what distinguishes this answer from others: no content contains it by chance.
function boundaryFor(response: ResponseHead, parts: readonly ByteRange[]): string {
  const text = response.rawHeaders.join() + parts.map(({ start, end }) => `${start}-${end}`).join();
  let one = 0x811c9dc5;
  let other = 0x050c5d1f;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    one = Math.imul(one ^ code, 0x01000193);
    other = Math.imul(other ^ (code + index), 0x01000193);
  }
  return `diskcache-${hex(one)}${hex(other)}`;
}

function hex(hash: number): string {
  return (hash >>> 0).toString(16).padStart(8, "0");
}

function contentRange({ start, end }: ByteRange, length: number | "*"): string {
  return `bytes ${start}-${end - 1}/${length}`;
}

function partial(rawHeaders: readonly string[]): ResponseHead {
  return { status: 206, statusText: "Partial Content", rawHeaders };
}

const MAX_PARTS = 8;
const WHOLE: RangeSelection = Object.freeze({ kind: "whole" });
const UNSATISFIABLE: RangeSelection = Object.freeze({ kind: "unsatisfiable" });
// Fields about the very bytes that are sent (RFC 9530 §2): true of the whole content, not of a part.
const OF_THE_WHOLE: ReadonlySet<string> = new Set(["content-digest", "content-md5", "content-range"]);
const NOT_OF_A_REFUSAL: ReadonlySet<string> = new Set([
  "cache-control",
  "cdn-cache-control",
  "surrogate-control",
  "expires",
  "etag",
  "last-modified",
  "content-digest",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-location",
  "content-md5",
  "content-range",
  "content-type",
  "digest",
  "repr-digest",
]);
