/** RFC 9111 §3.4: the handler has brought the rest of a stored beginning, and the client reads the whole along while it is stored. */
import { dated } from "../base/clock.js";
import type { Fill } from "../capture/fill.js";
import type { CacheContext } from "../context.js";
import type { ResponseHead } from "../base/exchange.js";
import type { CacheStatus } from "../http/cache-status.js";
import { completedHead } from "../http/fragment.js";
import type { Selection } from "../lookup/select.js";
import { badGateway } from "../serve/gateway-errors.js";
import { respond } from "../serve/respond.js";
import type { StoreDecision } from "./decide-storing.js";
import type { Delivery } from "./delivery.js";
import type { ForwardPlan } from "./forward-plan.js";

/** What the forward does with the whole. */
export interface Completing {
  readonly decide: (head: ResponseHead) => StoreDecision;
  readonly begin: (decision: StoreDecision & { readonly store: true }, head: ResponseHead) => Fill;
  readonly refused: (reason: string) => void;
}

/** @param whole whether the rest is there in one piece */
export function completeBeginning(
  { store, options: { clock, debugHeader } }: CacheContext,
  { request, reason }: ForwardPlan,
  { key, entry }: Selection,
  rest: ResponseHead,
  whole: boolean,
  now: number,
  { decide, begin, refused }: Completing,
): Delivery {
  const status: CacheStatus = { fwd: reason, fwdStatus: rest.status };
  const head = completedHead(entry.value.head, entry.bodyBytes, rest, dated(clock, now));
  const decision = head && decide(head);
  if (decision?.store !== true) {
    const detail = decision?.reason ?? "partial";
    store.remove(key);
    refused(detail);
    return { kind: "instead", response: badGateway({ ...status, detail }), record: false };
  }
  const fill = begin(decision, head!);
  fill.write(entry.body!);
  const marks = { status: { ...status, stored: whole, storing: true }, debugHeader, debugValue: "MISS" };
  return { kind: "instead", response: respond(fill.shared(), request, now, marks), record: true };
}
