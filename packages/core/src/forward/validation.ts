/** Validation (RFC 9111 §4.3): what happens to a stored response when the handler answers a condition of the cache's
 * own, or a HEAD. The client gets the stored response, freshened where the answer is about it. */
import { dated } from "../base/clock.js";
import type { RawHeaders, ResponseHead } from "../base/exchange.js";
import type { MaybeAsync } from "../base/async.js";
import { freshenedCopy } from "./capture/copy-freshened.js";
import type { FreshenedCopy } from "./capture/copy-freshened.js";
import { withCodingVary, withoutCodingVary } from "../features/coding/coded-entry.js";
import { respondStored } from "../features/coding/respond-chosen.js";
import type { CacheContext } from "../page-cache/context.js";
import { formatCacheStatus } from "../http/cache-status.js";
import type { CacheStatus } from "../http/cache-status.js";
import { isCodable } from "../http/codable.js";
import { hasField } from "../http/fields.js";
import { freshen, headUpdate, validates } from "../http/freshen.js";
import { sameVariant } from "../key/page-key.js";
import type { ResponseEntry, Selection } from "../lookup/select.js";
import { withCookiesOf } from "../stored/outgoing.js";
import type { OutgoingResponse } from "../stored/outgoing.js";
import type { StoredResponse } from "../stored/stored-response.js";
import type { Fields } from "./client-response.js";
import type { ForwardPlan, SharedResponse, StoreDecision } from "./forward-plan.js";
import { releaseFollowers } from "./forward-plan.js";
import type { ForwardReport } from "./report.js";
import { besideOthers } from "./stored-head.js";
import { endSuperseded } from "./supersede.js";

/** @param decide whether the freshened response may be stored
 * @param report of this forward
 * @returns what becomes of it when its head leaves, unless nothing is stored or shared */
export function notModified(
  context: CacheContext,
  plan: ForwardPlan,
  selection: Selection,
  validation: ResponseHead,
  now: number,
  decide: (head: ResponseHead) => StoreDecision,
  report: ForwardReport,
): { readonly response: OutgoingResponse; readonly freshening: Freshening | undefined } {
  const { request, reason } = plan;
  const { entry } = selection;
  if (!validates(entry.value.head, validation)) {
    // §4.3.4: it is about another representation, so it freshens nothing; but it answers our condition, and the client
    // had none.
    releaseFollowers(plan, false);
    report.freshened(0, "not-modified", false);
    const status: CacheStatus = { fwd: reason, fwdStatus: 304, detail: "not-modified" };
    const marks = { status, shown: context.options, said: "STALE" } as const;
    const response = withCookiesOf(respondStored(context, entry, request, now, marks), validation.rawHeaders);
    return { response, freshening: undefined };
  }
  const head = freshen(headToFreshen(entry), validation, dated(context.options.clock, now));
  const asked = decide(head);
  // A cookie is for this client alone: a whole response with one would not be stored either.
  const withCookie = !context.options.relaxed.setCookie && hasField(validation.rawHeaders, "set-cookie");
  const decision: StoreDecision = withCookie ? { store: false, reason: "set-cookie" } : asked;
  const freshened = freshenedEntry(entry, head, decision);
  const copy = copyOrEnd(context, plan, selection, freshened.value, decision);
  const { refusal } = copy;
  if (!decision.store) report.notStored(decision.reason, validation.rawHeaders);
  const storing = refusal === undefined;
  const stored = storing && entry.body !== undefined;
  const status: CacheStatus = { fwd: reason, fwdStatus: 304, stored, storing, detail: refusal };
  const marks = { status, shown: context.options, said: "HIT" } as const;
  const response = respondStored(context, freshened, request, now, marks);
  return {
    response: withCookie ? withCookiesOf(response, validation.rawHeaders) : response,
    freshening: decision.store ? new Freshening(context, plan, freshened, copy, report) : undefined,
  };
}

/** A stored response under the fields of a 304, until its head has left with all that middleware outside has added:
 * only then is it certain that it may be shared. Ends by one of its methods, called once. */
export class Freshening {
  readonly #context: CacheContext;
  readonly #plan: ForwardPlan;
  readonly #entry: ResponseEntry;
  readonly #copy: FreshenedCopy;
  readonly #report: ForwardReport;

  constructor(
    context: CacheContext,
    plan: ForwardPlan,
    entry: ResponseEntry,
    copy: FreshenedCopy,
    report: ForwardReport,
  ) {
    this.#context = context;
    this.#plan = plan;
    this.#entry = entry;
    this.#copy = copy;
    this.#report = report;
  }

  /** It may be stored, and clients that wait for it get it.
   * @returns whether it is stored, and fields to set because it is not after all */
  store(): { readonly kept: MaybeAsync<boolean>; readonly fields: Fields } {
    const { refusal } = this.#copy;
    const kept = this.#copy.store();
    this.#report.freshened(this.#entry.bodyBytes, refusal, kept);
    this.#plan.leading?.flight.standIn(shareStored(this.#context, this.#plan, this.#entry));
    return { kept, fields: refusal === undefined && kept === false ? this.#status("store") : [] };
  }

  /** It must not be shared: what is stored is out of date, as where a whole response is refused.
   * @param rawHeaders of the response
   * @returns fields to set */
  refuse(reason: string, rawHeaders: RawHeaders): Fields {
    this.#report.notStored(reason, rawHeaders);
    releaseFollowers(this.#plan, false);
    endSuperseded(this.#context, this.#plan, this.#entry.value.head.status, reason);
    return this.#status(reason);
  }

  /** Its head never left. */
  abort(reason: string): void {
    this.#report.notStored(reason);
  }

  #status(detail: string): Fields {
    const status = formatCacheStatus({ fwd: this.#plan.reason, fwdStatus: 304, detail });
    return [["Cache-Status", besideOthers(this.#entry.value.head.rawHeaders, "cache-status", status)]];
  }
}

/* A stored response under the fields that a 304, or the answer to a HEAD, brought for it (RFC 9111 §4.3.4, §4.3.5). */

/** The stored head as its handler gave it. */
function headToFreshen({ value: { head, offer } }: ResponseEntry): ResponseHead {
  return offer === undefined ? head : { ...head, rawHeaders: withoutCodingVary(head.rawHeaders) };
}

/** @param head the stored one with its new fields, which `decision` is about */
function freshenedEntry(entry: ResponseEntry, head: ResponseHead, decision: StoreDecision): ResponseEntry {
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
    head: entry.head,
    value: freshened,
    bodyBytes: entry.bodyBytes,
    body: entry.body,
    softPurged: false,
    reader: () => entry.reader(),
  };
}

/** @returns a copy to store; where none may be stored, what is stored is over */
function copyOrEnd(
  context: CacheContext,
  { request, facts, birth }: ForwardPlan,
  selection: Selection,
  freshened: StoredResponse,
  decision: StoreDecision,
): FreshenedCopy {
  if (decision.store && decision.vary.join() === selection.entry.value.vary.join())
    return freshenedCopy(context, selection, freshened, decision.tags, birth);
  const refusal = decision.store ? "other-vary" : decision.reason;
  endSuperseded(context, { request, selection, facts }, freshened.head.status, refusal);
  return { refusal, store: () => false };
}

/* RFC 9111 §4.3.5: what the handler answers to a HEAD is also about the stored GET. The client gets it as it is. */

/** Refusals for what is missing: an answer without a body may leave that out, and the page has it. */
const FOR_LACK: ReadonlySet<string> = new Set(["no-freshness", "no-cache", "expired-no-validator"]);
/** Answers about HEAD itself: they say nothing of a GET. */
const ABOUT_THE_METHOD: ReadonlySet<number> = new Set([405, 501]);

/** Called once, when that answer leaves, with the reason for which what leaves must not be shared, if there is one. */
export type Told = (refusal: string | undefined) => void;

/** @param decide whether a response to this plan may be stored
 * @returns what becomes of the stored response then; `undefined` where that is settled */
export function headTold(
  context: CacheContext,
  plan: ForwardPlan,
  { key, entry }: Selection,
  answer: ResponseHead,
  now: number,
  decide: (head: ResponseHead, plan: ForwardPlan) => StoreDecision,
): Told | undefined {
  const { value } = entry;
  // With holes it has neither validators nor a length of its own.
  if (value.holes !== undefined || ABOUT_THE_METHOD.has(answer.status)) return undefined;
  // A 304 to a condition of the client's has the fields of the answer without one.
  const head = answer.status === 304 ? { ...answer, status: value.head.status } : answer;
  const asGet = { ...plan, request: { ...plan.request, method: "GET" } };
  const over = (reason: string): undefined => {
    endSuperseded(context, asGet, head.status, reason);
    return undefined;
  };
  const told = head.status === value.head.status ? headUpdate(value.head, head, entry.bodyBytes) : "invalidate";
  if (told === "invalidate") return over("superseded");
  const decision = decide(head, asGet);
  if (!decision.store && !FOR_LACK.has(decision.reason)) return over(decision.reason);
  if (told === "ignore") return (refusal) => (refusal === undefined ? undefined : over(refusal));
  const freshened = freshen(headToFreshen(entry), head, dated(context.options.clock, now));
  const allowed = decide(freshened, asGet);
  const copy = copyOrEnd(context, asGet, { key, entry }, freshenedEntry(entry, freshened, allowed).value, allowed);
  return (refusal) => void (refusal === undefined ? copy.store() : over(refusal));
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
