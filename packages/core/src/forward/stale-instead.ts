/** A stale page hides a failing application, for whoever waits for it (RFC 5861 §4). */
import { respondStored } from "../coding/respond-chosen.js";
import type { CacheContext } from "../context.js";
import type { CacheStatus } from "../http/cache-status.js";
import { hasHoles } from "../holes/fill-stored.js";
import { staleOnError } from "../http/reusability.js";
import type { OutgoingResponse } from "../serve/outgoing.js";
import type { ForwardPlan } from "./forward-plan.js";
import { shareStored } from "./share-stored.js";

/** The status the application answered or had in mind, or how else it failed. */
export type Failure = number | "thrown" | "timeout";

/** @returns `undefined` where no stale page may stand in */
export function staleInstead(
  context: CacheContext,
  plan: ForwardPlan,
  now: number,
  failure: Failure,
): OutgoingResponse | undefined {
  const { selection, request, reason, leading } = plan;
  if (selection === undefined || !staleOnError(selection.entry.value.policy, now, failure)) return undefined;
  const { entry } = selection;
  // What fills them may be the very thing that has failed.
  if (hasHoles(entry)) return undefined;
  context.failing.failed(entry.head.key, entry.head.storedAt);
  const detail = "stale-if-error";
  const status: CacheStatus = { fwd: reason, fwdStatus: typeof failure === "number" ? failure : undefined, detail };
  context.observer.hit(request.target, true);
  leading?.flight.standIn(shareStored(context, plan, entry, detail));
  return respondStored(context, entry, request, now, {
    status,
    debugHeader: context.options.debugHeader,
    debugValue: "STALE",
  });
}
