/** May a response be stored (RFC 9111 §3), and what is remembered to decide on its reuse. Never looks at a body or a
 * clock. */
import type { ResponseHead } from "../base/exchange.js";
import { correctedInitialAge, freshnessLifetime, heuristicLifetime } from "./freshness.js";
import type { ExchangeTimes } from "./freshness.js";
import { parseCacheControl } from "./cache-control.js";
import type { CacheControl } from "./cache-control.js";
import { fieldLines, hasField } from "./fields.js";
import { expiresAt } from "./stored-policy.js";
import type { RequestFacts, StoredPolicy } from "./stored-policy.js";
import { isCoveredByTtl, isNeverStored, isUnderstood } from "./status.js";
import { targetedCacheControl } from "./targeted.js";
import { hasValidator } from "./validators.js";
import { varyFields } from "./vary.js";

/** What the operator, and the handler beyond its header fields, said about storing. Durations in seconds. */
export interface StoragePolicy {
  /** For responses that name no freshness; `undefined`: only explicit freshness is stored. */
  readonly ttl: number | undefined;
  /** What the handler itself set: wins over the response's own freshness, never over `no-store`, `no-cache`, `private`
   * or `Set-Cookie`. 0: not stored. */
  readonly handlerTtl: number | undefined;
  /** By status, "404", or class, "4xx", for responses that name no freshness; 0: never stored, whatever the response
   * names. */
  readonly statusTtl: ReadonlyMap<string, number>;
  /** For responses that do not name one themselves. */
  readonly staleWhileRevalidate: number | undefined;
  /** For responses that do not name one themselves. */
  readonly staleIfError: number | undefined;
  /** The operator's own stale time, beside whatever the response says. */
  readonly grace: number;
  /** Time a stale response is stored only for its validators. */
  readonly keep: number;
  /** Guess a lifetime from `Last-Modified` (RFC 9111 §4.2.2). */
  readonly heuristic: boolean;
  /** Lower-case names, most specific first (RFC 9213 §2.2). */
  readonly targetedFields: readonly string[];
  /** Methods whose responses may be stored. HEAD never makes a stored response. */
  readonly methods: readonly string[];
  /** Store responses with `Set-Cookie` too. Replays one client's cookies to all others: never on by itself. Default:
   * refuse. */
  readonly replaySetCookie?: boolean;
  /** Store incomplete responses (206) too, for a caller that reuses them by `fragment.ts`. Default: refuse. */
  readonly partialContent?: boolean;
}

/** Why a response is not stored; the same token goes to `Cache-Status`, events and docs. */
export type StoreRefusal =
  | "method"
  | "interim"
  | "partial"
  | "not-modified"
  | "status"
  | "set-cookie"
  | "no-store"
  | "private"
  | "malformed"
  | "vary-star"
  | "authorization"
  | "cookie"
  | "no-freshness"
  | "no-cache"
  | "expired-no-validator";

export type Storability =
  | { readonly store: true; readonly policy: StoredPolicy; readonly vary: readonly string[] }
  | { readonly store: false; readonly reason: StoreRefusal };

/** Whether this response to this request may be stored. Where two readings are possible, the one that does not store
 * wins.
 * @param times epoch ms; `storedAt`, or else `responseAt`, becomes that of the stored response
 * @example
 * const outcome = storability(request, response, policy, { requestAt, responseAt });
 * if (!outcome.store) explain(outcome.reason); // "set-cookie" */
export function storability(
  request: RequestFacts,
  response: ResponseHead,
  policy: StoragePolicy,
  times: ExchangeTimes,
): Storability {
  const targeted = targetedCacheControl(response.rawHeaders, policy.targetedFields);
  const cc = targeted ?? parseCacheControl(fieldLines(response.rawHeaders, "cache-control"));
  const refusal = exchangeRefusal(request, response, policy) ?? directiveRefusal(request, response, cc);
  if (refusal !== undefined) return refuse(refusal);
  const vary = varyFields(fieldLines(response.rawHeaders, "vary"));
  if (vary === "*") return refuse("vary-star");
  const named = freshnessLifetime(response, cc, targeted !== undefined, times.responseAt);
  const lifetime = storedLifetime(response, cc, policy, named, times);
  if (lifetime === undefined) return refuse("no-freshness");

  const noCache = cc.noCache || (named === undefined && hasPragmaNoCache(response));
  const stored: StoredPolicy = {
    storedAt: times.storedAt ?? times.responseAt,
    initialAge: correctedInitialAge(response, times),
    lifetime,
    ...staleWindows(cc, noCache, policy),
    keep: policy.keep,
    noCache,
    mustRevalidate: cc.mustRevalidate || cc.proxyRevalidate || cc.sMaxage !== undefined,
    authorizationAllowed: cc.public || cc.sMaxage !== undefined || cc.mustRevalidate,
    cookiesAllowed: cc.public || cc.sMaxage !== undefined || ((named ?? 0) > 0 && !request.cookies),
    immutable: cc.immutable,
  };
  const uselessness = uselessReason(stored, response);
  return uselessness === undefined ? { store: true, policy: stored, vary } : refuse(uselessness);
}

// §3: what the method and the status alone rule out, and the operator's own refusals.
function exchangeRefusal(
  { method }: RequestFacts,
  response: ResponseHead,
  policy: StoragePolicy,
): StoreRefusal | undefined {
  const { status } = response;
  if (method === "HEAD" || !policy.methods.includes(method)) return "method";
  if (status < 200) return "interim";
  if (status === 206 && policy.partialContent !== true) return "partial";
  if (status === 304) return "not-modified";
  if (status > 599 || isNeverStored(status) || statusTtl(policy, status) === 0) return "status";
  if (policy.replaySetCookie !== true && hasField(response.rawHeaders, "set-cookie")) return "set-cookie";
  return undefined;
}

// §3, §3.5, §5.2.2: what the response says about which clients it is for.
function directiveRefusal(request: RequestFacts, { status }: ResponseHead, cc: CacheControl): StoreRefusal | undefined {
  // §5.2.2.3: must-understand overrides no-store for caches that understand the status, and forbids storing to all
  // others.
  if (cc.mustUnderstand && !isUnderstood(status)) return "status";
  if (cc.noStore && !cc.mustUnderstand) return "no-store";
  if (cc.private) return "private";
  if (cc.malformed) return "malformed";
  if (request.authorization && !(cc.public || cc.sMaxage !== undefined || cc.mustRevalidate)) return "authorization";
  if (request.cookies && !(cc.public || cc.sMaxage !== undefined)) return "cookie";
  return undefined;
}

/* The first that is given: what the handler set, the response, the operator's ttl for this status, the operator's ttl
 * for all, a guess, none at all.
 * Durations of the operator and the handler run from the moment of storing, so the age the response came with is added:
 * otherwise the slowest pages, those that take longer than their ttl to make, would never be reused. */
function storedLifetime(
  response: ResponseHead,
  cc: CacheControl,
  policy: StoragePolicy,
  named: number | undefined,
  times: ExchangeTimes,
): number | undefined {
  const fromStoring = (seconds: number | undefined) =>
    seconds === undefined ? undefined : seconds + correctedInitialAge(response, times);
  if (policy.handlerTtl !== undefined) return policy.handlerTtl > 0 ? fromStoring(policy.handlerTtl) : undefined;
  return (
    named ??
    fromStoring(statusTtl(policy, response.status) ?? (isCoveredByTtl(response.status) ? policy.ttl : undefined)) ??
    (policy.heuristic ? heuristicLifetime(response, cc, times.responseAt) : undefined) ??
    // no-cache names a way to reuse without naming a time (§5.2.2.4).
    (cc.noCache && isCoveredByTtl(response.status) ? 0 : undefined)
  );
}

function statusTtl({ statusTtl: byStatus }: StoragePolicy, status: number): number | undefined {
  return byStatus.get(String(status)) ?? byStatus.get(`${Math.floor(status / 100)}xx`);
}

/* §4.2.4: no stale reuse where a directive prohibits it. s-maxage prohibits it too (§5.2.2.10), but a window the
 * response names beside it is meant for shared caches: `s-maxage=1, stale-while-revalidate=59` means what its author
 * says. */
function staleWindows(
  cc: CacheControl,
  noCache: boolean,
  policy: StoragePolicy,
): Pick<StoredPolicy, "staleWhileRevalidate" | "staleIfError" | "grace"> {
  if (noCache || cc.mustRevalidate || cc.proxyRevalidate) return { staleWhileRevalidate: 0, staleIfError: 0, grace: 0 };
  const operators = cc.sMaxage === undefined ? policy : { staleWhileRevalidate: 0, staleIfError: 0, grace: 0 };
  return {
    staleWhileRevalidate: cc.staleWhileRevalidate ?? operators.staleWhileRevalidate ?? 0,
    staleIfError: cc.staleIfError ?? operators.staleIfError ?? 0,
    grace: operators.grace,
  };
}

// A response that could never answer any request is not worth a file.
function uselessReason(stored: StoredPolicy, response: ResponseHead): StoreRefusal | undefined {
  const validator = hasValidator(response);
  if (stored.noCache && !validator) return "no-cache";
  return expiresAt(stored, validator) > stored.storedAt ? undefined : "expired-no-validator";
}

// §5.4: means nothing in a response that says more; in one that says nothing it is a reason not to guess.
function hasPragmaNoCache({ rawHeaders }: ResponseHead): boolean {
  return fieldLines(rawHeaders, "pragma").some((line) => /(?:^|,)[ \t]*no-cache[ \t]*(?:,|$)/i.test(line));
}

function refuse(reason: StoreRefusal): Storability {
  return { store: false, reason };
}

/** Whether a body has the length its head announces (RFC 9110 §8.6). Several Content-Length lines, or one that is no
 * number, agree with no body (RFC 9112 §6.3). */
export function lengthAgrees({ rawHeaders }: ResponseHead, bytes: number): boolean {
  const lines = fieldLines(rawHeaders, "content-length");
  return lines.length === 0 || (lines.length === 1 && /^\d+$/.test(lines[0]!) && Number(lines[0]) === bytes);
}
