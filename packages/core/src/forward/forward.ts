/** A request on its way through the application: what becomes of the handler's answer. Called by an adapter in this order: `requestChanges`, `head`, `write`…, then `end` or `abort`. */
import etag from "etag";
import { copyFreshened } from "../capture/copy-freshened.js";
import { Fill } from "../capture/fill.js";
import type { CacheContext } from "../context.js";
import { internalError } from "../errors.js";
import type { RawHeaders, RequestHead, ResponseHead } from "../exchange.js";
import type { CacheStatus } from "../http/cache-status.js";
import { fieldValue } from "../http/fields.js";
import { freshen, validates } from "../http/freshen.js";
import { staleOnError } from "../http/reusability.js";
import { invalidateByUnsafeMethod } from "../invalidate/unsafe-method.js";
import { variantDigest } from "../key/variant-key.js";
import type { ResponseEntry, Selection } from "../lookup/select.js";
import type { MaybeAsync } from "../maybe-async.js";
import type { ResolvedPolicy } from "../resolve-options.js";
import type { OutgoingResponse } from "../serve/outgoing.js";
import { respond } from "../serve/respond.js";
import type { StoredResponse } from "../stored/stored-response.js";
import { decideStoring } from "./decide-storing.js";
import type { StoreDecision } from "./decide-storing.js";
import type { Delivery } from "./delivery.js";
import type { ForwardPlan, ResponseStart } from "./forward-plan.js";
import { HandlerDirectives } from "./handler-directives.js";
import { requestChanges } from "./request-changes.js";
import type { RequestChanges } from "./request-changes.js";
import { headToStore, untouchedFields } from "./response-fields.js";
import { deliveryFor, visitorFields } from "./visitor.js";

const PASS: Delivery = Object.freeze({ kind: "pass", set: [], remove: [], record: false });

export class Forward {
  readonly kind = "forward";
  /** What the handler may say: `req.diskCache`, `ctx.diskCache`. */
  readonly directives: HandlerDirectives;
  /** Fields the handler must see, or must not see, instead of the visitor's own. */
  readonly requestChanges: RequestChanges;
  readonly #context: CacheContext;
  readonly #requestAt: number;
  #plan: ForwardPlan;
  #fill: Fill | undefined;
  #delegated = false;

  /** Called when `write` returned false and there is room again. */
  onDrain: (() => void) | undefined;

  constructor(context: CacheContext, plan: ForwardPlan) {
    this.#context = context;
    this.#plan = plan;
    this.directives = new HandlerDirectives(plan.refresh);
    this.requestChanges = requestChanges(plan);
    this.#requestAt = context.options.clock.now();
  }

  get plan(): ForwardPlan {
    return this.#plan;
  }

  /** A route's policy laid over the one the request came in with. The key stays. */
  refine(policy: ResolvedPolicy): void {
    this.#plan = { ...this.#plan, policy };
  }

  /** Another exchange, with a key of its own, answers for this request: this one lets everything pass. */
  delegate(): void {
    this.#delegated = true;
    this.#unshareable();
  }

  /** The response begins. Called once, before anything of it is sent. Never throws. */
  head(start: ResponseStart): Delivery {
    if (this.#delegated) return PASS;
    try {
      return this.#head(start);
    } catch (thrown) {
      this.abort("error");
      this.#context.observer.error(internalError("response head", thrown));
      return PASS;
    }
  }

  /** A piece of the body. False asks the handler to wait for `onDrain`. The bytes must not change afterwards. */
  write(chunk: Buffer): boolean {
    return this.#fill?.write(chunk) ?? true;
  }

  /** The response ended properly. Says, or resolves to, whether it is kept. */
  end(): MaybeAsync<boolean> {
    const fill = this.#fill;
    this.#fill = undefined;
    const kept = fill?.end() ?? false;
    // What is stored is visible by now, so whoever comes finds it there.
    this.#settle();
    return kept;
  }

  /** The response did not end properly, or turned out not to be storable after it began. */
  abort(reason: string): void {
    this.#fill?.abort(reason);
    this.#fill = undefined;
    this.#settle();
  }

  /** The application failed before it answered, by a status it had in mind or without any: a stale page to hide it, if there is one that may. */
  failed(why: number | "thrown" | "timeout"): OutgoingResponse | undefined {
    return this.#delegated ? undefined : this.#staleInstead(this.#context.options.clock.now(), why);
  }

  #head({ head, before, body }: ResponseStart): Delivery {
    const { selection, request } = this.#plan;
    const now = this.#context.options.clock.now();
    invalidateByUnsafeMethod(this.#context, request, head);
    if (selection !== undefined) {
      if (head.status === 304 && this.requestChanges.conditional) return this.#notModified(selection, head, now);
      const stale = this.#staleInstead(now, head.status);
      if (stale !== undefined) return { kind: "instead", response: stale, record: false };
    }
    return this.#deliver(head, before, body, now);
  }

  #deliver(head: ResponseHead, before: RawHeaders, body: Buffer | undefined, now: number): Delivery {
    const decision = this.#decide(head, now);
    const ownEtag = decision.store && body !== undefined && lacksEtag(head) ? etag(body) : undefined;
    if (decision.store) this.#begin(decision, head, before, ownEtag, now);
    else this.#refused(decision.reason);
    const set = visitorFields(this.#plan, this.directives, head, decision, ownEtag, this.#context.options.debugHeader);
    return deliveryFor(this.requestChanges.stripped ? this.#plan.request : undefined, head, set, body, decision.store);
  }

  #decide(head: ResponseHead, now: number): StoreDecision {
    return decideStoring(this.#context, this.#plan, this.directives, head, {
      requestAt: this.#requestAt,
      responseAt: now,
    });
  }

  #begin(
    decision: StoreDecision & { store: true },
    head: ResponseHead,
    before: RawHeaders,
    ownEtag: string | undefined,
    now: number,
  ): void {
    const { page, request, birth, leading } = this.#plan;
    const fill = new Fill(this.#context, {
      page: page!,
      request,
      head: headToStore(head, decision.vary, now),
      policy: decision.policy,
      vary: decision.vary,
      outer: untouchedFields(before, head.rawHeaders),
      tags: decision.tags,
      birth,
      ownEtag,
    });
    fill.onDrain = () => this.onDrain?.();
    this.#fill = fill;
    leading?.flight.share({ entry: fill.shared(), answers: (other) => fill.answers(other), detail: undefined });
  }

  #refused(reason: string): void {
    if (this.#plan.page !== undefined) this.#context.observer.notStored(this.#plan.request.target, reason);
    this.#unshareable();
  }

  // Nobody queues for what everybody has to ask for himself.
  #unshareable(): void {
    this.#plan.leading?.unshareable();
    this.#plan.leading?.flight.release("unshareable");
    this.#plan.leading?.lock?.release();
  }

  #settle(): void {
    this.#plan.leading?.flight.complete();
    this.#plan.leading?.lock?.release();
    this.#plan.settled?.();
  }

  #notModified(selection: Selection, validation: ResponseHead, now: number): Delivery {
    if (validates(selection.entry.value.head, validation)) return this.#validated(selection, validation, now);
    // §4.3.4: it is about another representation, so it freshens nothing; but it answers our condition, and the visitor had none.
    const { request, reason } = this.#plan;
    this.#unshareable();
    const status: CacheStatus = { fwd: reason, fwdStatus: 304, detail: "not-modified" };
    const marks = { status, debugHeader: this.#context.options.debugHeader, debugValue: "STALE" };
    return { kind: "instead", response: respond(selection.entry, request, now, marks), record: false };
  }

  // RFC 9111 §4.3.4: the handler says that the stored response still holds.
  #validated(selection: Selection, validation: ResponseHead, now: number): Delivery {
    const { request, reason, birth } = this.#plan;
    const { entry, key } = selection;
    const head = freshen(entry.value.head, validation, now);
    const decision = this.#decide(head, now);
    const policy = decision.store ? decision.policy : entry.value.policy;
    const freshened: StoredResponse = { ...entry.value, head, policy, ready: undefined, lookedAt: 0 };
    const sameSelection = decision.store && decision.vary.join() === entry.value.vary.join();
    if (sameSelection) copyFreshened(this.#context, selection, freshened, decision.tags, birth);
    // A refusal for this visitor's credentials says nothing about the page; any other means that it may not lie there, or not under this key.
    else if (decision.store || !isAboutCredentials(decision.reason)) this.#context.store.remove(key);
    const detail = decision.store ? undefined : decision.reason;
    const status: CacheStatus = { fwd: reason, fwdStatus: 304, stored: decision.store, detail };
    const marks = { status, debugHeader: this.#context.options.debugHeader, debugValue: "HIT" };
    return { kind: "instead", response: respond(entryWith(entry, freshened), request, now, marks), record: false };
  }

  // RFC 5861 §4: a stale page hides a failing application, for whoever waits for it.
  #staleInstead(now: number, failure: number | "thrown" | "timeout"): OutgoingResponse | undefined {
    const { selection, request, reason, leading } = this.#plan;
    if (selection === undefined || !staleOnError(selection.entry.value.policy, now, failure)) return undefined;
    const { entry } = selection;
    const detail = "stale-if-error";
    const status: CacheStatus = { fwd: reason, fwdStatus: typeof failure === "number" ? failure : undefined, detail };
    this.#context.observer.hit(request.target, true);
    leading?.flight.share({ entry, answers: (other) => sameVariant(entry.value.vary, request, other), detail });
    return respond(entry, request, now, {
      status,
      debugHeader: this.#context.options.debugHeader,
      debugValue: "STALE",
    });
  }
}

function entryWith(entry: ResponseEntry, value: StoredResponse): ResponseEntry {
  return {
    head: entry.head,
    value,
    bodyBytes: entry.bodyBytes,
    body: entry.body,
    softPurged: false,
    reader: () => entry.reader(),
  };
}

function sameVariant(vary: readonly string[], a: RequestHead, b: RequestHead): boolean {
  return vary.length === 0 || variantDigest(a, vary) === variantDigest(b, vary);
}

/** A refusal that another visitor's request might not meet. */
function isAboutCredentials(reason: string): boolean {
  return reason === "authorization" || reason === "cookie";
}

function lacksEtag({ status, rawHeaders }: ResponseHead): boolean {
  return status === 200 && fieldValue(rawHeaders, "etag") === undefined;
}
