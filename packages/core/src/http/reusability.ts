/** May a stored response answer this request (RFC 9111 §4, §4.2.4; RFC 5861), and how old and fresh it is. Runs on
 * every hit: allocates nothing. */
import { currentAge } from "./freshness.js";
import type { RequestDirectives } from "./request-directives.js";
import type { RequestFacts, StoredPolicy } from "./stored-policy.js";

/** `stale` answers at once and is validated in the background; `validate` forwards to the handler first; `never` is as
 * if nothing were stored. */
export type Reusability =
  | { readonly reuse: "fresh" }
  | { readonly reuse: "stale"; readonly window: "stale-while-revalidate" | "grace" | "max-stale" }
  | {
      readonly reuse: "validate";
      readonly reason: "stale" | "no-cache" | "request-no-cache" | "request-max-age" | "request-min-fresh";
    }
  | { readonly reuse: "never"; readonly reason: "authorization" | "cookie" | "expired" };

/** @param directives the request's own, where they are honoured; `undefined`: not
 * @param now epoch ms
 * @param softPurged stale because an operator purged it softly: its stale windows count from that moment */
export function reusability(
  stored: StoredPolicy,
  request: RequestFacts,
  directives: RequestDirectives | undefined,
  now: number,
  softPurged: boolean,
): Reusability {
  if (request.authorization && !stored.authorizationAllowed) return NEVER_AUTHORIZATION;
  if (request.cookies && !stored.cookiesAllowed) return NEVER_COOKIE;
  const remaining = remainingSeconds(stored, now);
  if (remaining <= 0 || softPurged) return staleReusability(stored, directives, remaining < 0 ? -remaining : 0, now);
  if (stored.noCache) return VALIDATE_NO_CACHE;
  return (directives === undefined ? undefined : clientsWish(stored, directives, remaining, now)) ?? FRESH;
}

/** `freshness_lifetime` − `current_age`, whole seconds, negative once stale. */
export function remainingSeconds(stored: StoredPolicy, now: number): number {
  return stored.lifetime - currentAgeSeconds(stored, now);
}

/** `current_age`, whole seconds: what the `Age` field says. */
export function currentAgeSeconds(stored: StoredPolicy, now: number): number {
  return currentAge(stored.initialAge, stored.storedAt, now);
}

/** Whether the stored response may stand in for an error (RFC 5861 §4): the handler answered 500, 502, 503 or 504,
 * threw, or took too long. */
export function staleOnError(stored: StoredPolicy, now: number, status: number | "thrown" | "timeout"): boolean {
  if (stored.noCache || (typeof status === "number" && !isStaleOnErrorStatus(status))) return false;
  // What may be served stale to a client without waiting may also be served instead of an error.
  const window = Math.max(stored.staleIfError, stored.staleWhileRevalidate, stored.grace);
  return window > 0 && -remainingSeconds(stored, now) < window;
}

/** Whether a stored response may stand in for an answer with this status (RFC 5861 §4). */
export function isStaleOnErrorStatus(status: number): boolean {
  return ERRORS.has(status);
}

// §5.2.1: the reason when the client requires more than freshness; `undefined` when the response satisfies it.
function clientsWish(
  stored: StoredPolicy,
  directives: RequestDirectives,
  remaining: number,
  now: number,
): Reusability | undefined {
  if (directives.noCache) return VALIDATE_REQUEST_NO_CACHE;
  // RFC 8246 §2.1: no reload needs to validate what will not change while it is fresh; only no-cache requires that.
  const spared = stored.immutable === true && remaining > 0;
  if (directives.maxAge !== undefined && !spared && currentAgeSeconds(stored, now) > directives.maxAge)
    return VALIDATE_REQUEST_MAX_AGE;
  if (directives.minFresh !== undefined && remaining < directives.minFresh) return VALIDATE_REQUEST_MIN_FRESH;
  return undefined;
}

function staleReusability(
  stored: StoredPolicy,
  directives: RequestDirectives | undefined,
  staleness: number,
  now: number,
): Reusability {
  // A client that sends max-stale accepts a stale response although it is older than its max-age (§5.2.1.1).
  const wish =
    directives === undefined || directives.maxStale !== undefined
      ? undefined
      : clientsWish(stored, directives, -staleness, now);
  if (wish !== undefined) return wish;
  if (directives?.noCache === true) return VALIDATE_REQUEST_NO_CACHE;
  if (staleness < stored.staleWhileRevalidate) return STALE_WHILE_REVALIDATE;
  if (staleness < stored.grace) return STALE_GRACE;
  const maxStale = stored.noCache || stored.mustRevalidate ? undefined : directives?.maxStale;
  if (maxStale !== undefined && staleness <= maxStale) return STALE_MAX_STALE;
  if (staleness > 0 && staleness >= Math.max(stored.keep, stored.staleIfError)) return NEVER_EXPIRED;
  return stored.noCache ? VALIDATE_NO_CACHE : VALIDATE_STALE;
}

// RFC 5861 §4.
const ERRORS: ReadonlySet<number> = new Set([500, 502, 503, 504]);

const FRESH: Reusability = Object.freeze({ reuse: "fresh" });
const STALE_WHILE_REVALIDATE: Reusability = Object.freeze({ reuse: "stale", window: "stale-while-revalidate" });
const STALE_GRACE: Reusability = Object.freeze({ reuse: "stale", window: "grace" });
const STALE_MAX_STALE: Reusability = Object.freeze({ reuse: "stale", window: "max-stale" });
const VALIDATE_STALE: Reusability = Object.freeze({ reuse: "validate", reason: "stale" });
const VALIDATE_NO_CACHE: Reusability = Object.freeze({ reuse: "validate", reason: "no-cache" });
const VALIDATE_REQUEST_NO_CACHE: Reusability = Object.freeze({ reuse: "validate", reason: "request-no-cache" });
const VALIDATE_REQUEST_MAX_AGE: Reusability = Object.freeze({ reuse: "validate", reason: "request-max-age" });
const VALIDATE_REQUEST_MIN_FRESH: Reusability = Object.freeze({ reuse: "validate", reason: "request-min-fresh" });
const NEVER_AUTHORIZATION: Reusability = Object.freeze({ reuse: "never", reason: "authorization" });
const NEVER_COOKIE: Reusability = Object.freeze({ reuse: "never", reason: "cookie" });
const NEVER_EXPIRED: Reusability = Object.freeze({ reuse: "never", reason: "expired" });
