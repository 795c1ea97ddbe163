/** Stored incomplete responses (RFC 9111 §3.3, §3.4): what a stored 206 can answer. For callers that store them at
 * all, which is off by default. */
import type { ResponseHead } from "../base/exchange.js";
import { fieldLines, fieldValue, withoutFields } from "./fields.js";
import { freshen } from "./freshen.js";
import { partialHead, rangeSpecs } from "./range.js";
import type { ByteRange } from "./range.js";
import { stronglyEqual, validatorsOf } from "./validators.js";

/** Which part of the content a 206 carries; `last` is inclusive, as in the field. */
export interface ContentRange {
  readonly first: number;
  readonly last: number;
  /** Length of the complete content; `undefined` when unknown ("*"). */
  readonly complete: number | undefined;
}

/** The `Content-Range` of a 206 with one part (RFC 9110 §14.4); `undefined` when there is no valid one.
 * @example contentRangeOf(response) // "bytes 4-9/10": { first: 4, last: 9, complete: 10 } */
export function contentRangeOf(response: ResponseHead): ContentRange | undefined {
  const lines = fieldLines(response.rawHeaders, "content-range");
  const [, first, last, complete] =
    (lines.length === 1 ? /^bytes ([0-9]+)-([0-9]+)\/([0-9]+|\*)$/i.exec(lines[0]!) : null) ?? [];
  if (first === undefined) return undefined;
  const range = { first: Number(first), last: Number(last), complete: complete === "*" ? undefined : Number(complete) };
  return range.last < range.first || (range.complete !== undefined && range.last >= range.complete) ? undefined : range;
}

/** The span of the stored bytes that answers a `Range` of one part, when the fragment holds it.
 * @param storedBytes of the stored fragment's content */
export function selectFromFragment(range: string, fragment: ResponseHead, storedBytes: number): ByteRange | undefined {
  const held = contentRangeOf(fragment);
  const specs = rangeSpecs(range);
  if (held === undefined || specs?.length !== 1 || fragment.status !== 206) return undefined;
  const { first, last } = specs[0]!;
  const reachesEnd = held.complete !== undefined && held.last + 1 === held.complete;
  if (first === undefined)
    return reachesEnd && last! > 0 && last! <= storedBytes
      ? { start: storedBytes - last!, end: storedBytes }
      : undefined;
  const start = first - held.first;
  const end = last === undefined ? storedBytes : Math.min(last - held.first + 1, storedBytes);
  const endsInside = last === undefined ? reachesEnd : last <= held.last || reachesEnd;
  return start >= 0 && start < end && endsInside ? { start, end } : undefined;
}

/** The head of the answer: the fragment's own, for a span of it. */
export function fragmentHead(fragment: ResponseHead, span: ByteRange): ResponseHead {
  const held = contentRangeOf(fragment);
  const offset = held?.first ?? 0;
  return partialHead(fragment, { start: span.start + offset, end: span.end + offset }, held?.complete ?? "*");
}

/** The head of the whole, where a 206 brings exactly what is missing of a stored beginning (RFC 9111 §3.4);
 * `undefined` where they do not fit.
 * §3.4 joins parts by a strong validator. Parts without one are joined by their `Content-Range` alone: for
 * applications whose operator has enabled that.
 * @param storedBytes of the stored beginning's content
 * @param responseAt when the rest came, epoch ms */
export function completedHead(
  beginning: ResponseHead,
  storedBytes: number,
  rest: ResponseHead,
  responseAt: number,
): ResponseHead | undefined {
  const held = contentRangeOf(beginning);
  const added = contentRangeOf(rest);
  if (held?.first !== 0 || held.last + 1 !== storedBytes || rest.status !== 206) return undefined;
  if (added?.first !== storedBytes || added.last + 1 !== added.complete) return undefined;
  if ((held.complete ?? added.complete) !== added.complete || !sameVersion(beginning, rest)) return undefined;
  const fields = withoutFields(freshen(beginning, rest, responseAt).rawHeaders, OF_THE_PART);
  return { status: 200, statusText: "OK", rawHeaders: [...fields, "Content-Length", String(added.complete)] };
}

function sameVersion(one: ResponseHead, other: ResponseHead): boolean {
  const [ours, theirs] = [validatorsOf(one), validatorsOf(other)];
  if (fieldValue(one.rawHeaders, "content-encoding") !== fieldValue(other.rawHeaders, "content-encoding")) return false;
  if (ours.etag !== undefined || theirs.etag !== undefined)
    return ours.etag !== undefined && theirs.etag !== undefined && stronglyEqual(ours.etag, theirs.etag);
  return ours.lastModified === theirs.lastModified;
}

const OF_THE_PART: ReadonlySet<string> = new Set(["content-digest", "content-length", "content-md5", "content-range"]);

/** The `Range` that requests what is missing of a fragment that starts at the beginning; `undefined` when the whole
 * has to be requested.
 * @example missingRange(response) // "bytes=5-" */
export function missingRange(fragment: ResponseHead): string | undefined {
  const held = contentRangeOf(fragment);
  if (held === undefined || held.first !== 0 || held.last + 1 === held.complete) return undefined;
  return `bytes=${held.last + 1}-`;
}
