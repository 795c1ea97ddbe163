/** How old a response is (RFC 9111 §4.2.3). Seconds, as in the RFC; moments in epoch ms. */
import type { ResponseHead } from "../base/exchange.js";
import { deltaSeconds } from "./delta-seconds.js";
import { fieldLines, trimmed } from "./fields.js";
import { dateOf } from "./freshness.js";

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
