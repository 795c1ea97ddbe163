/** Parts of a page that the application makes itself (`relaxed.partial`, RFC 9111 §3.3, §3.4): which ranges are
 * forwarded, which of its answers are stored as parts, and how a stored beginning is completed. */
import { dated } from "../base/clock.js";
import type { ResponseHead } from "../base/exchange.js";
import type { Capture } from "./capture/capture.js";
import type { CacheContext } from "../page-cache/context.js";
import type { CacheStatus } from "../http/cache-status.js";
import { completedHead, contentRangeOf, missingRange } from "../http/partial-content.js";
import { rangeSpecs } from "../http/range.js";
import { validatorsOf } from "../http/validators.js";
import type { Selection } from "../lookup/select.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import { badGateway } from "../stored/outgoing.js";
import { respond } from "../stored/respond.js";
import type { Delivery, ForwardPlan, StoreDecision } from "./forward-plan.js";

/** Whether the client's `Range` goes to the application as it came: one part, of a page that is not stored. */
export function passesRange(
  { relaxed }: ResolvedOptions,
  { page, request: { method, headers }, selection }: Pick<ForwardPlan, "page" | "request" | "selection">,
): boolean {
  if (!relaxed.partial || page === undefined || method !== "GET" || selection !== undefined) return false;
  return typeof headers.range === "string" && rangeSpecs(headers.range)?.length === 1;
}

/** Whether the answer is a part to store beside the page. */
export function isPart(options: ResolvedOptions, plan: ForwardPlan, head: ResponseHead): boolean {
  return head.status === 206 && contentRangeOf(head) !== undefined && passesRange(options, plan);
}

/** The fields that request what is missing of a stored beginning; `If-Range` where it has a tag to be sure by, which
 * then is a strong one. */
export function askForTheRest(beginning: ResponseHead): [name: string, value: string][] {
  const { etag } = validatorsOf(beginning);
  const asked: [string, string][] = [["range", missingRange(beginning)!]];
  if (etag !== undefined) asked.push(["if-range", etag]);
  return asked;
}

/* RFC 9111 §3.4: the handler has brought the rest of a stored beginning, and the client reads the complete response
 * while it is stored. */

/** What the forward does with the complete response. */
export interface Completing {
  readonly decide: (head: ResponseHead) => StoreDecision;
  readonly begin: (decision: StoreDecision & { readonly store: true }, head: ResponseHead) => Capture;
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
  const capture = begin(decision, head!);
  capture.write(entry.body!);
  const marks = { status: { ...status, stored: whole, storing: true }, debugHeader, debugValue: "MISS" };
  return { kind: "instead", response: respond(capture.shared(), request, now, marks), record: true };
}
