/** Serving stale (RFC 9111 §4.2.4, RFC 5861): when a stale response stands in for a failing application, and which
 * request refreshes it behind a hit. */
import type { RawHeaders } from "../base/exchange.js";
import { andThen } from "../base/async.js";
import type { MaybeAsync } from "../base/async.js";
import { respondStored } from "../features/coding/respond-chosen.js";
import type { CacheContext } from "../page-cache/context.js";
import type { Refreshes } from "./refreshes.js";
import { hasHoles } from "../features/holes/fill.js";
import type { CacheStatus } from "../http/cache-status.js";
import { withoutHopByHop } from "../http/hop-by-hop.js";
import { staleOnError } from "../http/reusability.js";
import { keyedCookies } from "../key/cookies.js";
import type { CookieRules } from "../key/cookies.js";
import type { Credentials } from "../key/credentials.js";
import type { ResponseEntry } from "../lookup/select.js";
import { withCookiesOf } from "../stored/outgoing.js";
import type { OutgoingResponse } from "../stored/outgoing.js";
import { lockIn } from "./flights.js";
import type { ForwardPlan } from "./forward-plan.js";
import { shareStored } from "./validation.js";

/** The status the application answered or was about to send, or how else it failed. */
export type Failure = number | "thrown" | "timeout";

/** @param fields of the failed answer: of them, its client gets the cookies
 * @returns `undefined` where no stale page may stand in */
export function staleInstead(
  context: CacheContext,
  plan: ForwardPlan,
  now: number,
  failure: Failure,
  fields: RawHeaders,
): OutgoingResponse | undefined {
  const { selection, request, reason, leading } = plan;
  if (selection === undefined || !staleOnError(selection.entry.value.policy, now, failure)) return undefined;
  const { entry } = selection;
  // The failure may be of the very thing that fills its holes.
  if (hasHoles(entry)) return undefined;
  context.failing.failed(entry.head.key, entry.head.storedAt);
  const detail = "stale-if-error";
  const status: CacheStatus = { fwd: reason, fwdStatus: typeof failure === "number" ? failure : undefined, detail };
  context.observer.hit(request.target, true, request.method);
  leading?.flight.standIn(shareStored(context, plan, entry, detail));
  const marks = { status, shown: context.options, said: "STALE" } as const;
  return withCookiesOf(respondStored(context, entry, request, now, marks), fields);
}

/* Which request refreshes a stale page: one at a time in this process and, by the key's lock, across all of them. */

/** @returns how to give the claim back; `"over"` when another process has refreshed it meanwhile; `undefined`, also in
 * a promise, when another request holds the claim */
export function claimRefresh(
  { store }: CacheContext,
  refreshes: Refreshes,
  { head: { key, scope, name, storedAt } }: ResponseEntry,
): MaybeAsync<Claim | undefined> {
  const release = refreshes.claim(key, storedAt);
  if (release === undefined) return undefined;
  return andThen(lockIn(store, key, { making: { scope, name, birth: store.position() } }), (lock) => {
    if (lock === "held") {
      release();
      return undefined;
    }
    const over = () => {
      release();
      lock?.release();
    };
    if (lock === undefined) return over;
    // Another process may have refreshed it since this one looked: under the lock that is certain.
    return andThen(store.getLatest(key), (latest): Claim => {
      if (latest === undefined || latest.head.storedAt <= storedAt) return over;
      over();
      return "over";
    });
  });
}

/** How it is given back; `"over"`: there is nothing to do any more. */
export type Claim = (() => void) | "over";

/* The time a handler has to begin its response (`timeout`). */

/** Milliseconds; `undefined` where no stale page could stand in, so that nothing is measured. */
export function deadlineMs({ policy, selection, refresh }: ForwardPlan): number | undefined {
  return policy.timeout === undefined || selection === undefined || refresh ? undefined : policy.timeout * 1000;
}

/* The header fields a refresh is sent with: the client's, as far as they select the response, and nothing that is the
 * client's own. */

const CLIENTS_OWN: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "proxy-authorization",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "if-range",
  "range",
  "cache-control",
  "pragma",
  "content-length",
  "expect",
  "referer",
]);

/** The client's own, but neither credential nor about this message: sent where it selects the response. */
const SENT_WHERE_SELECTING = "referer";

/** @param selecting lower-case names of the fields that select the response */
export function refreshHeaders(
  raw: RawHeaders,
  cookies: CookieRules,
  credentials: Credentials,
  selecting: readonly string[] = [],
): string[] {
  const kept: string[] = [];
  const endToEnd = withoutHopByHop(raw);
  for (let index = 0; index < endToEnd.length; index += 2) {
    const name = endToEnd[index]!;
    const value = endToEnd[index + 1]!;
    if (credentials.has(name.toLowerCase())) continue;
    const lower = name.toLowerCase();
    if (!CLIENTS_OWN.has(lower) || (lower === SENT_WHERE_SELECTING && selecting.includes(lower)))
      kept.push(name, value);
    else if (lower === "cookie") {
      const keyed = keyedCookies(value, cookies);
      if (keyed.length > 0) kept.push(name, keyed.map((pair) => pair.join("=")).join("; "));
    }
  }
  return kept;
}
