/**
 * What a handler learns about its client. While the cache goes on with a response, the handler does not learn that its
 * client has left or has had its answer: a handler that learns it may stop, and what it has written by then would pass
 * for the page. It learns it when the response is over, or when no cache goes on with it. Never decides what is kept:
 * it says whether the handler may know.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { beforeItEnds, hasEnded, watchers } from "./connection.js";
import { HeldEvents, LookOpen } from "./look-open.js";
import type { Emit } from "./look-open.js";
import { breakOff, truth } from "./response-class.js";

/** A cache that goes on with the response. */
export interface Party {
  /** The client has left, or has had its answer, and the handler does not know.
   * @param release to be called when the handler may learn it after all
   * @returns whether the handler is to go on without learning it; where not, the response is given up */
  left(release: () => void): boolean;
  /** The handler may know. Idempotent.
   * @returns whether the response is still of use */
  told(): boolean;
  /** The response was broken off on this side. */
  broken(): void;
  /** A stream is piped to the response. */
  piped?(source: NodeJS.EventEmitter): void;
}

/**
 * | state | the client | the handler |
 * | --- | --- | --- |
 * | `present` | is there, or the response is over | sees what happens |
 * | `answered` | had another answer, or its part of this one | goes on, sees one in progress; outside listeners learn it |
 * | `hidden` | has left | goes on, sees a response in progress |
 * | `known` | has left | sees it |
 */
type State = "present" | "answered" | "hidden" | "known";

const NONE: ReadonlySet<never> = new Set();
const DEPARTURE = Symbol("diskcache.departure");

export class Departure {
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #emitOfRes: Emit;
  readonly #emitOfReq: Emit;
  /** How many listeners come from outside the cache: they were added first. */
  readonly #outside: { readonly finish: number; readonly close: number };
  #unwatch: (() => void) | undefined;
  #watchers: number;
  readonly #parties: Party[] = [];
  #state: State = "present";
  /** Caches that have not seen the end of the response. */
  #rendering = 0;
  /** Caches that keep the handler from learning it. */
  #holders = 0;
  #brokenHere = false;
  #sentByFramework = false;
  #look: LookOpen | undefined;
  readonly #held = new HeldEvents();
  #sources: Set<NodeJS.EventEmitter> | undefined;
  /**
   * Called when the connection takes more, from outside inwards. False: the caches further inside are not to go on yet.
   */
  readonly drains: (() => boolean)[] = [];

  private constructor(req: IncomingMessage, res: ServerResponse) {
    this.#req = req;
    this.#res = res;
    this.#emitOfRes = res.emit as Emit;
    this.#emitOfReq = req.emit as Emit;
    this.#outside = { finish: res.listenerCount("finish"), close: res.listenerCount("close") };
    res.emit = this.#emitRes as typeof res.emit;
    req.emit = this.#emitReq as typeof req.emit;
    this.#watch();
    this.#watchers = watchers(req, res);
  }

  /** One for each response, however many caches it passes through. */
  static of(req: IncomingMessage, res: ServerResponse): Departure {
    const marked = res as ServerResponse & { [DEPARTURE]?: Departure };
    return (marked[DEPARTURE] ??= new Departure(req, res));
  }

  /** How many caches the response passes through so far. */
  get parties(): number {
    return this.#parties.length;
  }

  /** Whether the client has left, whether or not the handler may know it. */
  get gone(): boolean {
    return this.#state === "hidden" || this.#state === "known";
  }

  /** Whether the response goes on without its client, and the handler does not know it. */
  get isKeptFromHandler(): boolean {
    return this.#state === "answered" || this.#state === "hidden";
  }

  /** Whether the response goes on without its client: it has left, or has had its answer. */
  get away(): boolean {
    return this.#state !== "present";
  }

  /** Streams that are piped to the response. */
  get sources(): ReadonlySet<NodeJS.EventEmitter> {
    return this.#sources ?? NONE;
  }

  join(party: Party): void {
    this.#parties.push(party);
    this.#rendering++;
    // An outer cache may have given up before an inner one begins.
    if (this.#unwatch === undefined) this.#watch();
    // A request that has waited for another one may have lost its client meanwhile, with no listener attached.
    const ended = this.#state === "present" ? hasEnded(this.#req, this.#res) : undefined;
    if (ended !== undefined) this.#ends(ended.byClient);
  }

  /** Another object stands for the same cache from now on. */
  replace(party: Party, successor: Party): void {
    this.#parties[this.#parties.indexOf(party)] = successor;
  }

  /** From now on a framework sends the response: what the framework destroys, the handler has not destroyed. */
  sentByFramework(): void {
    this.#sentByFramework = true;
  }

  /** A cache has seen the end of the response. Each calls it once. */
  over(): void {
    this.#rendering--;
    if (this.#rendering > 0) return;
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#tell("present");
  }

  /** Runs code of the framework that listens to the connection: those listeners do not count. */
  expecting<Result>(act: () => Result): Result {
    const before = watchers(this.#req, this.#res);
    const result = act();
    this.#watchers += watchers(this.#req, this.#res) - before;
    return result;
  }

  /** The handler is about to end the response: a last check for an end that no event has reported. */
  check(): void {
    const ended = this.#state === "present" ? hasEnded(this.#req, this.#res) : undefined;
    if (ended === undefined) return;
    this.#state = "known";
    for (const party of this.#parties) {
      if (ended.byClient) party.told();
      else party.broken();
    }
  }

  /** The cache breaks the connection: to the handler, the client has left. */
  breakOff(): void {
    this.#brokenHere = true;
    breakOff(this.#res);
  }

  /** The same while the body is on its way: before that, another answer can still be sent; behind it, as behind the
   * head that answers a HEAD, the connection is that of other responses. */
  breakOffBody(): void {
    if (this.#res.headersSent && truth(this.#res, "writableEnded") !== true) this.breakOff();
  }

  readonly #emitRes = (name: string | symbol, ...given: unknown[]): boolean => {
    if (name === "drain" && !this.drains.every((drained) => drained())) return false;
    if (name === "pipe") this.#pipes(given[0] as NodeJS.EventEmitter);
    if (name === "unpipe") this.#sources?.delete(given[0] as NodeJS.EventEmitter);
    if (this.#rendering > 0) {
      if (name === "finish") return this.#finishes(given);
      if (name === "close" && this.#closes(given)) return true;
    }
    return Reflect.apply(this.#emitOfRes, this.#res, [name, ...given]);
  };

  readonly #emitReq = (name: string | symbol, ...given: unknown[]): boolean => {
    if (this.#rendering > 0 && (name === "aborted" || name === "close" || name === "error")) {
      if (name === "aborted") this.#aborts();
      const held = this.#state === "hidden" || (this.#state === "answered" && name === "close");
      if (held) {
        this.#held.hold(this.#req, this.#emitOfReq, name, given);
        return true;
      }
    }
    return Reflect.apply(this.#emitOfReq, this.#req, [name, ...given]);
  };

  #pipes(source: NodeJS.EventEmitter): void {
    (this.#sources ??= new Set()).add(source);
    for (const party of this.#parties) party.piped?.(source);
  }

  // Before the handler has ended: the client was given another response, or a part of this one.
  #finishes(given: unknown[]): boolean {
    const first = this.#state === "present";
    if (first) this.#state = "answered";
    // Node detaches the response from the connection.
    this.expecting(() =>
      this.#held.hold(this.#res, this.#emitOfRes, "finish", given, first ? this.#outside.finish : 0),
    );
    if (first) this.#goOn();
    return true;
  }

  /** @returns whether the event is held */
  #closes(given: unknown[]): boolean {
    if (this.#state === "present") this.#ends(hasEnded(this.#req, this.#res)?.byClient ?? false);
    if (this.#state !== "answered" && this.#state !== "hidden") return false;
    const outside = this.#state === "answered" ? this.#outside.close : 0;
    this.#held.hold(this.#res, this.#emitOfRes, "close", given, outside);
    this.#cover();
    return true;
  }

  #aborts(): void {
    if (this.#state === "present") this.#ends(hasEnded(this.#req, this.#res)?.byClient ?? false);
    // Node reads the state of the connection in this turn.
    if (this.#look?.uncoverConnection() === true) process.nextTick(() => this.#cover());
  }

  #ends(byClient: boolean): void {
    if (this.#rendering === 0) return;
    if (this.#state === "answered") return this.#isWatched ? this.#mayKnow() : this.#look?.coverConnection();
    if (this.#state !== "present") return;
    if (byClient || this.#brokenHere) {
      this.#state = "hidden";
      this.#goOn();
    } else {
      this.#state = "known";
      for (const party of this.#parties) party.broken();
    }
  }

  // Without the client, and without the handler's knowledge, where a cache wants it.
  #goOn(): void {
    let holders = 0;
    for (const party of this.#parties) if (party.left(this.#release)) holders++;
    this.#holders = holders;
    if (this.#rendering === 0) return;
    if (holders === 0) return this.#tell("known");
    if (this.#isWatched) this.#mayKnow();
    this.#cover();
  }

  readonly #release = (): void => {
    this.#holders--;
    if (this.#holders === 0 && this.#state !== "present") this.#tell("known");
  };

  #watch(): void {
    this.#unwatch = beforeItEnds(this.#req, this.#res, {
      ends: (by) => {
        if (by === "application" && this.isKeptFromHandler) this.#breaksOff();
        else this.#ends(by === "client");
      },
      tells: () => this.#tells(),
    });
  }

  // A handler that was called after its client had left may have begun to watch since.
  #tells(): void {
    if (this.isKeptFromHandler && this.#isWatched) this.#mayKnow();
  }

  get #isWatched(): boolean {
    return watchers(this.#req, this.#res) > this.#watchers;
  }

  // The handler listens to the connection itself, or uses something that does.
  #mayKnow(): void {
    let useful = false;
    for (const party of this.#parties) if (party.told()) useful = true;
    if (!useful && this.#rendering > 0) this.#tell("known");
  }

  #cover(): void {
    if (this.#state !== "answered" && this.#state !== "hidden") return;
    this.#look ??= new LookOpen(this.#req, this.#res);
    this.#look.cover(this.#state === "hidden", () => this.#breaksOff());
  }

  // The application breaks off a response whose client has left, as it does after an error.
  #breaksOff(): void {
    if (this.#sentByFramework || (this.#state !== "answered" && this.#state !== "hidden")) return;
    this.#tell("known");
    for (const party of this.#parties) party.broken();
  }

  #tell(state: "present" | "known"): void {
    this.#state = state;
    this.#look?.uncover();
    this.#held.tell();
    if (state === "known") for (const party of this.#parties) party.told();
  }
}
