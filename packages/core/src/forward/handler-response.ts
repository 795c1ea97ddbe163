/** The handler's response, from its head to its end: what is decided on, what of it is stored, and what its client gets.
 * Knows nothing of the client's presence, nor of time limits: that is the forward's. Used in this order: `head`,
 * `leaving`, then `end` or `abort`. */
import etag from "etag";
import { Capture } from "./capture/capture.js";
import { dated } from "../base/clock.js";
import type { CacheContext } from "../page-cache/context.js";
import type { RawHeaders, ResponseHead } from "../base/exchange.js";
import { mayBeTagged } from "../http/validators.js";
import type { MaybeAsync } from "../base/async.js";
import type { WholePolicy } from "../options/resolve-policy.js";
import type { OutgoingResponse } from "../stored/outgoing.js";
import type { StoredHoles } from "../stored/stored-response.js";
import {
  announcedLength,
  audited,
  decideStoring,
  isLengthAnnounced,
  lateRefusal,
  NOT_ADMITTED,
} from "./decide-storing.js";
import { completeBeginning } from "./request-changes.js";
import type { RequestChanges } from "./request-changes.js";
import { staleInstead } from "./stale.js";
import type { Failure } from "./stale.js";
import { releaseFollowers } from "./forward-plan.js";
import type { Delivery, ForwardPlan, ResponseStart, StoreDecision } from "./forward-plan.js";
import { fillMade } from "../features/holes/fill.js";
import type { HandlerDirectives } from "./handler-directives.js";
import { capturePlan } from "./stored-head.js";
import type { Beginning } from "./stored-head.js";
import { endSuperseded, putOutOfDate, untilPurged } from "./supersede.js";
import type { PutOut } from "./supersede.js";
import { headTold, notModified } from "./validation.js";
import type { Freshening, Told } from "./validation.js";
import {
  changedFields,
  deliveryFor,
  reasonTold,
  statusField,
  clientFields,
  withoutOuterCodingVary,
} from "./client-response.js";
import type { ForwardReport } from "./report.js";
import type { Fields } from "./client-response.js";

/** What a response has beside the plan of its forward. */
interface ResponseDeps {
  readonly directives: HandlerDirectives;
  readonly requestChanges: RequestChanges;
  readonly report: ForwardReport;
  /** Called when the handler may go on to write. */
  readonly drained: () => void;
}

export class HandlerResponse {
  readonly #context: CacheContext;
  readonly #directives: HandlerDirectives;
  readonly #requestChanges: RequestChanges;
  readonly #report: ForwardReport;
  readonly #drained: () => void;
  readonly #requestAt: number;
  #plan: ForwardPlan;
  #capture: Capture | undefined;
  /** What the decision to store was made on. */
  #decidedOn: ResponseHead | undefined;
  #decision: StoreDecision | undefined;
  /** A stored response that a 304 has freshened, until its head leaves; then whether it stays stored. */
  #freshening: Freshening | undefined;
  #freshened: MaybeAsync<boolean> = false;
  /** What the answer to a HEAD says of the stored page, until its head leaves. */
  #told: Told | undefined;
  /** The fields the client is given. */
  #given: RawHeaders = [];
  /** What the request has put out of date, once that is purged. */
  #putOut: PutOut | undefined;

  constructor(context: CacheContext, plan: ForwardPlan, { directives, requestChanges, report, drained }: ResponseDeps) {
    this.#context = context;
    this.#plan = plan;
    this.#directives = directives;
    this.#requestChanges = requestChanges;
    this.#report = report;
    this.#drained = drained;
    this.#requestAt = context.options.clock.now();
  }

  get plan(): ForwardPlan {
    return this.#plan;
  }

  /** While it is recorded. */
  get capture(): Capture | undefined {
    return this.#capture;
  }

  /** Whether it has been decided if it is stored. */
  get isDecided(): boolean {
    return this.#decision !== undefined;
  }

  /** Whether it is recorded, and has said how long it is. */
  get endIsKnown(): boolean {
    return this.#capture !== undefined && isLengthAnnounced(this.#decidedOn!);
  }

  /** Whether what is written is still stored, or read along by others. */
  get wanted(): boolean {
    return this.#capture?.wanted ?? this.#freshening !== undefined;
  }

  /** Whether `leaving` decides anything: what is stored of the response, or what it says of a stored page. */
  get awaitsLeaving(): boolean {
    return (this.#capture ?? this.#freshening ?? this.#told) !== undefined;
  }

  /** Whether the stored response that a 304 has freshened stays stored, once the response is over. */
  get freshened(): MaybeAsync<boolean> {
    return this.#freshened;
  }

  refine(policy: WholePolicy): void {
    this.#plan = { ...this.#plan, policy };
  }

  /** What the request has changed is purged, before a head goes to the client.
   * @returns resolves when no machine answers with what was, or after a second. `undefined`: nothing to wait for */
  held(head: ResponseHead): Promise<void> | undefined {
    if (this.#putOut !== undefined) return undefined;
    this.#putOut = putOutOfDate(this.#context, this.#plan, head);
    return untilPurged(this.#context, this.#putOut);
  }

  /** It begins. May throw: then it has to be aborted. */
  head(start: ResponseStart): Delivery {
    const { head, before, body } = withoutOuterCodingVary(this.#plan, this.#directives, start);
    const { selection, request, beginning } = this.#plan;
    const now = this.#context.options.clock.now();
    this.#decidedOn = head;
    this.#plan.reads?.reflections.begin(head.rawHeaders, body);
    this.#given = head.rawHeaders;
    if (beginning !== undefined && (head.status === 206 || head.status === 416))
      return completeBeginning(this.#context, this.#plan, beginning, head, body !== undefined, now, {
        decide: (completed) => this.#decide(completed, now),
        begin: (decision, completed) => this.#begin(decision, { head: completed, before, ownEtag: undefined, now }),
        refused: (reason) => this.#refused(reason),
      });
    if (selection !== undefined) {
      if (request.method === "HEAD")
        this.#told = headTold(this.#context, this.#plan, selection, head, now, (told, plan) =>
          this.#decide(told, now, undefined, plan),
        );
      if (head.status === 304 && this.#requestChanges.conditional) {
        const decide = (freshened: ResponseHead): StoreDecision => this.#decide(freshened, now);
        const answer = notModified(this.#context, this.#plan, selection, head, now, decide, this.#report);
        this.#freshening = answer.freshening;
        this.#given = answer.response.headers;
        return { kind: "instead", response: answer.response, record: answer.freshening !== undefined };
      }
      const stale = this.staleInstead(now, head.status, head.rawHeaders);
      if (stale !== undefined) return { kind: "instead", response: stale, record: false };
    }
    return this.#deliver(head, before, body, now);
  }

  /** It is complete in `filled`, where it would have been passed on as it is. */
  toFill({ set, remove, record }: Delivery & { kind: "pass" }, head: ResponseHead, holes: StoredHoles): Delivery {
    const visible = { ...head, rawHeaders: changedFields(head.rawHeaders, set, remove) };
    const filled = async (content: Buffer) => {
      // What fills it may read anything: the page is for one client.
      this.#plan.reads?.end();
      const response = await fillMade(this.#context, this.#plan, visible, holes, content);
      // `Cache-Status` is about this client's copy; what is added later is about the page.
      this.#given = response.headers;
      return response;
    };
    return { kind: "filled", record, filled };
  }

  /** Its head is about to be sent, with all that middleware outside the cache has added to it. Only now is it certain
   * that the response may be shared: until then no request reads along.
   * @returns fields to set after all, because they have changed */
  leaving(rawHeaders: RawHeaders): Fields {
    const capture = this.#capture;
    const head = this.#decidedOn;
    if (head === undefined || !this.awaitsLeaving) return [];
    const reason = lateRefusal(this.#given, rawHeaders, this.#context.options.relaxed.setCookie);
    if (this.#told !== undefined) {
      this.#toldOfPage(reason);
      return [];
    }
    if (reason === undefined && this.#plan.page !== undefined) this.#context.hitForMiss.forget(this.#plan.page.key);
    if (capture === undefined) return this.#freshenedLeaves(reason, rawHeaders);
    if (reason === undefined) {
      // A page with holes is shared once it is complete: the holes are filled for each client.
      if (this.#directives.sealHoles() === undefined) this.#plan.leading?.flight.share(capture.sharing());
      return this.#lost(capture, head);
    }
    this.#keepNothing(capture, reason, rawHeaders);
    endSuperseded(this.#context, this.#plan, head.status, reason);
    const known = { ownEtag: undefined, whole: false, tookMs: this.#report.sinceMs };
    return clientFields(this.#plan, this.#directives, head, { store: false, reason }, known, this.#context.options);
  }

  /** It ended properly.
   * @returns whether it is stored, and under which keys */
  end(): { readonly kept: MaybeAsync<boolean>; readonly keys: readonly string[] | undefined } {
    const capture = this.#capture;
    this.#capture = undefined;
    this.#freshenedLeaves(undefined, []);
    this.#toldOfPage(undefined);
    // A handler that goes on while it writes may have read more since.
    const now = capture && this.#decision && audited(this.#context, this.#plan, this.#decision);
    const { skipReason } = this.#directives;
    if (skipReason !== undefined) capture?.refuse(skipReason);
    else if (now?.store === false) capture?.refuse(now.reason);
    // It is already stored under the key of what selects it.
    else if (now !== this.#decision) capture?.refuse("audit");
    const kept = capture?.end() ?? false;
    if (capture?.refused !== undefined)
      endSuperseded(this.#context, this.#plan, this.#decidedOn!.status, capture.refused);
    return { kept, keys: capture?.keys };
  }

  /** It did not end properly. */
  abort(reason: string): void {
    this.#capture?.abort(reason);
    this.#capture = undefined;
    this.#freshening?.abort(reason);
    this.#freshening = this.#told = undefined;
  }

  /** The application failed: a stale page in the place of its response, if one may be. */
  staleInstead(now: number, failure: Failure, fields: RawHeaders = []): OutgoingResponse | undefined {
    const stale = staleInstead(this.#context, this.#plan, now, failure, fields);
    if (stale !== undefined) this.#report.answeredElsewhere();
    return stale;
  }

  #deliver(head: ResponseHead, before: RawHeaders, body: Buffer | undefined, now: number): Delivery {
    const decision = this.#decide(head, now, body?.length);
    const { store } = this.#context;
    const { survived } = (this.#putOut ??= putOutOfDate(this.#context, this.#plan, head));
    const { birth } = this.#plan;
    // A POST that answers GETs is stored a moment after what it has invalidated.
    if (survived && decision.store && store.survivesPurges({ scope: "", name: "", tags: decision.tags, birth }))
      this.#plan = { ...this.#plan, birth: store.position() };
    const ownEtag = decision.store && body !== undefined && mayBeTagged(head) ? etag(body) : undefined;
    this.#report.forwarded(reasonTold(this.#plan, decision), decision.store ? undefined : decision.reason);
    if (decision.store) this.#begin(decision, { head, before, ownEtag, now });
    else {
      this.#refused(decision.reason, head.status >= 500, head.rawHeaders);
      endSuperseded(this.#context, this.#plan, head.status, decision.reason);
    }
    const refusal = this.#capture?.refusal(body?.length ?? announcedLength(head), body !== undefined);
    // Waiting requests get it all the same.
    if (refusal !== undefined) this.#capture?.refuse(refusal);
    const kept: StoreDecision = refusal === undefined ? decision : { store: false, reason: refusal };
    const known = { ownEtag, whole: body !== undefined, tookMs: this.#report.sinceMs };
    const set = clientFields(this.#plan, this.#directives, head, kept, known, this.#context.options);
    if (this.awaitsLeaving) this.#given = [...head.rawHeaders, ...set.flat()];
    // Filled, it is a different page for every client: the client's conditions and ranges are about none of them.
    const answerable = this.#requestChanges.stripped && this.#directives.sealHoles() === undefined;
    return deliveryFor(answerable ? this.#plan.request : undefined, head, set, body, decision.store);
  }

  #decide(head: ResponseHead, now: number, bodyBytes?: number, plan: ForwardPlan = this.#plan): StoreDecision {
    const { clock } = this.#context.options;
    const times = { requestAt: dated(clock, this.#requestAt), responseAt: dated(clock, now), storedAt: now };
    const decide = () => decideStoring(this.#context, plan, this.#directives, { head, bodyBytes }, times);
    const { reads } = plan;
    return (this.#decision = audited(this.#context, plan, reads === undefined ? decide() : reads.aside(decide)));
  }

  #begin(decision: StoreDecision & { store: true }, beginning: Beginning): Capture {
    const plan = capturePlan(this.#context.options, this.#plan, decision, beginning, this.#directives);
    const capture = new Capture(this.#context, plan, this.#report);
    capture.onDrain = this.#drained;
    this.#capture = capture;
    return capture;
  }

  // Between the decision and the head the cache may have been closed, or its disk may have failed: then the response
  // is not reported as stored.
  #lost(capture: Capture, head: ResponseHead): Fields {
    const reason = capture.lost;
    if (reason === undefined) return [];
    capture.refuse(reason);
    return [statusField(this.#plan, head, { store: false, reason }, false)];
  }

  // A stored response that a 304 has freshened is shared, too, only once its head leaves.
  #freshenedLeaves(refusal: string | undefined, rawHeaders: RawHeaders): Fields {
    const freshening = this.#freshening;
    this.#freshening = undefined;
    if (freshening === undefined) return [];
    if (refusal !== undefined) return freshening.refuse(refusal, rawHeaders);
    const { kept, fields } = freshening.store();
    this.#freshened = kept;
    return fields;
  }

  #toldOfPage(refusal: string | undefined): void {
    const told = this.#told;
    this.#told = undefined;
    told?.(refusal);
  }

  // A client whose own response is read from the capture gets the rest of it.
  #keepNothing(capture: Capture, reason: string, rawHeaders: RawHeaders): void {
    if (this.#plan.beginning === undefined) {
      capture.abort(reason, rawHeaders);
      this.#capture = undefined;
    } else capture.refuse(reason);
    releaseFollowers(this.#plan, false);
  }

  #refused(reason: string, failed = false, rawHeaders?: RawHeaders): void {
    if (this.#plan.page !== undefined) this.#report.notStored(reason, rawHeaders);
    // The next request leads again: its answer will be stored, for itself and for others.
    if (reason !== NOT_ADMITTED) releaseFollowers(this.#plan, failed);
  }
}
