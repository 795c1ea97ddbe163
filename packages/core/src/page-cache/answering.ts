/** What happens to each request: a stored response, one that is refreshed behind it, or a forward to the application.
 * Asks the rooms in the order of the data and decides nothing about HTTP. */
import { replayHit, respondHit } from "../features/coding/respond-chosen.js";
import type { CacheContext } from "./context.js";
import type { RawHeaders } from "../base/exchange.js";
import { Refreshes } from "../forward/refreshes.js";
import { claimRefresh, refreshHeaders } from "../forward/stale.js";
import type { Forward } from "../forward/forward.js";
import type { ForwardPlan } from "../forward/forward-plan.js";
import { CLOSED, Forwarding, STALE, UNFILLED, UNREADABLE } from "../forward/collapsed-forwarding.js";
import type { ForwardLookup } from "../forward/collapsed-forwarding.js";
import { fillStored, hasHoles } from "../features/holes/fill.js";
import { asksForTheSame, decide, decideAgain, requestFacts } from "../lookup/decide.js";
import type { Lookup, Question } from "../lookup/decide.js";
import { identified } from "../key/credentials.js";
import { isEveryField } from "../key/request-fields.js";
import { sameVariant } from "../key/page-key.js";
import type { PageKey } from "../key/page-key.js";
import { isPlainlyFresh, isPlainPage, FastHits, RecentMiss } from "../lookup/fast-hit.js";
import { drawDueAhead, isSurelyEarly } from "../lookup/refresh-ahead.js";
import { andThen } from "../base/async.js";
import type { MaybeAsync } from "../base/async.js";
import { asksApplication, boundPolicy, mergePolicies } from "../options/resolve-policy.js";
import type { ResolvedPolicy, WholePolicy } from "../options/resolve-policy.js";
import { gatewayTimeout } from "../stored/outgoing.js";
import { isStaleOnErrorStatus } from "../http/reusability.js";
import type { OutgoingResponse, RefreshAnswer } from "../stored/outgoing.js";

/** What an adapter does next: play a response, or call the application and report what it answers. */
export type Outcome = OutgoingResponse | Forward;

type Reusable = Lookup & { readonly verdict: "reuse" };

export class Answering {
  readonly #context: CacheContext;
  readonly #forwarding: Forwarding;
  readonly #refreshes: Refreshes;
  readonly #refreshAhead: number;
  /** `undefined` where the user's functions decide about every request. */
  readonly #plainPages: FastHits | undefined;
  readonly #vain = new RecentMiss();
  #closed = false;

  /** @param frontable whether requests may be answered without what the framework makes */
  constructor(context: CacheContext, frontable: boolean) {
    const { options } = context;
    this.#context = context;
    this.#forwarding = new Forwarding(context, (question, attempt) => this.#ask(question, attempt));
    this.#refreshes = new Refreshes(options.clock);
    this.#refreshAhead = options.refreshAhead;
    this.#plainPages = frontable ? new FastHits(options, (target) => this.#policyOf(target)) : undefined;
  }

  /** Requests that wait for a response that another request began. */
  get waiting(): number {
    return this.#forwarding.waiting;
  }

  /** From now on everything is forwarded. */
  close(): void {
    this.#closed = true;
  }

  /** See `PageCache.ready`. */
  ready(method: string, target: string, scheme: string, rawHeaders: RawHeaders): OutgoingResponse | undefined {
    const pages = this.#plainPages;
    if (pages === undefined || method !== "GET" || this.#closed) return undefined;
    const key = pages.keyOf(target, scheme, rawHeaders);
    if (key === undefined || this.#context.hitForMiss.isAbsent(key)) return undefined;
    // The first look at a directory may show how the clock was set.
    this.#context.store.position();
    const now = this.#now();
    const entry = this.#context.store.borrow(key, now);
    if (entry instanceof Promise) return undefined;
    if (entry === undefined) this.#vain.note(rawHeaders, key);
    else if (!isPlainPage(entry)) pages.passOver(key);
    else if (isPlainlyFresh(entry, now) && (this.#refreshAhead === 0 || isSurelyEarly(entry.value, now)))
      return replayHit(this.#context, entry, target, rawHeaders, now);
    entry?.lease?.giveBack();
    return undefined;
  }

  begin(question: Question): MaybeAsync<Outcome> {
    return this.#closed ? this.#forwarding.alone(question, CLOSED) : this.#ask(question, 0);
  }

  /** Lays the policy of a question over a forward of another cache on the same directory, as a route does, where both
   * ask for the same page.
   * @returns whether it did: then the forward under way takes down what leaves, with what middleware between the two
   * caches has made of it. Otherwise this cache answers by itself: see `within` */
  join(outer: Forward, question: Question): boolean {
    const { auditor, holes, options } = this.#context;
    const { plan } = outer;
    // The outer one may only tell what this one would refuse, and store openly what this one seals.
    const looksCloser = options.audit.mode === "enforce" || (auditor !== undefined && plan.reads === undefined);
    if (this.#closed || holes.any || looksCloser || options.secrets !== undefined) return false;
    if (!asksForTheSame(this.#context, { ...question, policy: aroundOf(plan, question) }, plan)) return false;
    const inner = plan.native === question.native ? question.policy : boundPolicy(question.policy, question.native);
    outer.refine(withAllMethods(plan.policy, inner));
    return true;
  }

  /** Answers in place of another cache on the same directory, which has handed the request on: both policies apply. */
  within(outer: Forward, question: Question): MaybeAsync<Outcome> {
    const { plan } = outer;
    outer.delegate();
    // It does not wait again.
    const outcome = this.begin({ ...question, policy: aroundOf(plan, question), waitsUntil: plan.waitsUntil });
    return andThen(outcome, (settled) => adopting(outer, settled));
  }

  /** `undefined` when the application has to answer. */
  peek(question: Question): MaybeAsync<OutgoingResponse | undefined> {
    if (this.#closed || asksApplication(question.policy)) return undefined;
    return andThen(decide(this.#context, question, this.#vain), (lookup) => {
      // The fillers of a page's holes need what the framework makes.
      if (lookup.verdict !== "reuse" || hasHoles(lookup.entry) || this.#needsClient(lookup)) return undefined;
      if (lookup.stale && this.#refreshFields(question, lookup) === undefined) return undefined;
      const claim = this.#claim(lookup);
      if (claim === undefined) return this.#play(question, lookup);
      return andThen(claim, (release) => {
        if (release === undefined) return this.#play(question, lookup);
        return release === "over"
          ? undefined
          : andThen(this.#play(question, lookup), (response) => this.#refreshed(question, lookup, response, release));
      });
    });
  }

  /** See `PageCache.refine`. */
  refine(
    forward: Forward,
    own: ResolvedPolicy,
    native: unknown,
    contentDigest?: string,
  ): MaybeAsync<Outcome> | undefined {
    const { plan } = forward;
    const policy = mergePolicies(plan.policy, plan.native === native ? own : boundPolicy(own, native));
    const guarded = plan.page !== undefined && own.guards > 0;
    const admitted = plan.reason === "method" && policy.methods.includes(plan.request.method);
    if (!guarded && !admitted) {
      forward.refine(policy);
      return undefined;
    }
    forward.delegate();
    const { identified: _, ...asked } = contentDigest === undefined ? plan.request : { ...plan.request, contentDigest };
    const request = identified(asked, this.#context.options.credentials, policy.keyHeaders, native);
    const { refresh, own: isOwn, waitsUntil } = plan;
    const question = { request, native: plan.native, policy, refresh, own: isOwn, waitsUntil };
    return andThen(this.begin(question), (outcome) => adopting(forward, outcome));
  }

  #policyOf(target: string): WholePolicy | undefined {
    const policy = this.#context.policies.under(target);
    return asksApplication(policy) ? undefined : policy;
  }

  #ask(question: Question, attempt: number): MaybeAsync<Outcome> {
    const vain = attempt === 0 ? this.#vain : undefined;
    return andThen(decide(this.#context, question, vain), (lookup) => this.#answer(question, lookup, attempt));
  }

  #answer(question: Question, lookup: Lookup, attempt: number): MaybeAsync<Outcome> {
    if (lookup.verdict === "unsatisfiable") return gatewayTimeout();
    if (lookup.verdict === "forward") return this.#forwarding.forward(question, lookup, attempt);
    const claim = this.#claim(lookup);
    if (claim === undefined) return this.#reuse(question, lookup, attempt);
    return andThen(claim, (release) => {
      if (release === undefined) return this.#reuse(question, lookup, attempt);
      return release === "over" ? this.#ask(question, attempt) : this.#refreshing(question, lookup, attempt, release);
    });
  }

  #claim({ entry, stale }: Reusable): ReturnType<typeof claimRefresh> {
    const ahead = this.#refreshAhead > 0 && !isByEveryField(entry);
    const due = stale || (ahead && drawDueAhead(entry.value, this.#refreshAhead, this.#now()));
    const { key, storedAt } = entry.head;
    return due && !this.#context.failing.rests(key, storedAt)
      ? claimRefresh(this.#context, this.#refreshes, entry)
      : undefined;
  }

  #refreshing(question: Question, lookup: Reusable, attempt: number, release: () => void): MaybeAsync<Outcome> {
    const { entry, page, stale } = lookup;
    const { request } = question;
    // A partition is known by the client's own cookies, which a refresh may not carry: the first client's own request
    // renders it.
    // A request that is keyed by its content cannot be repeated without that content, nor one that is selected by what
    // a refresh may not carry.
    const repeatable = request.contentDigest === undefined && this.#refreshFields(question, lookup) !== undefined;
    if (page.partitioned || !repeatable || this.#needsClient(lookup)) {
      const selection = { key: entry.head.key, entry };
      const facts = requestFacts(this.#context, request, page);
      if (stale) return this.#forwarding.alone(question, { ...STALE, facts, page, selection }, release);
      // Before the page is stale, no client is made to wait for its refresh.
      release();
      return this.#reuse(question, lookup, attempt);
    }
    return andThen(this.#reuse(question, lookup, attempt), (outcome) =>
      this.#refreshed(question, lookup, outcome, release),
    );
  }

  // Behind a stored response, and behind nothing else.
  #refreshed<Other extends Forward | undefined>(
    question: Question,
    lookup: Reusable,
    outcome: OutgoingResponse | Other,
    release: () => void,
  ): OutgoingResponse | Other {
    const rawHeaders = outcome?.kind === "hit" ? this.#refreshFields(question, lookup) : undefined;
    if (outcome?.kind === "hit" && rawHeaders !== undefined) {
      const over = (answer?: RefreshAnswer): void => this.#refreshOver(question, lookup, release, answer);
      return { ...outcome, refresh: { rawHeaders, release: over } };
    }
    release();
    return outcome;
  }

  // `undefined` when the refresh would be of another page, because a field that selects this one is the client's own.
  #refreshFields({ request, policy }: Question, { entry }: Reusable): string[] | undefined {
    const { cookies, credentials } = this.#context.options;
    const selecting = [...entry.value.vary, ...policy.keyHeaders];
    // What middleware before the cache made of them, it makes of those of the refresh.
    const { received = request.rawHeaders } = request;
    const rawHeaders = refreshHeaders(received, cookies, credentials, selecting);
    const [came, sent] = [received, rawHeaders].map((lines) => ({ ...request, rawHeaders: lines }));
    return sameVariant(came!, sent!, selecting) ? rawHeaders : undefined;
  }

  // Without an event, a page whose refreshes are refused would silently stay stale for as long as its windows last.
  #refreshOver(question: Question, { entry, page }: Reusable, release: () => void, answer?: RefreshAnswer): void {
    release();
    const { key, storedAt } = entry.head;
    if (answer === undefined || this.#closed || this.#context.failing.rests(key, storedAt)) return;
    const { reached, status } = answer;
    if (reached && (status === undefined || isStaleOnErrorStatus(status))) return;
    const facts = requestFacts(this.#context, question.request, page);
    void andThen(decideAgain(this.#context, question, { ...STALE, facts, page, selection: undefined }), (now) => {
      if (now.verdict !== "reuse" || now.entry.head.storedAt !== storedAt) return;
      this.#refreshes.refused(key, storedAt);
      this.#context.observer.refreshRefused(question.request.target, reached, status);
    });
  }

  // A request that is selected by all of its fields cannot be repeated without some of them.
  #needsClient({ entry, stale }: Reusable): boolean {
    const { key, storedAt } = entry.head;
    return (stale && isByEveryField(entry)) || this.#refreshes.needsClient(key, storedAt);
  }

  #now(): number {
    return this.#context.options.clock.now();
  }

  #reuse(question: Question, lookup: Reusable, attempt: number): MaybeAsync<Outcome> {
    const { request, native, own } = question;
    const { entry, stale, page } = lookup;
    if (hasHoles(entry))
      // Where a hole cannot be filled the application may answer something else, such as a login form.
      return fillStored(this.#context, entry, request, own ? undefined : native, stale).then(
        (filled) => filled ?? this.#forwarding.alone(question, UNFILLED),
      );
    return andThen(
      this.#play(question, lookup),
      (response) => response ?? this.#forwarding.forward(question, this.#unreadable(question, page), attempt),
    );
  }

  // `undefined` when its body cannot be read.
  #play({ request }: Question, { entry, stale, page }: Reusable): MaybeAsync<OutgoingResponse | undefined> {
    if (entry.body !== undefined && page.key === entry.head.key) this.#plainPages?.takeUp(page.key);
    return respondHit(this.#context, entry, request, stale);
  }

  // Found, but its body could not be read: treated as not stored.
  #unreadable({ request }: Question, page: PageKey): ForwardLookup {
    return { ...UNREADABLE, page, facts: requestFacts(this.#context, request, page) };
  }
}

// Both policies, for a question of the inner cache.
function aroundOf(plan: ForwardPlan, question: Question): WholePolicy {
  const around = plan.native === question.native ? plan.policy : boundPolicy(plan.policy, plan.native);
  return withAllMethods(around, question.policy);
}

// A cache always names methods, given or not.
function withAllMethods(outer: WholePolicy, inner: ResolvedPolicy): WholePolicy {
  return { ...mergePolicies(outer, inner), methods: [...new Set([...outer.methods, ...(inner.methods ?? [])])] };
}

// What the handler said about the response before this exchange took over still holds.
function adopting(outer: Forward, outcome: Outcome): Outcome {
  if (outcome.kind === "forward") outcome.directives.adopt(outer.directives);
  return outcome;
}

function isByEveryField({ value }: Reusable["entry"]): boolean {
  return value.vary.some(isEveryField);
}
