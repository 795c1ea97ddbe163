/** A request on its way through the application: what happens to the handler's answer. Called by an adapter in this
 * order: `requestChanges`, `head`, `leaving` and `write`…, then `end` or `abort`. */
import etag from "etag";
import { Capture } from "./capture/capture.js";
import { dated } from "../base/clock.js";
import type { CacheContext } from "../page-cache/context.js";
import { internalError, undeliveredError } from "../base/errors.js";
import type { RawHeaders, ResponseHead } from "../base/exchange.js";
import { isSafe } from "../http/invalidation.js";
import { mayBeTagged } from "../http/validators.js";
import { andThen, atMost } from "../base/async.js";
import type { MaybeAsync } from "../base/async.js";
import type { WholePolicy } from "../options/resolve-policy.js";
import type { OutgoingResponse } from "../stored/outgoing.js";
import type { StoredHoles } from "../stored/stored-response.js";
import type { BodyReader } from "../store/contract.js";
import { AbsentClient, mayGoOnAlone } from "./absent-client.js";
import {
  announcedLength,
  audited,
  decideStoring,
  isLengthAnnounced,
  lateRefusal,
  NOT_ADMITTED,
} from "./decide-storing.js";
import { completeBeginning, requestChanges } from "./request-changes.js";
import { deadlineMs, staleInstead } from "./stale.js";
import type { Delivery, ForwardPlan, ResponseStart, StoreDecision } from "./forward-plan.js";
import { fillMade } from "../features/holes/fill.js";
import { HandlerDirectives } from "./handler-directives.js";
import { capturePlan } from "./stored-head.js";
import { endSuperseded, putOutOfDate } from "./supersede.js";
import type { PutOut } from "./supersede.js";
import { headTold, notModified } from "./validation.js";
import type { Freshening, Told } from "./validation.js";
import { leadNoLonger, releaseFollowers } from "./forward-plan.js";
import {
  changedFields,
  deliveryFor,
  reasonTold,
  statusField,
  clientFields,
  withoutOuterCodingVary,
} from "./client-response.js";
import type { RequestChanges } from "./request-changes.js";
import type { Failure } from "./stale.js";
import { ForwardReport } from "./report.js";
import type { Fields } from "./client-response.js";

/** How long the response to a request that has changed something waits for other machines. */
const HELD_MS = 1_000;
const PASS: Delivery = Object.freeze({ kind: "pass", set: [], remove: [], record: false });

export class Forward {
  readonly kind = "forward";
  /** What the handler may say: `req.diskCache`, `ctx.diskCache`. */
  readonly directives: HandlerDirectives;
  /** Fields the handler must see, or must not see, instead of the client's own. */
  readonly requestChanges: RequestChanges;
  readonly #context: CacheContext;
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
  readonly #report: ForwardReport;
  #delegated = false;
  /** While its client has left and the handler goes on. */
  #absent: AbsentClient | undefined;
  /** What the request has put out of date, once that is purged. */
  #putOut: PutOut | undefined;
  /** The handler may know that its client has left: a response that it ends from now on may be less than the page. */
  #mayBeCutShort = false;
  #over = false;
  #deadline: NodeJS.Timeout | undefined;

  /** Called when `write` returned false and there is room again. */
  onDrain: (() => void) | undefined;

  /** Called when the handler takes longer than `timeout` and a stale page may stand in: the client gets that, and what
   * the handler still answers is for the cache alone. */
  onTimeout: ((stale: OutgoingResponse) => void) | undefined;

  /** Called once, when the response is over, however it went. */
  onOver: (() => void) | undefined;

  constructor(context: CacheContext, plan: ForwardPlan) {
    this.#context = context;
    this.#plan = plan;
    this.#report = new ForwardReport(context, plan);
    this.directives = new HandlerDirectives(context, plan.own);
    context.fragments.renderings.begin(this.directives);
    this.requestChanges = requestChanges(context, plan);
    this.#requestAt = context.options.clock.now();
    this.#setDeadline();
    const { page, facts } = plan;
    if (page === undefined || !(facts.authorization || facts.cookies)) this.#report.forwarded();
  }

  get plan(): ForwardPlan {
    return this.#plan;
  }

  /** Whether `held` may have something to wait for: the request may change something, and machines share purges. */
  get mayBeHeld(): boolean {
    return this.#context.shared && !this.#delegated && !isSafe(this.#plan.request.method);
  }

  /** For the moment before a head goes to the client: what the request has changed is purged, and the head waits until
   * no machine answers with what was, a second at most.
   * @returns never rejects. `undefined`: there is nothing to wait for */
  held(head: ResponseHead): Promise<void> | undefined {
    if (!this.mayBeHeld || this.#putOut !== undefined) return undefined;
    const { purged } = (this.#putOut = putOutOfDate(this.#context, this.#plan, head));
    if (purged === undefined) return undefined;
    return atMost(HELD_MS, purged, () =>
      this.#context.observer.error(undeliveredError(new Error("the response does not wait longer"))),
    );
  }

  /** Calls the application: fragments that it uses, now or later, are known to be inside this response. */
  run<Result>(application: () => Result): Result {
    return this.#context.fragments.renderings.inside(this.directives, application);
  }

  /** Merges a route's policy into the one the request came in with. The key stays. */
  refine(policy: WholePolicy): void {
    this.#plan = { ...this.#plan, policy };
    this.#setDeadline();
  }

  /** Another exchange, with a key of its own, answers this request: this one passes everything through. */
  delegate(): void {
    this.#report.forwarded();
    this.#report.kept(false);
    this.#report.answeredElsewhere();
    this.#delegated = true;
    clearTimeout(this.#deadline);
    releaseFollowers(this.#plan, false);
    // The other exchange may need the lock of the same page.
    this.#plan.settled?.();
  }

  /** The response begins. Called once, before anything of it is sent. Never throws. */
  head(start: ResponseStart): Delivery {
    if (this.#delegated || this.#over) return PASS;
    this.#absent?.progressed();
    clearTimeout(this.#deadline);
    const holes = this.directives.sealHoles();
    let delivery = PASS;
    try {
      delivery = this.#head(withoutOuterCodingVary(this.#plan, this.directives, start));
    } catch (thrown) {
      this.abort("error");
      this.#context.observer.error(internalError("response head", thrown));
    }
    return holes === undefined || delivery.kind !== "pass" ? delivery : this.#toFill(delivery, start.head, holes);
  }

  /** A piece of the body. False asks the handler to wait for `onDrain`. The bytes must not change afterwards. */
  write(chunk: Buffer): boolean {
    this.#plan.reads?.reflections.piece(chunk);
    this.#absent?.progressed();
    return this.#capture?.write(chunk) ?? true;
  }

  /** The client has left before the response was over, and the handler does not know.
   * @returns whether the handler is to go on as if its client were there: for the store, and for waiting requests.
   * Then the handler must not learn of it until `wanted` is false, the response is over, or `abandoned` is called.
   * Where false, the adapter gives up by `abort` */
  clientLeft(abandoned: () => void): boolean {
    if (!this.#goesOn) return false;
    this.#plan.leading?.flight.leaderLeft();
    this.#absent ??= new AbsentClient({
      silent: (ms) => this.#silent(ms, abandoned),
      late: () => void (this.followed || this.#plan.leading?.flight.awaited || abandoned()),
    });
    return true;
  }

  /** The handler may know that its client has left. Then the response is complete only if its length was announced
   * before; otherwise it is given up. Idempotent.
   * @returns whether it goes on */
  handlerTold(): boolean {
    this.#mayBeCutShort = true;
    if (this.#capture === undefined || !isLengthAnnounced(this.#decidedOn!)) {
      if (!this.#over) this.abort("aborted");
      return false;
    }
    // Requests that read along get what comes; later ones lead for themselves.
    leadNoLonger(this.#plan);
    return true;
  }

  /** The client does not read what is written as fast as it comes, and the handler waits. Calls `leave` when it has
   * waited for long enough: soon once others read along, otherwise a little later. Then the client is to go on by
   * `clientReader`. */
  clientStalls(leave: () => void): void {
    this.#capture?.pace.stalls(leave);
  }

  /** The client has caught up, or there is nothing more to wait for. */
  clientFlows(): void {
    this.#capture?.pace.flows();
  }

  /** The rest of the body from `at` on, as far as it has been written and as it goes on, for a client that is left
   * behind. `undefined` when it is not available: then the handler has to wait for the client. */
  clientReader(at: number): BodyReader | undefined {
    return this.#capture?.clientReader(at);
  }

  /** Whether what is written is still stored, or read along by others; decided once the response has begun. */
  get wanted(): boolean {
    return this.#capture?.wanted ?? this.#freshening !== undefined;
  }

  /** Whether others read along at the moment. */
  get followed(): boolean {
    return this.#capture?.followed ?? false;
  }

  /** Whether `leaving` decides anything: what is stored of the response, or what it says of a stored page. */
  get awaitsLeaving(): boolean {
    return (this.#capture ?? this.#freshening ?? this.#told) !== undefined;
  }

  /** The head is about to be sent, with all that middleware outside the cache has added to it. Called once, before
   * `end`. Only now is it certain that the response may be shared: until then no request reads along.
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
      if (this.directives.sealHoles() === undefined) this.#plan.leading?.flight.share(capture.sharing());
      return this.#lost(capture, head);
    }
    this.#keepNothing(capture, reason, rawHeaders);
    endSuperseded(this.#context, this.#plan, head.status, reason);
    const known = { ownEtag: undefined, whole: false, tookMs: this.#report.sinceMs };
    return clientFields(this.#plan, this.directives, head, { store: false, reason }, known, this.#context.options);
  }

  /** The response ended properly. Returns, or resolves to, whether it is stored. */
  end(): MaybeAsync<boolean> {
    const capture = this.#capture;
    this.#capture = undefined;
    this.#freshenedLeaves(undefined, []);
    this.#toldOfPage(undefined);
    // A handler that goes on while it writes may have read more since.
    const now = capture && this.#decision && audited(this.#context, this.#plan, this.#decision);
    const { skipReason } = this.directives;
    if (skipReason !== undefined) capture?.refuse(skipReason);
    else if (now?.store === false) capture?.refuse(now.reason);
    // It is already stored under the key of what selects it.
    else if (now !== this.#decision) capture?.refuse("audit");
    const kept = capture?.end() ?? false;
    if (capture?.refused !== undefined)
      endSuperseded(this.#context, this.#plan, this.#decidedOn!.status, capture.refused);
    // Requests in this process find it in the store, and until it is there they get it like those that read along;
    // other processes find it once it is on the disk.
    this.#settle(kept, capture?.keys);
    return kept;
  }

  /** The response did not end properly, or turned out not to be storable after it began. */
  abort(reason: string): void {
    this.#capture?.abort(reason);
    this.#capture = undefined;
    this.#freshening?.abort(reason);
    this.#freshening = this.#told = undefined;
    // An error that is thrown here is an answer like any other to the waiting requests: a failure, which each of them
    // finds out for itself.
    if (reason === "thrown") releaseFollowers(this.#plan, true);
    this.#settle(false);
  }

  /** The application failed before it answered, with a status it was about to send or without any: a stale page to
   * serve instead, if one may be. */
  failed(why: Failure): OutgoingResponse | undefined {
    return this.#delegated ? undefined : this.#staleInstead(this.#context.options.clock.now(), why);
  }

  #toFill({ set, remove, record }: Delivery & { kind: "pass" }, head: ResponseHead, holes: StoredHoles): Delivery {
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

  #head({ head, before, body }: ResponseStart): Delivery {
    const { selection, request, beginning } = this.#plan;
    const now = this.#context.options.clock.now();
    this.#decidedOn = head;
    this.#plan.reads?.reflections.begin(head.rawHeaders, body);
    this.#given = head.rawHeaders;
    if (beginning !== undefined && (head.status === 206 || head.status === 416))
      return completeBeginning(this.#context, this.#plan, beginning, head, body !== undefined, now, {
        decide: (completed) => this.#decide(completed, now),
        begin: (decision, completed) => this.#begin(decision, completed, before, undefined, now),
        refused: (reason) => this.#refused(reason),
      });
    if (selection !== undefined) {
      if (request.method === "HEAD")
        this.#told = headTold(this.#context, this.#plan, selection, head, now, (told, plan) =>
          this.#decide(told, now, undefined, plan),
        );
      if (head.status === 304 && this.requestChanges.conditional) {
        const decide = (freshened: ResponseHead): StoreDecision => this.#decide(freshened, now);
        const answer = notModified(this.#context, this.#plan, selection, head, now, decide, this.#report);
        this.#freshening = answer.freshening;
        this.#given = answer.response.headers;
        return { kind: "instead", response: answer.response, record: answer.freshening !== undefined };
      }
      const stale = this.#staleInstead(now, head.status, head.rawHeaders);
      if (stale !== undefined) return { kind: "instead", response: stale, record: false };
    }
    return this.#deliver(head, before, body, now);
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
    if (decision.store) this.#begin(decision, head, before, ownEtag, now);
    else {
      this.#refused(decision.reason, head.status >= 500, head.rawHeaders);
      endSuperseded(this.#context, this.#plan, head.status, decision.reason);
    }
    const refusal = this.#capture?.refusal(body?.length ?? announcedLength(head), body !== undefined);
    // Waiting requests get it all the same.
    if (refusal !== undefined) this.#capture?.refuse(refusal);
    const kept: StoreDecision = refusal === undefined ? decision : { store: false, reason: refusal };
    const known = { ownEtag, whole: body !== undefined, tookMs: this.#report.sinceMs };
    const set = clientFields(this.#plan, this.directives, head, kept, known, this.#context.options);
    if (this.awaitsLeaving) this.#given = [...head.rawHeaders, ...set.flat()];
    // Filled, it is a different page for every client: the client's conditions and ranges are about none of them.
    const answerable = this.requestChanges.stripped && this.directives.sealHoles() === undefined;
    return deliveryFor(answerable ? this.#plan.request : undefined, head, set, body, decision.store);
  }

  #decide(head: ResponseHead, now: number, bodyBytes?: number, plan: ForwardPlan = this.#plan): StoreDecision {
    const { clock } = this.#context.options;
    const times = { requestAt: dated(clock, this.#requestAt), responseAt: dated(clock, now), storedAt: now };
    const decide = () => decideStoring(this.#context, plan, this.directives, { head, bodyBytes }, times);
    const { reads } = plan;
    return (this.#decision = audited(this.#context, plan, reads === undefined ? decide() : reads.aside(decide)));
  }

  #begin(
    decision: StoreDecision & { store: true },
    head: ResponseHead,
    before: RawHeaders,
    ownEtag: string | undefined,
    now: number,
  ): Capture {
    const plan = capturePlan(
      this.#context.options,
      this.#plan,
      decision,
      { head, before, ownEtag, now },
      this.directives,
    );
    const capture = new Capture(this.#context, plan, this.#report);
    capture.onDrain = () => this.onDrain?.();
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

  // Waiting requests, and those that come, lead for themselves. Those that have the beginning already have to wait,
  // for as long as any request waits for others.
  #silent(forMs: number, abandoned: () => void): void {
    if (this.#plan.leading?.flight.standsIn !== true) {
      leadNoLonger(this.#plan);
      this.#capture?.dismissUnbegun();
    }
    const over = this.#mayBeCutShort || (this.followed && forMs >= this.#context.options.flight.timeoutMs);
    if (!over) return;
    this.abort("aborted");
    abandoned();
  }

  get #goesOn(): boolean {
    if (this.#delegated || this.#over) return false;
    return this.#decision === undefined ? mayGoOnAlone(this.#plan, this.#context.hitForMiss) : this.wanted;
  }

  #settle(kept: MaybeAsync<boolean>, keys: readonly string[] = []): void {
    const { leading, settled } = this.#plan;
    this.#report.forwarded();
    this.#report.kept(kept);
    const wasOver = this.#over;
    const onOver = wasOver ? undefined : this.onOver;
    this.#over = true;
    this.#absent?.over();
    clearTimeout(this.#deadline);
    const placed = kept === false ? this.#freshened : kept;
    if (!wasOver) this.#report.over(placed);
    if (placed instanceof Promise) void this.#context.endings.add(placed);
    this.#context.fragments.renderings.end(this.directives);
    leading?.flight.complete(placed instanceof Promise ? placed : undefined);
    void andThen(placed, () => {
      leading?.lock?.release(keys);
      settled?.();
    });
    onOver?.();
  }

  // Begins, or begins again under another policy.
  #setDeadline(): void {
    clearTimeout(this.#deadline);
    const ms = deadlineMs(this.#plan);
    this.#deadline = ms === undefined ? undefined : setTimeout(() => this.#late(), ms).unref();
  }

  #late(): void {
    const stale = this.onTimeout && this.failed("timeout");
    if (stale !== undefined) this.onTimeout?.(stale);
  }

  #staleInstead(now: number, failure: Failure, fields: RawHeaders = []): OutgoingResponse | undefined {
    const stale = staleInstead(this.#context, this.#plan, now, failure, fields);
    if (stale !== undefined) this.#report.answeredElsewhere();
    return stale;
  }
}
