/** Fields that are about one connection, not about the response (RFC 9110 §7.6.1): never stored (RFC 9111 §3.1). */
import type { RawHeaders } from "../base/exchange.js";
import { fieldLines, listMembers, withoutFields } from "./fields.js";

/** A copy without `Connection`, the fields it nominates, and the hop-by-hop fields that need no nomination.
 * `Content-Length` stays. */
export function withoutHopByHop(raw: RawHeaders): string[] {
  const nominated = listMembers(fieldLines(raw, "connection"));
  if (nominated.length === 0) return withoutFields(raw, HOP_BY_HOP);
  const names = new Set(HOP_BY_HOP);
  for (const name of nominated) names.add(name.toLowerCase());
  for (const name of END_TO_END) names.delete(name);
  return withoutFields(raw, names);
}

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

// §7.6.1: a sender must not nominate fields meant for every recipient. Obeying `Connection: cache-control, vary` would
// turn a response that must not be reused into one that may.
const END_TO_END: ReadonlySet<string> = new Set([
  "age",
  "cache-control",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "date",
  "etag",
  "expires",
  "last-modified",
  "set-cookie",
  "vary",
]);
