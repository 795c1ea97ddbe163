/** The request fields that say more about what is requested than method, host and target do. A key, or the decision
 * whether there is one, that depends on another field must name it here: the fast path to a hit and the audit know no
 * others. */
import type { RawHeaders } from "../base/exchange.js";
import { fieldLines } from "../http/fields.js";
import { normaliseVaryValue } from "../http/vary.js";
import { matchesAny } from "../base/path-pattern.js";

/** Headers that change what a request means to many applications; when present they are part of the key. */
export const FORWARDED_FIELDS = [
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-forwarded-scheme",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-server",
  "x-forwarded-ssl",
  "x-host",
  // HTTP/2's own. Adapters leave it in where the client's value contradicts the connection.
  ":scheme",
  "x-original-host",
  // With these, some proxies say that the connection was encrypted: CloudFront, Cloudflare, Azure, IIS, and older
  // ones.
  "cloudfront-forwarded-proto",
  "cf-visitor",
  "x-arr-ssl",
  "x-appservice-proto",
  "front-end-https",
  "x-forwarded-protocol",
  "x-url-scheme",
  "x-scheme",
] as const;

/** They ask for another method than the request's own. */
export const METHOD_OVERRIDES = ["x-http-method-override", "x-http-method", "x-method-override"] as const;
/** They ask for another URL than the request's own. */
export const URL_OVERRIDES = ["x-original-url", "x-rewrite-url"] as const;

/** Request fields whose presence sends a request straight to the application: a handler that reads them makes nothing
 * that is stored. */
export const BYPASSING_FIELDS = [
  ...METHOD_OVERRIDES,
  ...URL_OVERRIDES,
  "if-match",
  "if-unmodified-since",
  "upgrade",
] as const;

/** Fields that the decision on a request, or its answer, depends on beside those that every key holds. */
export const DECIDING_FIELDS = [
  "authorization",
  "cookie",
  "content-length",
  "transfer-encoding",
  "if-none-match",
  "if-modified-since",
  "if-range",
  "range",
  "forwarded",
  ...BYPASSING_FIELDS,
] as const;

/* Selecting a page by every field of its request: for a page of which it is unknown what it was made from. */

/* About the connection, the message or a copy the client has, which is the cache's business; or in every key; or
 * negotiated, and then what was chosen is in `Vary`.
 * Compression reads Accept-Encoding for responses that it then leaves alone. */
export const SAYING_NOTHING: ReadonlySet<string> = new Set([
  "accept-encoding",
  "cache-control",
  "connection",
  "content-length",
  "expect",
  "forwarded",
  "host",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "keep-alive",
  "pragma",
  "proxy-connection",
  "range",
  "te",
  "trailer",
  "transfer-encoding",
  ...FORWARDED_FIELDS,
]);

/** No field name has a colon in it (RFC 9110 §5.1). */
const EVERY_FIELD = ":every";

/** What stands among the selecting fields of a page, for all of them except some.
 * @param others lower-case names, `*` at the end for any rest
 * @example everyFieldBut(["x-request-id"]) // ":every:x-request-id" */
export function everyFieldBut(others: readonly string[]): string {
  return [EVERY_FIELD, ...others].join(":");
}

/** Whether it stands for many fields; otherwise it is the name of one. */
export function isEveryField(selector: string): boolean {
  return selector.startsWith(EVERY_FIELD);
}

/** All fields that may have said something, whatever their order and spelling.
 * @param selector of `everyFieldBut` */
export function everyFieldValue(selector: string, raw: RawHeaders): string {
  const others = selector.split(":").slice(2);
  const names = new Set<string>();
  for (let index = 0; index < raw.length; index += 2) names.add(raw[index]!.toLowerCase());
  return [...names]
    .filter((name) => !SAYING_NOTHING.has(name) && !matchesAny(name, others))
    .sort()
    .map((name) => [name, normaliseVaryValue(name, fieldLines(raw, name))!])
    .map(([name, value]) => `${name}:${value!.length}:${value}`)
    .join();
}
