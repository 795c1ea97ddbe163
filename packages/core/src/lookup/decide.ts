/** What the cache does with a request: reuse a stored response, or forward, and why. The same decision serves and
 * explains. */
import type { CacheContext } from "../page-cache/context.js";
import { hookError } from "../base/errors.js";
import type { RequestHead } from "../base/exchange.js";
import type { ForwardReason } from "../http/cache-status.js";
import { parseRequestDirectives, reloadDirective } from "../http/request-directives.js";
import type { RequestDirectives } from "../http/request-directives.js";
import { reusability, staleOnError } from "../http/reusability.js";
import type { RequestFacts } from "../http/stored-policy.js";
import { hasUndeclaredCookies } from "../key/cookies.js";
import { pageKey } from "../key/page-key.js";
import type { PageKey } from "../key/page-key.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { WholePolicy } from "../options/resolve-policy.js";
import { askedPage, bypassReason } from "./eligibility.js";
import { andThen } from "../base/async.js";
import type { MaybeAsync } from "../base/async.js";
import { guessLanguage, selectEquivalent, selectPart } from "./select-relaxed.js";
import { select, selectLatest } from "./select.js";
import type { Absence, ResponseEntry, Selection } from "./select.js";
import type { SelectedPart } from "./select-relaxed.js";
import type { RecentMiss } from "./fast-hit.js";

export type Lookup =
  | { readonly verdict: "reuse"; readonly entry: ResponseEntry; readonly stale: boolean; readonly page: PageKey }
  | {
      readonly verdict: "forward";
      readonly page: PageKey | undefined;
      readonly facts: RequestFacts;
      readonly reason: ForwardReason;
      readonly detail: string | undefined;
      readonly selection: Selection | undefined;
      /** A stored beginning of the page, for the application to complete (RFC 9111 §3.4). */
      readonly beginning?: Selection | undefined;
      /** The client's own directives, where they are honoured. */
      readonly directives?: RequestDirectives | undefined;
    }
  /** `only-if-cached`, and nothing that may be reused (RFC 9111 §5.2.1.7). */
  | { readonly verdict: "unsatisfiable" };

export interface Question {
  readonly request: RequestHead;
  readonly native: unknown;
  readonly policy: WholePolicy;
  /** A refresh behind a stale response: never answered from the store. */
  readonly refresh: boolean;
  /** A request of the cache's own, such as a refresh: no client gets the answer. */
  readonly own: boolean;
  /** Called, when the request is forwarded, with whether its response will be stored. */
  readonly keeping?: ((kept: Promise<boolean>) => void) | undefined;
  /** Until when it may wait for others (`performance.now()`), if it has waited before another cache or a route asks. */
  readonly waitsUntil?: number | undefined;
}

/** What is asked for, where the cache does not leave the request alone. */
interface AskedFor {
  /** Another than that of the question where its method only ends what is stored. */
  readonly request: RequestHead;
  readonly page: PageKey;
  readonly facts: RequestFacts;
  readonly directives: RequestDirectives | undefined;
}

type Bypass = Lookup & { readonly verdict: "forward" };

/** Of a forward under way. */
type ForwardedPage = Pick<Bypass, "page" | "facts" | "reason">;

const LOOK_AGAIN_MS = 100;

const ANONYMOUS: RequestFacts = Object.freeze({ method: "GET", authorization: false, cookies: false });

/** @param vain what was looked up just now, and was not there */
export function decide(context: CacheContext, question: Question, vain?: RecentMiss): MaybeAsync<Lookup> {
  const { request } = question;
  const asked = askedFor(context, question);
  if ("verdict" in asked) return asked;
  const { page, facts, directives } = asked;
  if (asked.request !== request)
    return { verdict: "forward", page, facts, reason: "method", detail: undefined, selection: undefined };
  return lookUp(context, question, page, facts, directives, vain?.was(request.rawHeaders, page.key));
}

/** Whether a forward under way is of the page that the question asks for, and as much is known of its client. */
export function asksForTheSame(context: CacheContext, question: Question, forwarded: ForwardedPage): boolean {
  const { page, facts, reason } = forwarded;
  if (page === undefined || reason === "method" || reason === "bypass") return false;
  const asked = askedFor(context, question);
  if ("verdict" in asked || asked.request !== question.request || asked.page.key !== page.key) return false;
  const { authorization, cookies } = asked.facts;
  // It may not be forwarded at all.
  if (asked.directives?.onlyIfCached === true) return false;
  return authorization === facts.authorization && cookies === facts.cookies;
}

/** What a request asks for, or why the cache leaves it alone. Calls the user's functions. */
function askedFor(context: CacheContext, question: Question): AskedFor | Bypass {
  const { options } = context;
  const { request, native, policy } = question;
  const asked = askedPage(options, policy, request);
  const reason = options.enabled ? (policy.leave ?? bypassReason(asked, policy.methods, options.hosts)) : "disabled";
  if (reason !== undefined) return bypass(request, reason);
  try {
    if (policy.skip.some((skips) => skips(native))) return bypass(request, "skip");
    const page = pageKey(asked, policy, options, native);
    const directives = honoured(options.honourRequest, request, native);
    if (directives?.noStore === true) return bypass(request, "request-no-store");
    return { request: asked, page, facts: requestFacts(context, request, page), directives };
  } catch (thrown) {
    // It is unknown whose page it is: the application answers, and nothing is stored.
    context.observer.error(hookError("key, partition, skip or honourRequest", thrown));
    return bypass(request, "hook");
  }
}

/** The same decision for a request that was decided on before: asks the store again, and calls none of the user's
 * functions. */
export function decideAgain(
  context: CacheContext,
  question: Question,
  { page, facts, directives }: Lookup & { readonly verdict: "forward" } & { readonly page: PageKey },
): MaybeAsync<Lookup> {
  return lookUp(context, question, page, facts, directives);
}

function lookUp(
  context: CacheContext,
  question: Question,
  page: PageKey,
  facts: RequestFacts,
  directives: RequestDirectives | undefined,
  absent = false,
): MaybeAsync<Lookup> {
  const { options, store, hitForMiss } = context;
  if (hitForMiss.isAbsent(page.key))
    return withoutPage(context, question, page, facts, directives, "uri-miss", undefined);
  return andThen(selectAny(context, page, question.request, absent), (found): MaybeAsync<Lookup> => {
    if (found === "uri-miss") hitForMiss.absent(page.key);
    // A page whose holes nothing fills here is treated as not stored.
    const holes = typeof found === "string" ? undefined : found.entry.value.holes;
    const selected = holes === undefined || context.holes.fills(holes.names) ? found : "uri-miss";
    if (typeof selected === "string")
      return andThen(options.relaxed.partial ? selectPart(store, page, question.request) : undefined, (part) =>
        withoutPage(context, question, page, facts, directives, selected, part),
      );
    const now = options.clock.now();
    const lookup = sparing(context, question, judge(question, page, facts, directives, selected, now), now);
    if (!mayBeOutdated(lookup, selected, now)) return lookup;
    const newer = selectLatest(store, selected);
    // A client that may get it stale does not wait for a slow disk; what the lookup finds is there for the next
    // request.
    if (newer instanceof Promise && lookup.verdict === "reuse") return lookup;
    return andThen(newer, (latest) =>
      latest.entry === selected.entry
        ? lookup
        : sparing(context, question, judge(question, page, facts, directives, latest, now), now),
    );
  });
}

function selectAny(
  context: CacheContext,
  page: PageKey,
  request: RequestHead,
  absent: boolean,
): MaybeAsync<Selection | Absence> {
  const { options, store } = context;
  return andThen(absent ? "uri-miss" : select(store, page.key, request), (selected) => {
    if (selected === "uri-miss") return selectEquivalent(store, page, request);
    if (selected === "vary-miss" && options.relaxed.guessLanguage) return guessLanguage(store, page.key, request);
    return selected;
  });
}

// The page is not stored; a part of it may be. Only a fresh one is of use: a stale part is not validated.
function withoutPage(
  { options }: CacheContext,
  question: Question,
  page: PageKey,
  facts: RequestFacts,
  directives: RequestDirectives | undefined,
  absence: Absence,
  part: SelectedPart | undefined,
): Lookup {
  const judged = part && judge(question, page, facts, directives, part.selection, options.clock.now());
  const usable = judged?.verdict === "reuse" && !judged.stale ? part : undefined;
  if (usable?.use === "answers") return judged!;
  if (directives?.onlyIfCached === true) return { verdict: "unsatisfiable" };
  const reason = usable === undefined ? absence : "partial";
  const beginning = usable?.selection;
  return { verdict: "forward", page, facts, reason, detail: undefined, selection: undefined, beginning, directives };
}

function judge(
  { refresh }: Question,
  page: PageKey,
  facts: RequestFacts,
  directives: RequestDirectives | undefined,
  selection: Selection,
  now: number,
): Lookup {
  const { entry } = selection;
  const outcome = reusability(entry.value.policy, facts, directives, now, entry.softPurged);
  if (!refresh && outcome.reuse === "fresh") return { verdict: "reuse", entry, stale: false, page };
  if (!refresh && outcome.reuse === "stale") return { verdict: "reuse", entry, stale: true, page };
  if (outcome.reuse === "never") {
    const bypassed = outcome.reason !== "expired";
    return {
      verdict: "forward",
      page,
      facts,
      reason: bypassed ? "bypass" : "stale",
      detail: outcome.reason,
      selection: undefined,
    };
  }
  if (directives?.onlyIfCached === true) return { verdict: "unsatisfiable" };
  const asked = outcome.reuse === "validate" && outcome.reason.startsWith("request");
  return { verdict: "forward", page, facts, reason: asked ? "request" : "stale", detail: undefined, selection };
}

// While the application fails, and a stale response may stand in for its answer (RFC 5861 §4), it is asked now and
// then, not by every request.
function sparing({ failing }: CacheContext, { refresh }: Question, lookup: Lookup, now: number): Lookup {
  if (refresh || lookup.verdict !== "forward" || lookup.reason !== "stale") return lookup;
  const { selection, page } = lookup;
  if (selection === undefined || page === undefined || selection.entry.value.holes !== undefined) return lookup;
  const { entry } = selection;
  const spared = failing.rests(entry.head.key, entry.head.storedAt) && staleOnError(entry.value.policy, now, "thrown");
  return spared ? { verdict: "reuse", entry, stale: true, page } : lookup;
}

function honoured(
  honourRequest: ResolvedOptions["honourRequest"],
  { headers, rawHeaders }: RequestHead,
  native: unknown,
): RequestDirectives | undefined {
  if (honourRequest === "reload") {
    const asks = headers["cache-control"] !== undefined || headers.pragma !== undefined;
    return asks ? reloadDirective(rawHeaders) : undefined;
  }
  const honours = typeof honourRequest === "boolean" ? honourRequest : honourRequest(native);
  return honours ? parseRequestDirectives(rawHeaders) : undefined;
}

// What is stale here may have been refreshed by another process. While it may be served stale, a lookup now and then
// is enough.
function mayBeOutdated(lookup: Lookup, { entry: { value } }: Selection, now: number): boolean {
  if (lookup.verdict === "reuse") {
    if (!lookup.stale || Math.abs(now - value.lookedAt) < LOOK_AGAIN_MS) return false;
    value.lookedAt = now;
    return true;
  }
  return lookup.verdict === "forward" && lookup.reason === "stale";
}

function bypass(request: RequestHead, reason: string): Bypass {
  const facts = { method: request.method, authorization: true, cookies: true };
  return {
    verdict: "forward",
    page: undefined,
    facts,
    reason: reason === "method" ? "method" : "bypass",
    detail: reason,
    selection: undefined,
  };
}

/** What about the request matters to storing and reusing its page. */
export function requestFacts({ options }: CacheContext, request: RequestHead, page: PageKey): RequestFacts {
  const { method, headers } = request;
  const authorization = (headers.authorization !== undefined || request.identified === true) && !page.partitioned;
  const cookies =
    headers.cookie !== undefined &&
    !page.partitioned &&
    hasUndeclaredCookies(headers.cookie as string, options.cookies);
  return !authorization && !cookies && method === "GET" ? ANONYMOUS : { method, authorization, cookies };
}
