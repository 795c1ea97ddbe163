/** The client's own conditions, answered from a stored response (RFC 9110 §13, RFC 9111 §4.3.2), and the 304 for
 * it. */
import fresh from "fresh";
import type { RequestHead, ResponseHead } from "../base/exchange.js";
import { fieldLines, fieldValue, withoutFields } from "./fields.js";
import { dateOf } from "./freshness.js";
import { withoutHopByHop } from "./hop-by-hop.js";
import { parseHttpDate } from "./http-date.js";
import { validatorsOf } from "./validators.js";

/** Whether the client needs the content. `If-None-Match` decides alone where it is given (§13.2.2).
 * `If-Match` and `If-Unmodified-Since` are for the origin, not for a cache (RFC 9111 §4.3.2).
 * @param now epoch ms, for two-digit years; the response's own `Date` will do */
export function evaluatePreconditions(
  request: RequestHead,
  response: ResponseHead,
  now?: number,
): "full" | "not-modified" {
  if (request.headers["if-none-match"] === undefined && request.headers["if-modified-since"] === undefined)
    return "full";
  // §13.2.1: conditions count only where the answer without them would be a success; §13.1.2: 304 answers only GET and
  // HEAD.
  if (!isSuccess(response.status) || (request.method !== "GET" && request.method !== "HEAD")) return "full";
  const ifNoneMatch = fieldLines(request.rawHeaders, "if-none-match");
  const unchanged =
    ifNoneMatch.length > 0
      ? matches(ifNoneMatch, response)
      : isUnmodifiedSince(request, response, now ?? dateOf(response, Number.NaN) ?? Number.NaN);
  return unchanged ? "not-modified" : "full";
}

/** The 304 for a stored response (§15.4.5): its fields, without those that describe content that is not sent. */
export function notModifiedHead(response: ResponseHead): ResponseHead {
  return {
    status: 304,
    statusText: "Not Modified",
    rawHeaders: withoutFields(withoutHopByHop(response.rawHeaders), REPRESENTATION_METADATA),
  };
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

// §13.1.2: weak comparison; "*" matches whatever is stored. Only this condition goes to `fresh`: its parsing of dates
// is looser than §5.6.7.
function matches(lines: readonly string[], response: ResponseHead): boolean {
  const { etag } = validatorsOf(response);
  // A tag may contain a comma, and then only the whole line can be compared.
  return lines.some((line) => line.trim() === etag || fresh({ "if-none-match": line.trim() }, { etag }));
}

// §13.1.3; RFC 9111 §4.3.2: where there is no Last-Modified, Date stands in for it.
function isUnmodifiedSince(request: RequestHead, response: ResponseHead, now: number): boolean {
  const condition = fieldValue(request.rawHeaders, "if-modified-since");
  const since = condition === undefined ? undefined : parseHttpDate(condition, now);
  if (since === undefined) return false;
  const { lastModified } = validatorsOf(response);
  const modifiedAt = lastModified === undefined ? dateOf(response, now) : parseHttpDate(lastModified, now);
  return modifiedAt !== undefined && modifiedAt <= since;
}

// §15.4.5 asks for Content-Location, Date, ETag, Vary, Cache-Control and Expires. Last-Modified stays too: it is all
// that a client without entity tags can come back with.
const REPRESENTATION_METADATA: ReadonlySet<string> = new Set([
  "accept-ranges",
  "content-digest",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-length",
  "content-md5",
  "content-range",
  "content-type",
  "digest",
  "repr-digest",
]);
