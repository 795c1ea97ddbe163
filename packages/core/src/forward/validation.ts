/** Validation (RFC 9111 §4.3): what happens to a stored response when the handler answers a condition of the cache's
 * own, or a HEAD. The client gets the stored response, freshened where the answer is about it. */
import { dated } from "../base/clock.js";
import type { ResponseHead } from "../base/exchange.js";
import type { MaybeAsync } from "../base/async.js";
import { copyFreshened } from "./capture/copy-freshened.js";
import type { Freshening } from "./capture/copy-freshened.js";
import { withCodingVary, withoutCodingVary } from "../features/coding/coded-entry.js";
import { respondStored } from "../features/coding/respond-chosen.js";
import type { CacheContext } from "../page-cache/context.js";
import type { CacheStatus } from "../http/cache-status.js";
import { isCodable } from "../http/codable.js";
import { freshen, headUpdate, validates } from "../http/freshen.js";
import { sameVariant } from "../key/page-key.js";
import type { ResponseEntry, Selection } from "../lookup/select.js";
import type { StoredResponse } from "../stored/stored-response.js";
import type { Delivery, ForwardPlan, SharedResponse, StoreDecision } from "./forward-plan.js";
import { releaseFollowers } from "./forward-plan.js";
import { endSuperseded } from "./supersede.js";
import type { ForwardReport } from "./report.js";

/** What the client gets, and whether the stored response stays stored as it is now. */
export interface NotModified {
  readonly delivery: Delivery;
  readonly kept: MaybeAsync<boolean>;
}

/** @param decide whether the freshened response may be stored
 * @param report of this forward */
export function notModified(
  context: CacheContext,
  plan: ForwardPlan,
  selection: Selection,
  validation: ResponseHead,
  now: number,
  decide: (head: ResponseHead) => StoreDecision,
  report: ForwardReport,
): NotModified {
  const { request, reason, leading } = plan;
  const { entry } = selection;
  if (!validates(entry.value.head, validation)) {
    // §4.3.4: it is about another representation, so it freshens nothing; but it answers our condition, and the client
    // had none.
    releaseFollowers(plan, false);
    report.freshened(0, "not-modified", false);
    const status: CacheStatus = { fwd: reason, fwdStatus: 304, detail: "not-modified" };
    const marks = { status, shown: context.options, said: "STALE" } as const;
    const response = respondStored(context, entry, request, now, marks);
    return { delivery: { kind: "instead", response, record: false }, kept: false };
  }
  const head = freshen(headToFreshen(entry), validation, dated(context.options.clock, now));
  const decision = decide(head);
  const { entry: freshened, refusal, kept } = freshenStored(context, plan, selection, head, decision);
  report.freshened(entry.bodyBytes, refusal, kept);
  if (decision.store) leading?.flight.standIn(shareStored(context, plan, freshened));
  const storing = refusal === undefined;
  const status: CacheStatus = { fwd: reason, fwdStatus: 304, stored: kept === true, storing, detail: refusal };
  const marks = { status, shown: context.options, said: "HIT" } as const;
  const response = respondStored(context, freshened, request, now, marks);
  return { delivery: { kind: "instead", response, record: false }, kept };
}

/* Stores a response under the fields that a 304, or the answer to a HEAD, brought for it (RFC 9111 §4.3.4, §4.3.5). */

/** The stored head as its handler gave it. */
function headToFreshen({ value: { head, offer } }: ResponseEntry): ResponseHead {
  return offer === undefined ? head : { ...head, rawHeaders: withoutCodingVary(head.rawHeaders) };
}

/** @param head the stored one with its new fields, which `decision` is about
 * @returns the entry as it is now, and what happens to it */
function freshenStored(
  context: CacheContext,
  plan: ForwardPlan,
  selection: Selection,
  head: ResponseHead,
  decision: StoreDecision,
): { readonly entry: ResponseEntry } & Freshening {
  const { entry } = selection;
  const { value } = entry;
  const policy = decision.store ? decision.policy : value.policy;
  const offer = value.offer && isCodable(head, decision.store ? decision.vary : value.vary) ? value.offer : undefined;
  const rawHeaders = offer === undefined ? head.rawHeaders : withCodingVary(head.rawHeaders);
  const freshened: StoredResponse = {
    ...value,
    head: { ...head, rawHeaders },
    policy,
    offer,
    ready: undefined,
    lookedAt: 0,
  };
  return {
    entry: {
      head: entry.head,
      value: freshened,
      bodyBytes: entry.bodyBytes,
      body: entry.body,
      softPurged: false,
      reader: () => entry.reader(),
    },
    ...storeFreshened(context, plan, selection, freshened, decision),
  };
}

function storeFreshened(
  context: CacheContext,
  { request, facts, birth }: ForwardPlan,
  selection: Selection,
  freshened: StoredResponse,
  decision: StoreDecision,
): Freshening {
  if (decision.store && decision.vary.join() === selection.entry.value.vary.join())
    return copyFreshened(context, selection, freshened, decision.tags, birth);
  const refusal = decision.store ? "other-vary" : decision.reason;
  endSuperseded(context, { request, selection, facts }, freshened.head.status, refusal);
  return { refusal, kept: false };
}

/* RFC 9111 §4.3.5: what the handler answers to a HEAD is also about the stored GET. The client gets it as it is. */

/** Refusals that hold for an answer to GET as well. */
const FOR_ONE: ReadonlySet<string> = new Set(["private", "no-store"]);

/** @param decide whether a response to this plan may be stored */
export function headTold(
  context: CacheContext,
  plan: ForwardPlan,
  { key, entry }: Selection,
  head: ResponseHead,
  now: number,
  decide: (head: ResponseHead, plan: ForwardPlan) => StoreDecision,
): void {
  // With holes it has neither validators nor a length of its own.
  if (entry.value.holes !== undefined) return;
  const told = headUpdate(entry.value.head, head, entry.bodyBytes);
  if (told === "invalidate") context.store.removeForAll(entry.head);
  const asGet = { ...plan, request: { ...plan.request, method: "GET" } };
  if (told === "freshen") {
    const freshened = freshen(headToFreshen(entry), head, dated(context.options.clock, now));
    freshenStored(context, asGet, { key, entry }, freshened, decide(freshened, asGet));
  } else if (told === "ignore" && head.status === 200) {
    const decision = decide(head, asGet);
    // Other fields that are missing from an answer without a body may be present with it.
    if (!decision.store && FOR_ONE.has(decision.reason)) endSuperseded(context, asGet, head.status, decision.reason);
  }
}

/* What a leader shares when the answer is a stored response after all: one that was freshened, or a stale one that
 * stands in. */

export function shareStored(
  { store }: CacheContext,
  { request, page, birth }: ForwardPlan,
  entry: ResponseEntry,
  detail?: string,
): SharedResponse {
  const { scope, name } = page!;
  return {
    entry,
    answers: (other) => sameVariant(request, other, entry.value.vary),
    alive: () => store.survivesPurges({ scope, name, tags: entry.head.tags, birth }),
    detail,
  };
}
