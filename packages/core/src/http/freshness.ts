/** How long a stored response stays fresh, and how old it is (RFC 9111 §4.2). Never reads a clock, never looks at the
 * request. */
import type { ResponseHead } from "../base/exchange.js";
import type { CacheControl } from "./cache-control.js";
import { deltaSeconds, fieldLines, fieldValue, MAX_DELTA_SECONDS, trimmed } from "./fields.js";
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

/* How old a response is (RFC 9111 §4.2.3). Seconds, as in the RFC; moments in epoch ms. */

/** When the request that got the response was forwarded, and when the response came: epoch ms, by the clock that
 * HTTP's dates are made with. */
export interface ExchangeTimes {
  readonly requestAt: number;
  readonly responseAt: number;
  /** `responseAt` by the clock that measures age, where that is another. */
  readonly storedAt?: number;
}

/** `age_value`: the received `Age`, 0 when there is none that counts. The first member counts, others and junk do not
 * (§5.1). */
export function ageValue(head: ResponseHead): number {
  const first = fieldLines(head.rawHeaders, "age")[0];
  return first === undefined ? 0 : (deltaSeconds(trimmed(first.split(",", 1)[0]!)) ?? 0);
}

/** `apparent_age`: what the clocks say, never negative. */
export function apparentAge(head: ResponseHead, responseAt: number): number {
  return wholeSeconds(responseAt - (dateOf(head, responseAt) ?? responseAt));
}

/** `corrected_initial_age`: how old the response was when it came. The time its making took counts: what it shows may
 * be that old. */
export function correctedInitialAge(head: ResponseHead, { requestAt, responseAt }: ExchangeTimes): number {
  const correctedAgeValue = ageValue(head) + wholeSeconds(responseAt - requestAt);
  return Math.max(apparentAge(head, responseAt), correctedAgeValue);
}

/** `current_age`: how old it is now. A clock that was set back makes nothing younger than when it came. */
export function currentAge(initialAge: number, responseAt: number, now: number): number {
  return initialAge + wholeSeconds(now - responseAt);
}

function wholeSeconds(ms: number): number {
  return ms > 0 ? Math.floor(ms / 1000) : 0;
}
