/** RFC 9111 §4.3.5: what the handler says to a HEAD is about the stored GET, too. The visitor gets it as it is. */
import { dated } from "../base/clock.js";
import type { CacheContext } from "../context.js";
import type { ResponseHead } from "../base/exchange.js";
import { freshen } from "../http/freshen.js";
import { headUpdate } from "../http/head-update.js";
import type { Selection } from "../lookup/select.js";
import type { StoreDecision } from "./decide-storing.js";
import type { ForwardPlan } from "./forward-plan.js";
import { freshenStored, headToFreshen } from "./freshen-stored.js";
import { endSuperseded } from "./superseded.js";

/** Refusals that hold for an answer to GET as well. */
const FOR_ONE: ReadonlySet<string> = new Set(["private", "no-store"]);

/** @param decide whether a response to this plan may be kept */
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
  if (told === "invalidate") context.store.remove(key);
  const asGet = { ...plan, request: { ...plan.request, method: "GET" } };
  if (told === "freshen") {
    const freshened = freshen(headToFreshen(entry), head, dated(context.options.clock, now));
    freshenStored(context, asGet, { key, entry }, freshened, decide(freshened, asGet));
  } else if (told === "ignore" && head.status === 200) {
    const decision = decide(head, asGet);
    // What else is missing from an answer without a body may be there with it.
    if (!decision.store && FOR_ONE.has(decision.reason)) endSuperseded(context, asGet, head.status, decision.reason);
  }
}
