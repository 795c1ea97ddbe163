/** Keeps a stored response under the fields that a 304, or the answer to a HEAD, brought for it (RFC 9111 §4.3.4, §4.3.5). */
import { copyFreshened } from "../capture/copy-freshened.js";
import type { Freshening } from "../capture/copy-freshened.js";
import { withCodingVary, withoutCodingVary } from "../coding/coded-head.js";
import type { CacheContext } from "../context.js";
import type { ResponseHead } from "../base/exchange.js";
import { isCodable } from "../http/codable.js";
import type { ResponseEntry, Selection } from "../lookup/select.js";
import type { StoredResponse } from "../stored/stored-response.js";
import type { StoreDecision } from "./decide-storing.js";
import type { ForwardPlan } from "./forward-plan.js";
import { endSuperseded } from "./superseded.js";

/** The stored head as its handler gave it. */
export function headToFreshen({ value: { head, offer } }: ResponseEntry): ResponseHead {
  return offer === undefined ? head : { ...head, rawHeaders: withoutCodingVary(head.rawHeaders) };
}

/** @param head the stored one with its new fields, which `decision` is about
 * @returns the entry as it is now, and what becomes of it */
export function freshenStored(
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
