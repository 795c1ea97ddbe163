/** Forwards requests to the application: alone, as the leader of a flight, or as a follower of one (collapsed
 * forwarding, RFC 9211 §2.6). */
import { performance } from "node:perf_hooks";
import { andThen } from "../base/async.js";
import type { MaybeAsync } from "../base/async.js";
import { begun, respondStored } from "../features/coding/respond-chosen.js";
import type { CacheContext } from "../page-cache/context.js";
import { Flights, lockIn } from "./flights.js";
import { variantDigest, variantKey } from "../key/page-key.js";
import { decideAgain } from "../lookup/decide.js";
import type { Lookup, Question } from "../lookup/decide.js";
import { varyRecordUnder } from "../lookup/select.js";
import type { OutgoingResponse } from "../stored/outgoing.js";
import type { KeyLock, LockEnd } from "../store/contract.js";
import { readsOf } from "./decide-storing.js";
import type { Leading, SharedResponse } from "./forward-plan.js";
import { Forward } from "./forward.js";
import { passesRange } from "./request-changes.js";

export type ForwardLookup = Omit<Lookup & { verdict: "forward" }, "verdict">;

type Outcome = OutgoingResponse | Forward;

/** Decides again from the beginning: by now the store may have the answer. */
type Again = (question: Question, attempt: number) => MaybeAsync<Outcome>;

/** How often a request follows leaders that fail to share a response before it goes to the application by itself. */
const MAX_ATTEMPTS = 3;

export class Forwarding {
  readonly #context: CacheContext;
  readonly #again: Again;
  readonly #flights: Flights<SharedResponse>;
  readonly #waitsUntil = new WeakMap<Question, number>();
  #waiting = 0;

  constructor(context: CacheContext, again: Again) {
    this.#context = context;
    this.#again = again;
    this.#flights = new Flights(context.options.flight);
  }

  /** How many requests wait at the moment for a response that another request began. */
  get waiting(): number {
    return this.#waiting;
  }

  forward(question: Question, lookup: ForwardLookup, attempt: number): MaybeAsync<Outcome> {
    const { page } = lookup;
    if (page === undefined || attempt >= MAX_ATTEMPTS || !this.#mayShare(question, lookup))
      return this.alone(question, lookup);
    if (this.#hasWaited(question, attempt) && this.#patienceMs(question) <= 0) return this.alone(question, lookup);
    return andThen(this.#flightKey(question, lookup, page.key), (key) =>
      this.#together(question, lookup, attempt, key),
    );
  }

  /** Without leader or followers.
   * @param settled called when the response is over, however it went */
  alone(question: Question, lookup: ForwardLookup, settled?: () => void): Forward {
    return this.#begin(question, lookup, undefined, settled);
  }

  #together(question: Question, lookup: ForwardLookup, attempt: number, key: string): MaybeAsync<Outcome> {
    const { store } = this.#context;
    const flight = this.#flights.under(key);
    const { scope, name } = lookup.page!;
    // What began before a purge is not for requests that come after it: they start a new flight.
    if (
      flight === undefined ||
      flight.shared?.alive() === false ||
      !store.survivesPurges({ scope, name, tags: [], birth: flight.birth })
    )
      // An answer to HEAD makes no stored response, so no request could follow.
      return question.request.method === "HEAD"
        ? this.alone(question, lookup)
        : this.#lead(question, lookup, attempt, key);
    const landing = flight.join(this.#hasWaited(question, attempt) ? this.#patienceMs(question) : undefined);
    if (landing === undefined) return this.alone(question, lookup);
    this.#patienceMs(question);
    const purgedSomething = store.position() !== flight.birth;
    this.#waiting++;
    return landing.then((landed) => {
      this.#waiting--;
      if (landed === "failed") return this.#again(question, attempt + 1);
      // The store may have it by now.
      if (landed === "timeout") return this.#again(question, MAX_ATTEMPTS);
      if (landed === "unshareable") return this.alone(question, lookup);
      // Its tags are known only now: one of them may have been purged before this request came.
      if (purgedSomething && !landed.alive()) return this.#again(question, attempt + 1);
      return (
        this.#readAlong(question, lookup, landed, attempt) ?? this.#otherVariant(question, lookup, landed, attempt, key)
      );
    });
  }

  #lead(question: Question, lookup: ForwardLookup, attempt: number, key: string): MaybeAsync<Outcome> {
    const { store, hitForMiss } = this.#context;
    const page = lookup.page!;
    const flight = this.#flights.lead(key, store.position());
    const leading = { flight, unshareable: (failed: boolean) => hitForMiss.remember(page.key, failed) };
    const { scope, name } = page;
    const take = () => lockIn(store, key, { making: { scope, name, birth: store.position() } });
    // Another process renders the page, or has just done so, between our lookup and our lock: what it stored also
    // answers this request.
    const lookAgain = (seen: KeyLock | "held", end: LockEnd): MaybeAsync<Outcome> =>
      andThen(
        decideAgain(this.#context, question, { ...lookup, verdict: "forward", page }),
        (now): MaybeAsync<Outcome> => {
          if (now.verdict !== "forward") {
            if (seen !== "held") seen.release();
            flight.complete();
            return this.#again(question, attempt + 1);
          }
          return andThen(seen === "held" ? take() : seen, (own): MaybeAsync<Outcome> => {
            // A third process was faster to take over from a holder that died (or may have died): now its page is
            // waited for.
            if (own === "held" && end === "abandoned") return wait();
            const held = own === "held" ? undefined : own;
            return this.#begin(question, now, { ...leading, lock: held }, undefined);
          });
        },
      );
    const wait = (): MaybeAsync<Outcome> =>
      store.released(key, this.#patienceMs(question)).then((end) => lookAgain("held", end));
    return andThen(take(), (lock) => {
      if (lock === undefined) return this.#begin(question, lookup, { ...leading, lock }, undefined);
      return lock === "held" ? wait() : lookAgain(lock, "over");
    });
  }

  #readAlong(
    question: Question,
    { reason }: ForwardLookup,
    { entry, answers, detail }: SharedResponse,
    attempt: number,
  ): MaybeAsync<Outcome> | undefined {
    const { request } = question;
    if (!answers(request)) return undefined;
    const { observer, options } = this.#context;
    const marks = {
      status: { fwd: reason, collapsed: true, detail },
      shown: options,
      said: "MISS" as const,
    };
    const response = respondStored(this.#context, entry, request, options.clock.now(), marks);
    return andThen(begun(response), (readable) => {
      // Nothing of it has been sent, and it has broken off or cannot be read.
      if (readable === undefined) return this.#again(question, attempt + 1);
      observer.collapsed(request.target, request.method);
      return readable;
    });
  }

  // The leader's response is for other values of the fields it varies on: requests with the same values as ours share
  // one response.
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

  // Variants of one page have a flight each, as far as it is known which fields they vary on.
  #flightKey({ request }: Question, { selection, reason }: ForwardLookup, key: string): MaybeAsync<string> {
    if (selection !== undefined) return selection.key;
    if (reason !== "vary-miss") return key;
    return andThen(varyRecordUnder(this.#context.store, key), (record) => {
      const fields = record?.selectors.at(-1);
      return fields === undefined ? key : variantKey(key, variantDigest(request, fields));
    });
  }

  /** How long a request may still wait for others: `flight.timeout` from when it first had to. */
  #patienceMs(question: Question): number {
    const until = this.#untilOf(question) ?? performance.now() + this.#context.options.flight.timeoutMs;
    this.#waitsUntil.set(question, until);
    return Math.max(0, until - performance.now());
  }

  #hasWaited(question: Question, attempt: number): boolean {
    return attempt > 0 || question.waitsUntil !== undefined;
  }

  #untilOf(question: Question): number | undefined {
    return this.#waitsUntil.get(question) ?? question.waitsUntil;
  }

  // Only what may be stored may be shared, so a request whose response cannot be stored does not wait either.
  #mayShare({ request, refresh }: Question, { page, facts, reason, selection }: ForwardLookup): boolean {
    return (
      !refresh &&
      !passesRange(this.#context.options, { page, request, selection }) &&
      !facts.authorization &&
      !facts.cookies &&
      (reason === "uri-miss" || reason === "vary-miss" || reason === "stale") &&
      !this.#context.hitForMiss.has(page!.key)
    );
  }

  #begin(
    question: Question,
    { page, facts, reason, detail, selection, beginning }: ForwardLookup,
    leading: Leading | undefined,
    settled: (() => void) | undefined,
  ): Forward {
    const { request, native, policy, refresh, own, keeping } = question;
    const { store, auditor } = this.#context;
    // The live headers object is changed for the handler, by this cache and by frameworks: later decisions use a copy.
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
      beginning,
      birth,
      reads: page && auditor && readsOf(request, policy),
      refresh,
      own,
      keeping,
      waitsUntil: this.#untilOf(question),
      leading,
      settled,
    });
  }
}

/* Why a request is forwarded where that was decided after, or without, a lookup in the store. */

/** A stale page that a client's request has to refresh, although it may be served as it is. */
export const STALE = Object.freeze({ verdict: "forward", reason: "stale", detail: undefined } as const);

/** After `close()`. */
export const CLOSED: ForwardLookup = Object.freeze({
  page: undefined,
  facts: { method: "GET", authorization: true, cookies: true },
  reason: "bypass",
  detail: "closed",
  selection: undefined,
});

/** A hole of the stored page could not be filled for this client. */
export const UNFILLED: ForwardLookup = Object.freeze({ ...CLOSED, detail: "hole-failed" });

/** The body of the stored page could not be read. */
export const UNREADABLE = Object.freeze({
  reason: "uri-miss",
  detail: "unreadable",
  selection: undefined,
} as const);
