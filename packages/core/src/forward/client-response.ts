/** What the client gets of the handler's response: its fields, and an answer to the conditions and ranges that the
 * handler never saw. */
import type { RawHeaders, RequestHead, ResponseHead } from "../base/exchange.js";
import { namesCodingVary, withoutCodingVary } from "../features/coding/coded-entry.js";
import { ageValue } from "../http/freshness.js";
import { formatCacheStatus } from "../http/cache-status.js";
import type { CacheStatus, ForwardReason } from "../http/cache-status.js";
import { cacheControlAt } from "../http/patch-cache-control.js";
import { fieldValue, withoutFields } from "../http/fields.js";
import { evaluatePreconditions, notModifiedHead } from "../http/preconditions.js";
import { partialHead, selectRanges, unsatisfiableHead } from "../http/range.js";
import { INTERNAL_FIELDS } from "../http/labels.js";
import { varyWith } from "../http/vary.js";
import type { Shown } from "../stored/respond.js";
import { NO_OUTER_FIELDS } from "../stored/stored-response.js";
import type { Delivery, ForwardPlan, ResponseStart, StoreDecision } from "./forward-plan.js";
import type { HandlerDirectives } from "./handler-directives.js";
import { besideOthers, clientCacheControl, offeredCodings } from "./stored-head.js";

/** What is known of a body when its head leaves. */
export interface Known {
  /** Made here, for a response that had none. */
  readonly ownEtag: string | undefined;
  /** All of it is there: the decision to store it is final. */
  readonly whole: boolean;
  /** Milliseconds until the handler had its head. */
  readonly tookMs: number;
}

export type Fields = readonly (readonly [name: string, value: string])[];

/** Fields to set on the handler's response.
 * @param known what is known of the body */
export function clientFields(
  plan: ForwardPlan,
  directives: HandlerDirectives,
  head: ResponseHead,
  decision: StoreDecision,
  { ownEtag, whole, tookMs }: Known,
  { debugHeader, serverTiming }: Shown,
): Fields {
  const { policy } = plan;
  const fwd = reasonTold(plan, decision);
  const set: [string, string][] = [statusField(plan, head, decision, whole)];
  const said = fwd === "bypass" || fwd === "method" ? "BYPASS" : "MISS";
  if (debugHeader !== undefined) set.push([debugHeader, said]);
  if (serverTiming) {
    const refused = decision.store ? "" : `, not stored: ${decision.reason}`;
    const told = `cache;desc="${said.toLowerCase()}${refused}", app;dur=${tookMs.toFixed(1)}`;
    set.push(["Server-Timing", besideOthers(head.rawHeaders, "server-timing", told)]);
  }
  if (ownEtag !== undefined) set.push(["ETag", ownEtag]);
  const client = decision.store ? clientCacheControl(policy, head, decision.policy) : undefined;
  if (client !== undefined) set.push(["Cache-Control", cacheControlAt(client, ageValue(head))]);
  const coded = offeredCodings(plan, directives, head).length > 0 ? ["Accept-Encoding"] : [];
  const vary = varyWith(head.rawHeaders, [
    ...(decision.store ? decision.vary : []),
    ...policy.vary,
    ...directives.varyFields,
    ...coded,
  ]);
  if (vary !== undefined) set.push(["Vary", vary]);
  return set;
}

/** What the client learns about the caching.
 * @param whole the decision to store is final */
export function statusField(
  plan: ForwardPlan,
  head: ResponseHead,
  decision: StoreDecision,
  whole: boolean,
): [name: string, value: string] {
  const status: CacheStatus = {
    fwd: reasonTold(plan, decision),
    stored: decision.store && whole,
    storing: decision.store,
    detail: decision.store ? plan.detail : decision.reason,
  };
  return ["Cache-Status", besideOthers(head.rawHeaders, "cache-status", formatCacheStatus(status))];
}

/** The reason in `Cache-Status` for a forward: a credential that kept the answer out of the cache makes it a bypass,
 * whatever the lookup said. */
export function reasonTold({ reason }: ForwardPlan, decision: StoreDecision): ForwardReason {
  return !decision.store && (decision.reason === "authorization" || decision.reason === "cookie") ? "bypass" : reason;
}

/** @param client the request with the conditions that were taken from it; `undefined` when the handler saw them
 * itself */
export function deliveryFor(
  client: RequestHead | undefined,
  head: ResponseHead,
  set: Fields,
  body: Buffer | undefined,
  record: boolean,
): Delivery {
  const answered = client === undefined ? undefined : answerConditions(client, applyFields(head, set), body, record);
  return answered ?? { kind: "pass", set, remove: internalFields(head), record };
}

function answerConditions(
  client: RequestHead,
  head: ResponseHead,
  body: Buffer | undefined,
  record: boolean,
): Delivery | undefined {
  if (evaluatePreconditions(client, head) === "not-modified") return instead(notModifiedHead(head), record);
  // RFC 9110 §14.2: a part is a part of what would have been a 200.
  if (head.status !== 200) return undefined;
  const length = body?.length ?? Number(fieldValue(head.rawHeaders, "content-length") ?? Number.NaN);
  const { range } = client.headers;
  if (typeof range !== "string" || client.method !== "GET" || !Number.isSafeInteger(length)) return undefined;
  const selection = selectRanges(range, client.headers["if-range"] as string | undefined, head, length);
  if (selection.kind === "unsatisfiable") return instead(unsatisfiableHead(head, length), record);
  // Several ranges of a body that is still being made: the complete response is a valid answer (RFC 9110 §14.2).
  if (selection.kind !== "parts" || selection.parts.length !== 1) return undefined;
  const part = selection.parts[0]!;
  return { kind: "part", head: partialHead(head, part, length), start: part.start, end: part.end, record };
}

function instead({ status, statusText, rawHeaders }: ResponseHead, record: boolean): Delivery {
  return {
    kind: "instead",
    response: {
      kind: "hit",
      status,
      statusText,
      headers: rawHeaders,
      body: undefined,
      outer: NO_OUTER_FIELDS,
      refresh: undefined,
    },
    record,
  };
}

function internalFields({ rawHeaders }: ResponseHead): readonly string[] {
  const names: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (INTERNAL_FIELDS.has(rawHeaders[index]!.toLowerCase())) names.push(rawHeaders[index]!);
  return names;
}

function applyFields(head: ResponseHead, set: Fields): ResponseHead {
  return { ...head, rawHeaders: changedFields(head.rawHeaders, set, [...INTERNAL_FIELDS]) };
}

/** The fields with some set and others, lower-case names, removed. */
export function changedFields(raw: RawHeaders, set: Fields, remove: readonly string[]): string[] {
  const gone = new Set([...set.map(([name]) => name.toLowerCase()), ...remove.map((name) => name.toLowerCase())]);
  return [...withoutFields(raw, gone), ...set.flat()];
}

/* Middleware outside the cache that compresses sets its `Vary` before the handler runs (koa-compress does). Where this
 * cache stores the page in codings itself, the page inside does not vary on that field. */

/** The response with the `Vary` of its handler alone, where it makes a difference. */
export function withoutOuterCodingVary(
  plan: ForwardPlan,
  directives: HandlerDirectives,
  start: ResponseStart,
): ResponseStart {
  const { head, before } = start;
  const { policy, selection } = plan;
  if (policy.compress === undefined || policy.compress.length === 0 || !namesCodingVary(before)) return start;
  const own = { ...head, rawHeaders: withoutCodingVary(head.rawHeaders) };
  // A 304 is about the stored page.
  const offered = head.status === 304 ? selection?.entry.value.offer?.codings : offeredCodings(plan, directives, own);
  return offered === undefined || offered.length === 0 ? start : { ...start, head: own };
}
