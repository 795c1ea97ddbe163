/** Taps a response: the cache sees what the handler writes, on its way to the client. Nothing is buffered for the client, and a fault of the cache never reaches the handler. Its states are drawn in docs/capture.md. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { Delivery, Forward, OutgoingResponse } from "@diskcache/core";
import { bytesOf, callSoon, callbacks, isChunk, ownBytes } from "./chunks.js";
import { Aside, Gathering, Part, Passing } from "./deliveries.js";
import type { Delivering } from "./deliveries.js";
import { Departure } from "./departure.js";
import type { Party } from "./departure.js";
import { detach, endSources, whenItFails } from "./detach.js";
import { Drain } from "./drain.js";
import { headGiven } from "./header-groups.js";
import { sinkOf } from "./send.js";
import type { Sink } from "./send.js";
import { SlowClient } from "./slow-client.js";
import { TappedHead } from "./tapped-head.js";

/** Puts the cache between a handler and a response. Call it before the handler runs. */
export function tap(req: IncomingMessage, res: ServerResponse, forward: Forward): void {
  const tapped = new Tap(req, res, forward);
  res.writeHead = tapped.writeHead;
  res.write = tapped.write;
  res.end = tapped.end as ServerResponse["end"];
  res.flushHeaders = tapped.flushHeaders;
}

class Tap implements Party {
  readonly #res: ServerResponse;
  readonly #forward: Forward;
  /** The response's methods as they were; another middleware may have hooked them already. */
  readonly #sink: Sink;
  readonly #flushHeaders: () => void;
  readonly #head: TappedHead;
  readonly #drain: Drain;
  readonly #departure: Departure;
  /** What the client gets, once the response has begun. */
  #delivering: Delivering | undefined;
  /** While the handler begins its response without a word: the hooks inside are heard first. */
  #implied: { readonly body: Buffer | undefined } | undefined;
  #record = false;
  #stoodIn = false;
  #ended = false;
  /** For a client that may turn out slower than the handler. */
  #slow: SlowClient | undefined;
  /** While the client has left and the handler does not know: lets it know. */
  #release: (() => void) | undefined;

  constructor(req: IncomingMessage, res: ServerResponse, forward: Forward) {
    this.#res = res;
    this.#forward = forward;
    this.#sink = sinkOf(res);
    this.#flushHeaders = res.flushHeaders;
    this.#head = new TappedHead(res, forward, this.#sink);
    this.#drain = new Drain(res, () => this.#slow?.drained());
    this.#departure = Departure.of(req, res);
    if (this.#departure.parties === 0) this.#departure.onDrain = () => this.#drain.drained();
    this.#departure.join(this);
    // Only then is there something to stand in.
    if (forward.plan.selection !== undefined) forward.onTimeout = (stale) => this.#standIn(stale);
  }

  readonly writeHead = (status: number, ...rest: unknown[]): ServerResponse => {
    if (this.#delivering !== undefined) {
      // A second call has to fail as it always does.
      if (this.#delivering.passes) this.#sink.writeHead.call(this.#res, status, ...rest);
      return this.#res;
    }
    const { reason, fields } = headGiven(rest);
    this.#begin(status, reason, fields);
    return this.#res;
  };

  readonly write = (...given: unknown[]): boolean => {
    const [chunk, encoding] = given;
    if (isChunk(chunk) && !this.#ended) this.#beginImplicitly(undefined);
    const delivering = this.#delivering;
    if (this.#ended && delivering?.passes === false) return false;
    if (this.#ended || delivering === undefined || !isChunk(chunk))
      return Reflect.apply(this.#sink.write, this.#res, given);
    const bytes = this.#record || !delivering.passes ? ownBytes(chunk, encoding) : undefined;
    const room = !this.#record || this.#forward.write(bytes!);
    if (!room) this.#forward.onDrain ??= this.#drain.diskFlows;
    this.#slow?.given(bytes!.length);
    if (!delivering.passes) callSoon(given);
    const taken = delivering.write(given, bytes);
    if (!this.#record && !this.#drain.mustTell) return taken;
    // It may be of no use to anybody by now.
    if (this.#release !== undefined && !this.#forward.wanted) this.#release();
    return this.#drain.wrote(!taken && this.#slow?.stalls() !== true, !room);
  };

  readonly end = (...given: unknown[]): ServerResponse => {
    const [chunk, encoding] = given;
    const last = isChunk(chunk) ? chunk : undefined;
    if (this.#record && !this.#ended) this.#departure.check();
    if (!this.#ended) this.#beginImplicitly(bytesOf(last ?? "", encoding));
    const delivering = this.#delivering;
    if (this.#ended || delivering === undefined) {
      if (delivering?.passes === false) callSoon(given);
      else Reflect.apply(this.#sink.end, this.#res, given);
      return this.#res;
    }
    // What is not kept and goes out as it is costs no copy.
    const own = last !== undefined && (this.#record || !delivering.passes) ? ownBytes(last, encoding) : undefined;
    if (this.#record && own !== undefined) this.#forward.write(own);
    this.#ended = true;
    if (!delivering.passes) for (const callback of callbacks(given)) this.#res.once("finish", callback);
    delivering.end(given, own);
    if (!(delivering instanceof Gathering)) this.#finish();
    return this.#res;
  };

  readonly flushHeaders = (): void => {
    if (!this.#ended) this.#beginImplicitly(undefined);
    const delivering = this.#delivering;
    // What is gathered has no head before it is whole.
    if (delivering instanceof Gathering || delivering instanceof Aside) return;
    Reflect.apply(this.#flushHeaders, this.#res, []);
  };

  left(release: () => void): boolean {
    this.#release = () => {
      this.#release = undefined;
      release();
    };
    if (this.#ended || !this.#forward.clientLeft(() => this.#release?.())) {
      this.broken();
      return false;
    }
    this.#slow?.over(true);
    if (this.#delivering !== undefined && !(this.#delivering instanceof Gathering)) this.#turnAside();
    for (const source of this.#departure.sources) this.piped(source);
    this.#drain.clientFlows();
    return true;
  }

  piped(source: NodeJS.EventEmitter): void {
    // One that fails ends nothing by itself, and no client is there to break it off.
    if (this.#release !== undefined) whenItFails(source as Readable, () => this.broken());
  }

  told(): boolean {
    const useful = !this.#ended && this.#forward.handlerTold();
    if (!useful) this.broken();
    return useful;
  }

  broken(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#slow?.over(true);
    this.#forward.abort("aborted");
    this.#over();
  }

  #beginImplicitly(body: Buffer | undefined): void {
    if (this.#delivering !== undefined) return;
    const res = this.#res;
    // Once: a hook that is called may write itself.
    if (this.#implied === undefined) {
      this.#implied = { body };
      res.writeHead(res.statusCode);
    }
    // A hook has kept it to itself.
    if (this.#delivering === undefined && !this.#ended) this.#begin(res.statusCode, undefined, []);
  }

  // Every hook inside the cache has spoken.
  #begin(status: number, reason: string | undefined, fields: readonly string[]): void {
    const res = this.#res;
    const implied = this.#implied;
    const { delivery, unset } = this.#head.begin({ status, reason, fields, body: implied?.body });
    this.#record = delivery.record;
    this.#delivering = this.#deliver(delivery, status);
    if (!this.#delivering.passes) {
      detach(res, this.writeHead);
      // Neither kept nor for the client: what the handler still does is for no one.
      if (this.#delivering instanceof Aside && !this.#record) this.#complete();
      return;
    }
    this.#head.pass(status, reason, unset, implied !== undefined);
  }

  #deliver(delivery: Delivery, status: number): Delivering {
    if (delivery.kind === "filled") return new Gathering((content) => void this.#fill(delivery, status, content));
    if (this.#departure.gone) this.#head.makeUnsent(status);
    else if (this.#stoodIn) this.#head.leaves();
    else if (delivery.kind === "instead") this.#head.replace(delivery.response);
    else {
      if (delivery.record) this.#slow = this.#slowClient(delivery.kind === "part" ? delivery.end : Infinity);
      if (delivery.kind === "pass") return new Passing(this.#res, this.#sink);
      this.#head.replaceByPart(delivery.head);
      return new Part(this.#res, this.#sink, delivery, () => (this.#record ? this.#turnAside() : this.#complete()));
    }
    return new Aside();
  }

  #slowClient(end: number): SlowClient {
    return new SlowClient(this.#res, this.#forward, this.#sink, end, {
      left: () => this.#turnAside(),
      flows: this.#drain.clientFlows,
      breaks: () => this.#departure.breakOff(),
    });
  }

  // Nothing more goes from the handler to the client.
  #turnAside(): void {
    this.#delivering = new Aside();
    detach(this.#res, this.writeHead);
  }

  async #fill({ filled }: Delivery & { kind: "filled" }, status: number, content: Buffer): Promise<void> {
    const response = await filled(content);
    if (this.#departure.gone) this.#head.makeUnsent(status);
    else this.#head.replace(response);
    this.#finish();
  }

  // The handler takes too long: the client gets a stale page, and what still comes is for the cache.
  #standIn(stale: OutgoingResponse): void {
    if (this.#res.headersSent || this.#delivering !== undefined || this.#departure.gone) return;
    this.#stoodIn = true;
    this.#head.standIn(stale);
  }

  // The client has all it will get, and nothing is kept: whatever is piped here would be read for no one.
  #complete(): void {
    this.#turnAside();
    this.#ended = true;
    this.#finish();
    const sources = [...this.#departure.sources] as Readable[];
    setImmediate(() => endSources(this.#res, sources));
  }

  #finish(): void {
    this.#slow?.over(false);
    this.#head.leaves();
    // What holds the forward holds the response no longer.
    this.#forward.onTimeout = this.#forward.onDrain = undefined;
    void this.#forward.end();
    this.#over();
  }

  #over(): void {
    const { gone } = this.#departure;
    this.#departure.over();
    // Node is told as well, and whatever is hooked in outside.
    if (gone && this.#delivering?.passes === false) this.#sink.end.call(this.#res);
  }
}
