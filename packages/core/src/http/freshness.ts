/** How long a stored response stays fresh (RFC 9111 §4.2.1, §4.2.2). Never reads a clock, never looks at the
 * request. */
import type { ResponseHead } from "../base/exchange.js";
import type { CacheControl } from "./cache-control.js";
import { MAX_DELTA_SECONDS } from "./delta-seconds.js";
import { fieldLines, fieldValue } from "./fields.js";
import { parseHttpDate } from "./http-date.js";

/** Freshness lifetime in seconds, as a shared cache sees it; `undefined` when the response names none.
 * @param targeted whether `cc` comes from a targeted field, which makes `Expires` count for nothing (RFC 9213 §2.2)
 * @param responseAt epoch ms; stands in for a `Date` that is missing or wrong */
export function freshnessLifetime(
  head: ResponseHead,
  cc: CacheControl,
  targeted: boolean,
  responseAt: number,
): number | undefined {
  return cc.sMaxage ?? cc.maxAge ?? (targeted ? undefined : secondsUntilExpires(head, responseAt));
}

/** A tenth of the time since `Last-Modified`, at most a day (RFC 9111 §4.2.2); `undefined` where the response gives no
 * reason to guess. */
export function heuristicLifetime(head: ResponseHead, cc: CacheControl, responseAt: number): number | undefined {
  if (!cc.public && !HEURISTICALLY_CACHEABLE.has(head.status)) return undefined;
  const lastModified = fieldValue(head.rawHeaders, "last-modified");
  const modifiedAt = lastModified === undefined ? undefined : parseHttpDate(lastModified, responseAt);
  if (modifiedAt === undefined) return undefined;
  const seconds = ((dateOf(head, responseAt) ?? responseAt) - modifiedAt) / 1000;
  return Math.min(Math.max(0, Math.floor(seconds / 10)), MAX_HEURISTIC_SECONDS);
}

/** The moment in the response's `Date`, epoch ms; `undefined` when missing or wrong. */
export function dateOf(head: ResponseHead, nowMs: number): number | undefined {
  const date = fieldValue(head.rawHeaders, "date");
  return date === undefined ? undefined : parseHttpDate(date, nowMs);
}

// §5.3: an Expires that does not parse, "0" above all, means already expired; so does one that is given twice
// (§4.2.1).
function secondsUntilExpires(head: ResponseHead, responseAt: number): number | undefined {
  const lines = fieldLines(head.rawHeaders, "expires");
  if (lines.length === 0) return undefined;
  const expiresAt = lines.length === 1 ? parseHttpDate(lines[0]!, responseAt) : undefined;
  if (expiresAt === undefined) return 0;
  const seconds = Math.floor((expiresAt - (dateOf(head, responseAt) ?? responseAt)) / 1000);
  return Math.min(Math.max(0, seconds), MAX_DELTA_SECONDS);
}

/** A guess is trusted for a day at most: §4.2.2 leaves the limit open. */
const MAX_HEURISTIC_SECONDS = 86_400;

// RFC 9110 §15.1, less 206, which is never stored.
const HEURISTICALLY_CACHEABLE: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);
