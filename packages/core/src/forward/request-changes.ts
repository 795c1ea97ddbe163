/** What a handler sees of a request that fills the cache: not the client's conditions and ranges, which the cache
 * answers itself, but those of the stored response (RFC 9111 §4.3.1). */
import { dated } from "../base/clock.js";
import type { ResponseHead } from "../base/exchange.js";
import type { CacheStatus } from "../http/cache-status.js";
import { completedHead, contentRangeOf, missingRange } from "../http/partial-content.js";
import { rangeSpecs } from "../http/range.js";
import { validatorsOf } from "../http/validators.js";
import type { Selection } from "../lookup/select.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { CacheContext } from "../page-cache/context.js";
import { badGateway, withCookiesOf } from "../stored/outgoing.js";
import { respond } from "../stored/respond.js";
import type { Capture } from "./capture/capture.js";
import type { Delivery, ForwardPlan, StoreDecision } from "./forward-plan.js";

export interface RequestChanges {
  readonly remove: readonly string[];
  readonly set: readonly (readonly [name: string, value: string])[];
  /** The client's own conditions are for the cache to answer. */
  readonly stripped: boolean;
  /** The stored validators were put in: a 304 answers the cache. */
  readonly conditional: boolean;
}

const NONE: RequestChanges = Object.freeze({ remove: [], set: [], stripped: false, conditional: false });

const CLIENTS_OWN = ["if-none-match", "if-modified-since", "range", "if-range"] as const;

export function requestChanges({ options, hitForMiss }: CacheContext, plan: ForwardPlan): RequestChanges {
  const { page, request, facts, selection, beginning } = plan;
  // An answer that will hardly be stored is left entirely to the application, conditions and all. To a POST they mean
  // something else.
  if (
    page === undefined ||
    request.method === "HEAD" ||
    request.method === "POST" ||
    ((facts.authorization || facts.cookies) && selection === undefined)
  )
    return NONE;
  const own = CLIENTS_OWN.filter((name) => request.headers[name] !== undefined);
  if (own.length === 0 && selection === undefined && beginning === undefined) return NONE;
  // It is known that nothing will be stored: the application answers conditions and ranges more cheaply.
  if (selection === undefined && beginning === undefined && hitForMiss.has(page.key)) return NONE;
  const remove = passesRange(options, plan) ? own.filter((name) => !name.endsWith("range")) : own;
  const set = beginning === undefined ? [] : askForTheRest(beginning.entry.value.head);
  // A page with holes is a different one each time it is made.
  if (selection !== undefined && selection.entry.value.holes === undefined) {
    const { value } = selection.entry;
    const { etag, lastModified } = validatorsOf(value.head);
    // A tag made here means nothing to the handler.
    if (etag !== undefined && !value.ownEtag) set.push(["if-none-match", etag]);
    if (lastModified !== undefined) set.push(["if-modified-since", lastModified]);
  }
  return { remove, set, stripped: own.length > 0, conditional: selection !== undefined && set.length > 0 };
}

/* Parts of a page that the application makes itself (`relaxed.partial`, RFC 9111 §3.3, §3.4): which ranges are
 * forwarded, which of its answers are stored as parts, and how a stored beginning is completed. */

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
function askForTheRest(beginning: ResponseHead): [name: string, value: string][] {
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
  { store, options }: CacheContext,
  { request, reason }: ForwardPlan,
  { key, entry }: Selection,
  rest: ResponseHead,
  whole: boolean,
  now: number,
  { decide, begin, refused }: Completing,
): Delivery {
  const status: CacheStatus = { fwd: reason, fwdStatus: rest.status };
  const head = completedHead(entry.value.head, entry.bodyBytes, rest, dated(options.clock, now));
  const decision = head && decide(head);
  if (decision?.store !== true) {
    const detail = decision?.reason ?? "partial";
    store.remove(key);
    refused(detail);
    return { kind: "instead", response: badGateway({ ...status, detail }), record: false };
  }
  const capture = begin(decision, head!);
  capture.write(entry.body!);
  const marks = { status: { ...status, stored: whole, storing: true }, shown: options, said: "MISS" } as const;
  // With a cookie it is refused when its head leaves.
  const response = withCookiesOf(respond(capture.shared(), request, now, marks), rest.rawHeaders);
  return { kind: "instead", response, record: true };
}
