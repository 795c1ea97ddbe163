/** A request on its way through the application: its client, its time limits, and the requests that wait for it; what
 * becomes of the answer itself is `handler-response.ts`. Called by an adapter in this order: `requestChanges`, `head`,
 * `leaving` and `write`…, then `end` or `abort`. */
import type { CacheContext } from "../page-cache/context.js";
import { internalError } from "../base/errors.js";
import type { RawHeaders, ResponseHead } from "../base/exchange.js";
import { isSafe } from "../http/invalidation.js";
import { andThen } from "../base/async.js";
import type { MaybeAsync } from "../base/async.js";
import type { WholePolicy } from "../options/resolve-policy.js";
import type { OutgoingResponse } from "../stored/outgoing.js";
import type { BodyReader } from "../store/contract.js";
import { AbsentClient, mayGoOnAlone } from "./absent-client.js";
import type { Fields } from "./client-response.js";
import { leadNoLonger, releaseFollowers } from "./forward-plan.js";
import type { Delivery, ForwardPlan, ResponseStart } from "./forward-plan.js";
import { HandlerDirectives } from "./handler-directives.js";
import { HandlerResponse } from "./handler-response.js";
import { ForwardReport } from "./report.js";
import { requestChanges } from "./request-changes.js";
import type { RequestChanges } from "./request-changes.js";
import { deadlineMs } from "./stale.js";
import type { Failure } from "./stale.js";

const PASS: Delivery = Object.freeze({ kind: "pass", set: [], remove: [], record: false });

export class Forward {
  readonly kind = "forward";
  /** What the handler may say: `req.diskCache`, `ctx.diskCache`. */
  readonly directives: HandlerDirectives;
  /** Fields the handler must see, or must not see, instead of the client's own. */
  readonly requestChanges: RequestChanges;
  readonly #context: CacheContext;
  readonly #response: HandlerResponse;
  readonly #report: ForwardReport;
  #delegated = false;
  /** While its client has left and the handler goes on. */
  #absent: AbsentClient | undefined;
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
    this.#report = new ForwardReport(context, plan);
    this.directives = new HandlerDirectives(context, plan.own);
    context.fragments.renderings.begin(this.directives);
    this.requestChanges = requestChanges(context, plan);
    this.#response = new HandlerResponse(context, plan, {
      directives: this.directives,
      requestChanges: this.requestChanges,
      report: this.#report,
      drained: () => this.onDrain?.(),
    });
    this.#setDeadline();
    const { page, facts } = plan;
    if (page === undefined || !(facts.authorization || facts.cookies)) this.#report.forwarded();
  }

  get plan(): ForwardPlan {
    return this.#response.plan;
  }

  /** Whether `held` may have something to wait for: the request may change something, and machines share purges. */
  get mayBeHeld(): boolean {
    return this.#context.shared && !this.#delegated && !isSafe(this.plan.request.method);
  }

  /** For the moment before a head goes to the client: what the request has changed is purged, and the head waits until
   * no machine answers with what was, a second at most.
   * @returns never rejects. `undefined`: there is nothing to wait for */
  held(head: ResponseHead): Promise<void> | undefined {
    return this.mayBeHeld ? this.#response.held(head) : undefined;
  }

  /** Calls the application: fragments that it uses, now or later, are known to be inside this response. */
  run<Result>(application: () => Result): Result {
    return this.#context.fragments.renderings.inside(this.directives, application);
  }

  /** Merges a route's policy into the one the request came in with. The key stays. */
  refine(policy: WholePolicy): void {
    this.#response.refine(policy);
    this.#setDeadline();
  }

  /** Another exchange, with a key of its own, answers this request: this one passes everything through. */
  delegate(): void {
    this.#report.forwarded();
    this.#report.kept(false);
    this.#report.answeredElsewhere();
    this.#delegated = true;
    clearTimeout(this.#deadline);
    releaseFollowers(this.plan, false);
    // The other exchange may need the lock of the same page.
    this.plan.settled?.();
  }

  /** The response begins. Called once, before anything of it is sent. Never throws. */
  head(start: ResponseStart): Delivery {
    if (this.#delegated || this.#over) return PASS;
    this.#absent?.progressed();
    clearTimeout(this.#deadline);
    const holes = this.directives.sealHoles();
    let delivery = PASS;
    try {
      delivery = this.#response.head(start);
    } catch (thrown) {
      this.abort("error");
      this.#context.observer.error(internalError("response head", thrown));
    }
    return holes === undefined || delivery.kind !== "pass"
      ? delivery
      : this.#response.toFill(delivery, start.head, holes);
  }

  /** A piece of the body. False asks the handler to wait for `onDrain`. The bytes must not change afterwards. */
  write(chunk: Buffer): boolean {
    this.plan.reads?.reflections.piece(chunk);
    this.#absent?.progressed();
    return this.#response.capture?.write(chunk) ?? true;
  }

  /** The client has left before the response was over, and the handler does not know.
   * @returns whether the handler is to go on as if its client were there: for the store, and for waiting requests.
   * Then the handler must not learn of it until `wanted` is false, the response is over, or `abandoned` is called.
   * Where false, the adapter gives up by `abort` */
  clientLeft(abandoned: () => void): boolean {
    if (!this.#goesOn) return false;
    this.plan.leading?.flight.leaderLeft();
    this.#absent ??= new AbsentClient({
      silent: (ms) => this.#silent(ms, abandoned),
      late: () => void (this.followed || this.plan.leading?.flight.awaited || abandoned()),
    });
    return true;
  }

  /** The handler may know that its client has left. Then the response is complete only if its length was announced
   * before; otherwise it is given up. Idempotent.
   * @returns whether it goes on */
  handlerTold(): boolean {
    this.#mayBeCutShort = true;
    if (!this.#response.endIsKnown) {
      if (!this.#over) this.abort("aborted");
      return false;
    }
    // Requests that read along get what comes; later ones lead for themselves.
    leadNoLonger(this.plan);
    return true;
  }

  /** The client does not read what is written as fast as it comes, and the handler waits. Calls `leave` when it has
   * waited for long enough: soon once others read along, otherwise a little later. Then the client is to go on by
   * `clientReader`. */
  clientStalls(leave: () => void): void {
    this.#response.capture?.pace.stalls(leave);
  }

  /** The client has caught up, or there is nothing more to wait for. */
  clientFlows(): void {
    this.#response.capture?.pace.flows();
  }

  /** The rest of the body from `at` on, as far as it has been written and as it goes on, for a client that is left
   * behind. `undefined` when it is not available: then the handler has to wait for the client. */
  clientReader(at: number): BodyReader | undefined {
    return this.#response.capture?.clientReader(at);
  }

  /** Whether what is written is still stored, or read along by others; decided once the response has begun. */
  get wanted(): boolean {
    return this.#response.wanted;
  }

  /** Whether others read along at the moment. */
  get followed(): boolean {
    return this.#response.capture?.followed ?? false;
  }

  /** Whether `leaving` decides anything: what is stored of the response, or what it says of a stored page. */
  get awaitsLeaving(): boolean {
    return this.#response.awaitsLeaving;
  }

  /** The head is about to be sent, with all that middleware outside the cache has added to it. Called once, before
   * `end`. Only now is it certain that the response may be shared: until then no request reads along.
   * @returns fields to set after all, because they have changed */
  leaving(rawHeaders: RawHeaders): Fields {
    return this.#response.leaving(rawHeaders);
  }

  /** The response ended properly. Returns, or resolves to, whether it is stored. */
  end(): MaybeAsync<boolean> {
    const { kept, keys } = this.#response.end();
    // Requests in this process find it in the store, and until it is there they get it like those that read along;
    // other processes find it once it is on the disk.
    this.#settle(kept, keys);
    return kept;
  }

  /** The response did not end properly, or turned out not to be storable after it began. */
  abort(reason: string): void {
    this.#response.abort(reason);
    // An error that is thrown here is an answer like any other to the waiting requests: a failure, which each of them
    // finds out for itself.
    if (reason === "thrown") releaseFollowers(this.plan, true);
    this.#settle(false);
  }

  /** The application failed before it answered, with a status it was about to send or without any: a stale page to
   * serve instead, if one may be. */
  failed(why: Failure): OutgoingResponse | undefined {
    return this.#delegated ? undefined : this.#response.staleInstead(this.#context.options.clock.now(), why);
  }

  // Waiting requests, and those that come, lead for themselves. Those that have the beginning already have to wait,
  // for as long as any request waits for others.
  #silent(forMs: number, abandoned: () => void): void {
    if (this.plan.leading?.flight.standsIn !== true) {
      leadNoLonger(this.plan);
      this.#response.capture?.dismissUnbegun();
    }
    const over = this.#mayBeCutShort || (this.followed && forMs >= this.#context.options.flight.timeoutMs);
    if (!over) return;
    this.abort("aborted");
    abandoned();
  }

  get #goesOn(): boolean {
    if (this.#delegated || this.#over) return false;
    return !this.#response.isDecided ? mayGoOnAlone(this.plan, this.#context.hitForMiss) : this.wanted;
  }

  #settle(kept: MaybeAsync<boolean>, keys: readonly string[] = []): void {
    const { leading, settled } = this.plan;
    this.#report.forwarded();
    this.#report.kept(kept);
    const wasOver = this.#over;
    const onOver = wasOver ? undefined : this.onOver;
    this.#over = true;
    this.#absent?.over();
    clearTimeout(this.#deadline);
    const placed = kept === false ? this.#response.freshened : kept;
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
    const ms = deadlineMs(this.plan);
    this.#deadline = ms === undefined ? undefined : setTimeout(() => this.#late(), ms).unref();
  }

  #late(): void {
    const stale = this.onTimeout && this.failed("timeout");
    if (stale !== undefined) this.onTimeout?.(stale);
  }
}
