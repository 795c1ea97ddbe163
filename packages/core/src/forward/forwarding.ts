/** Hands requests on to the application: alone, as the leader of a flight, or as a follower of one (collapsed forwarding, RFC 9211 §2.6). */
import type { CacheContext } from "../context.js";
import { Flights } from "../flight/flights.js";
import { variantDigest, variantKey } from "../key/variant-key.js";
import { decide } from "../lookup/decide.js";
import type { Lookup, Question } from "../lookup/decide.js";
import { andThen } from "../maybe-async.js";
import type { MaybeAsync } from "../maybe-async.js";
import type { OutgoingResponse } from "../serve/outgoing.js";
import { respond } from "../serve/respond.js";
import { Forward } from "./forward.js";
import type { Leading, SharedResponse } from "./forward-plan.js";

export type ForwardLookup = Omit<Lookup & { verdict: "forward" }, "verdict">;

type Outcome = OutgoingResponse | Forward;

/** Asks again from the beginning: by now the store may have the answer. */
type Again = (question: Question, attempt: number) => MaybeAsync<Outcome>;

/** How often a request follows leaders that come to nothing before it goes to the application by itself. */
const MAX_ATTEMPTS = 3;

export class Forwarding {
  readonly #context: CacheContext;
  readonly #again: Again;
  readonly #flights: Flights<SharedResponse>;

  constructor(context: CacheContext, again: Again) {
    this.#context = context;
    this.#again = again;
    this.#flights = new Flights(context.options.clock, context.options.flight);
  }

  forward(question: Question, lookup: ForwardLookup, attempt: number): MaybeAsync<Outcome> {
    const { page } = lookup;
    if (page === undefined || attempt >= MAX_ATTEMPTS || !this.#mayShare(question, lookup))
      return this.alone(question, lookup);
    return this.#together(question, lookup, attempt, page.key);
  }

  /** Without anybody else.
   * @param settled called when the response is over, however it went */
  alone(question: Question, lookup: ForwardLookup, settled?: () => void): Forward {
    return this.#begin(question, lookup, undefined, settled);
  }

  #together(question: Question, lookup: ForwardLookup, attempt: number, key: string): MaybeAsync<Outcome> {
    const flight = this.#flights.under(key);
    const { scope, name } = lookup.page!;
    // What began before a purge is not for those who come after it: they begin anew.
    if (flight === undefined || !this.#context.store.alive({ scope, name, tags: [], birth: flight.birth }))
      return this.#lead(question, lookup, attempt, key);
    const landing = flight.join();
    if (landing === undefined) return this.alone(question, lookup);
    return landing.then((landed) => {
      if (landed === "failed") return this.#again(question, attempt + 1);
      if (typeof landed === "string") return this.alone(question, lookup);
      return this.#readAlong(question, lookup, landed) ?? this.#otherVariant(question, lookup, landed, attempt, key);
    });
  }

  #lead(question: Question, lookup: ForwardLookup, attempt: number, key: string): MaybeAsync<Outcome> {
    const { store, options } = this.#context;
    const flight = this.#flights.lead(key, store.position());
    const leading = { flight, unshareable: () => this.#flights.rememberMiss(lookup.page!.key) };
    const lock = store.lock(key);
    if (lock === undefined) return this.#begin(question, lookup, { ...leading, lock }, undefined);
    // Another process renders the page, or has just done so, between our look and our lock: what it stored is for this one, too.
    return andThen(lock === "held" ? store.released(key, options.flight.timeoutMs) : undefined, () =>
      andThen(decide(this.#context, question), (now): MaybeAsync<Outcome> => {
        const own = lock === "held" ? store.lock(key) : lock;
        const held = own === "held" ? undefined : own;
        if (now.verdict === "forward") return this.#begin(question, now, { ...leading, lock: held }, undefined);
        held?.release();
        flight.complete();
        return this.#again(question, attempt + 1);
      }),
    );
  }

  #readAlong(
    { request }: Question,
    { reason }: ForwardLookup,
    { entry, answers, detail }: SharedResponse,
  ): OutgoingResponse | undefined {
    if (!answers(request)) return undefined;
    const { observer, options } = this.#context;
    observer.collapsed(request.target);
    const marks = {
      status: { fwd: reason, collapsed: true, detail },
      debugHeader: options.debugHeader,
      debugValue: "MISS",
    };
    return respond(entry, request, options.clock.now(), marks);
  }

  // The leader's response is for other values of the fields it varies on: those with the same values as ours share among themselves.
  #otherVariant(
    question: Question,
    lookup: ForwardLookup,
    { entry }: SharedResponse,
    attempt: number,
    key: string,
  ): MaybeAsync<Outcome> {
    const variant = variantKey(lookup.page!.key, variantDigest(question.request, entry.value.vary));
    return variant === key ? this.alone(question, lookup) : this.#together(question, lookup, attempt, variant);
  }

  // Only what may be stored may be shared, so whoever could not store does not wait either.
  #mayShare({ request, refresh }: Question, { page, facts, reason }: ForwardLookup): boolean {
    return (
      request.method === "GET" &&
      !refresh &&
      !facts.authorization &&
      !facts.cookies &&
      (reason === "uri-miss" || reason === "vary-miss" || reason === "stale") &&
      !this.#flights.isHitForMiss(page!.key)
    );
  }

  #begin(
    { request, native, policy, refresh }: Question,
    { page, facts, reason, detail, selection }: ForwardLookup,
    leading: Leading | undefined,
    settled: (() => void) | undefined,
  ): Forward {
    const { store, observer } = this.#context;
    observer.forward(request.target, reason, detail);
    // The live headers object is changed for the handler, by this cache and by frameworks: what is decided later is decided on a copy.
    const asSent = { ...request, headers: { ...request.headers } };
    const birth = page === undefined ? 0 : store.position();
    return new Forward(this.#context, {
      request: asSent,
      native,
      policy,
      page,
      facts,
      reason,
      detail,
      selection,
      birth,
      refresh,
      leading,
      settled,
    });
  }
}
