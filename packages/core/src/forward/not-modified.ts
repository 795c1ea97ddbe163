/** The handler's 304 to a condition of the cache's own: the stored response answers the visitor, freshened where the 304 is about it (RFC 9111 §4.3.3, §4.3.4). */
import { dated } from "../base/clock.js";
import type { CacheContext } from "../context.js";
import type { ResponseHead } from "../base/exchange.js";
import type { CacheStatus } from "../http/cache-status.js";
import { freshen, validates } from "../http/freshen.js";
import type { Selection } from "../lookup/select.js";
import type { MaybeAsync } from "../base/maybe-async.js";
import { respondStored } from "../coding/respond-chosen.js";
import type { StoreDecision } from "./decide-storing.js";
import type { Delivery } from "./delivery.js";
import type { ForwardPlan } from "./forward-plan.js";
import { freshenStored, headToFreshen } from "./freshen-stored.js";
import { letGo } from "./let-go.js";
import { shareStored } from "./share-stored.js";
import type { Told } from "./told.js";

/** What the client gets, and whether the stored response is kept as it is now. */
export interface NotModified {
  readonly delivery: Delivery;
  readonly kept: MaybeAsync<boolean>;
}

/** @param decide whether the freshened response may be kept
 * @param told is told whether it is */
export function notModified(
  context: CacheContext,
  plan: ForwardPlan,
  selection: Selection,
  validation: ResponseHead,
  now: number,
  decide: (head: ResponseHead) => StoreDecision,
  told: Told,
): NotModified {
  const { request, reason, leading } = plan;
  const { debugHeader } = context.options;
  const { entry } = selection;
  if (!validates(entry.value.head, validation)) {
    // §4.3.4: it is about another representation, so it freshens nothing; but it answers our condition, and the visitor had none.
    letGo(plan, false);
    told.freshened(plan, 0, "not-modified", false);
    const status: CacheStatus = { fwd: reason, fwdStatus: 304, detail: "not-modified" };
    const marks = { status, debugHeader, debugValue: "STALE" };
    const response = respondStored(context, entry, request, now, marks);
    return { delivery: { kind: "instead", response, record: false }, kept: false };
  }
  const head = freshen(headToFreshen(entry), validation, dated(context.options.clock, now));
  const decision = decide(head);
  const { entry: freshened, refusal, kept } = freshenStored(context, plan, selection, head, decision);
  told.freshened(plan, entry.bodyBytes, refusal, kept);
  if (decision.store) leading?.flight.standIn(shareStored(context, plan, freshened));
  const storing = refusal === undefined;
  const status: CacheStatus = { fwd: reason, fwdStatus: 304, stored: kept === true, storing, detail: refusal };
  const marks = { status, debugHeader, debugValue: "HIT" };
  const response = respondStored(context, freshened, request, now, marks);
  return { delivery: { kind: "instead", response, record: false }, kept };
}
