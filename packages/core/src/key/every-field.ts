/** Selecting a page by every field of its request: for a page of which it is unknown what it was made from. */
import type { RawHeaders } from "../base/exchange.js";
import { fieldLines } from "../http/fields.js";
import { normaliseVaryValue } from "../http/vary.js";
import { FORWARDED_FIELDS } from "./request-fields.js";
import { matchesAny } from "./path-pattern.js";

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
