/** What an answer puts out of date, before it is kept itself. */
import type { CacheContext } from "../context.js";
import type { ResponseHead } from "../base/exchange.js";
import { invalidateByUnsafeMethod } from "../invalidate/unsafe-method.js";
import type { LogPosition } from "../store/contract.js";
import type { StoreDecision } from "./decide-storing.js";
import type { ForwardPlan } from "./forward-plan.js";

/** @returns the birth of what is kept of the answer: for a POST that answers GETs a moment after what it ended, if nothing else has ended it while it was made */
export function putOutOfDate(
  context: CacheContext,
  { page, policy, request, birth }: ForwardPlan,
  head: ResponseHead,
  decision: StoreDecision,
): LogPosition {
  const { store } = context;
  const reborn =
    request.method === "POST" &&
    page !== undefined &&
    decision.store &&
    store.alive({ scope: page.scope, name: page.name, tags: decision.tags, birth });
  invalidateByUnsafeMethod(context, request, head, page !== undefined && policy.methods.includes(request.method));
  return reborn ? store.position() : birth;
}
