/**
 * Taps a response: the cache sees what the handler writes, on its way to the client. Nothing is buffered for the
 * client, and an error in the cache never reaches the handler. docs/capture.md shows its states.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { Delivery, Forward, OutgoingResponse } from "@diskcache/core";
import { bytesOf, callbacks, callSoon, isChunk, ownBytes } from "./body-pieces.js";
import { ClientSide } from "./client-side.js";
import { Departure } from "./departure.js";
import type { Party } from "./departure.js";
import { whenItFails } from "./detach-handler.js";
import { headGiven } from "./header-groups.js";
import { sinkOf } from "./send.js";
import type { Sink } from "./send.js";
import { TappedHead } from "./tapped-head.js";
import type { Tapped } from "./tapped-head.js";

/** Puts the cache between a handler and a response. Call it before the handler runs. */
export function tap(req: IncomingMessage, res: ServerResponse, forward: Forward): Tapped {
  const tapped = new Tap(req, res, forward);
  res.writeHead = tapped.writeHead;
  res.write = tapped.write;
  res.end = tapped.end as ServerResponse["end"];
  res.flushHeaders = tapped.flushHeaders;
  return tapped;
}

class Tap implements Party, Tapped {
  readonly #res: ServerResponse;
  readonly #forward: Forward;
  /** The response's methods before the tap; other middleware may have hooked them already. */
  readonly #sink: Sink;
  readonly #flushHeaders: () => void;
  readonly #head: TappedHead;
  readonly #client: ClientSide;
  readonly #departure: Departure;
  /**
   * Set while the inner hooks run, because the handler begins its response without `writeHead`, or other code takes it
   * over.
   */
  #implied: { readonly body: Buffer | undefined } | "asked" | undefined;
  #stoodIn = false;
  #released = false;
  #ended = false;
  /** Set while the client has left and the handler does not know: lets it know. */
  #release: (() => void) | undefined;

  constructor(req: IncomingMessage, res: ServerResponse, forward: Forward) {
    const sink = sinkOf(res);
    this.#res = res;
    this.#forward = forward;
    this.#sink = sink;
    this.#flushHeaders = res.flushHeaders;
    const head = (this.#head = new TappedHead(res, forward, sink));
    const departure = (this.#departure = Departure.of(req, res));
    this.#client = new ClientSide({ res, forward, sink, head, departure });
    forward.onOver = () => departure.over();
    departure.join(this);
    // Only then is there a stored page that can stand in.
    if (forward.plan.selection !== undefined) forward.onTimeout = (stale) => this.#standIn(stale);
  }

  get begun(): boolean {
    return !this.#released && (this.#client.begun || this.#ended);
  }

  get stoodIn(): boolean {
    return this.#stoodIn;
  }

  release(successor: Party): void {
    const res = this.#res;
    this.#departure.replace(this, successor);
    if (this.#stoodIn) return;
    this.#implied = "asked";
    if (res.writeHead !== this.writeHead) res.writeHead(res.statusCode);
    this.#released = true;
    this.#client.pass();
    const { writeHead, write, end } = this.#sink;
    Object.assign(res, { writeHead });
    // Hooks added inside stay, and end up here.
    if (res.write === this.write) Object.assign(res, { write });
    if (res.end === (this.end as unknown)) Object.assign(res, { end });
  }

  readonly writeHead = (status: number, ...rest: unknown[]): ServerResponse => {
    const client = this.#client;
    // Given up before it began: it is no longer the cache's.
    if (client.begun || this.#ended) {
      // A second call has to fail as it always does.
      if (client.passes) this.#sink.writeHead.call(this.#res, status, ...rest);
      return this.#res;
    }
    const { reason, fields } = headGiven(rest);
    this.#begin(status, reason, fields);
    return this.#res;
  };

  readonly write = (...given: unknown[]): boolean => {
    const [chunk, encoding] = given;
    const client = this.#client;
    if (isChunk(chunk) && !this.#ended) this.#beginImplicitly(undefined);
    if (this.#ended && !client.passes) return false;
    if (this.#ended || !client.begun || !isChunk(chunk)) return Reflect.apply(this.#sink.write, this.#res, given);
    const bytes = client.record || !client.passes ? ownBytes(chunk, encoding) : undefined;
    const room = !client.record || this.#forward.write(bytes!);
    if (!client.passes) callSoon(given);
    const goOn = client.write(given, bytes, room);
    // It may have become useless by now.
    if (this.#release !== undefined && !this.#forward.wanted) this.#release();
    return goOn;
  };

  readonly end = (...given: unknown[]): ServerResponse => {
    const [chunk, encoding] = given;
    const last = isChunk(chunk) ? chunk : undefined;
    const client = this.#client;
    if (client.record && !this.#ended) this.#departure.check();
    if (!this.#ended) this.#beginImplicitly(bytesOf(last ?? "", encoding));
    if (this.#ended || !client.begun) {
      if (client.passes) Reflect.apply(this.#sink.end, this.#res, given);
      else callSoon(given);
      return this.#res;
    }
    // A body that is not kept and goes out as it is needs no copy.
    const own = last !== undefined && (client.record || !client.passes) ? ownBytes(last, encoding) : undefined;
    if (client.record && own !== undefined) this.#forward.write(own);
    this.#ended = true;
    if (!client.passes) for (const callback of callbacks(given)) this.#res.once("finish", callback);
    const { gathers } = client;
    client.end(given, own);
    if (!gathers) this.#finish();
    return this.#res;
  };

  readonly flushHeaders = (): void => {
    if (!this.#ended) this.#beginImplicitly(undefined);
    // A gathered body has no head before it is complete.
    if (!this.#client.gathers && !this.#client.isAside) Reflect.apply(this.#flushHeaders, this.#res, []);
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
    this.#client.leave();
    for (const source of this.#departure.sources) this.piped(source);
    return true;
  }

  piped(source: NodeJS.EventEmitter): void {
    // No client is left to break it off.
    if (this.#release !== undefined) whenItFails(source as Readable, () => this.broken());
  }

  told(): boolean {
    const useful = !this.#ended && this.#forward.handlerTold();
    if (!useful) this.broken();
    return useful;
  }

  broken(): void {
    if (!this.#ended) this.#over(true, () => this.#forward.abort("aborted"));
  }

  #beginImplicitly(body: Buffer | undefined): void {
    if (this.#client.begun) return;
    const res = this.#res;
    // Once: a hook that is called may write itself.
    if (this.#implied === undefined) {
      this.#implied = { body };
      res.writeHead(res.statusCode);
    }
    // A hook has not passed it on.
    if (!this.#client.begun && !this.#ended) this.#begin(res.statusCode, undefined, []);
  }

  // Every hook inside the cache has run.
  #begin(status: number, reason: string | undefined, fields: readonly string[]): void {
    const implied = this.#implied;
    if (implied === "asked") return this.#head.set(status, reason, fields);
    const { delivery, unset } = this.#head.begin({ status, reason, fields, body: implied?.body });
    const client = this.#client;
    const complete = (): void => this.#complete();
    client.begin(delivery, status, this.#stoodIn, complete, (content) => void this.#fill(delivery, status, content));
    if (client.passes) return this.#head.pass(status, reason, unset, implied !== undefined);
    this.#res.writeHead = this.writeHead;
    // Neither kept nor for the client: what the handler still writes is dropped.
    if (client.isAside && !client.record) complete();
  }

  async #fill(delivery: Delivery, status: number, content: Buffer): Promise<void> {
    const response = await (delivery as Delivery & { kind: "filled" }).filled(content);
    if (this.#departure.gone) this.#head.makeUnsent(status);
    else this.#head.replace(response);
    this.#finish();
  }

  // The handler takes too long: the client gets a stale page, and the rest of the response is for the cache.
  #standIn(stale: OutgoingResponse): void {
    if (this.#res.headersSent || this.#client.begun || this.#departure.gone) return;
    this.#stoodIn = true;
    this.#head.standIn(stale);
  }

  // The client has all it will get, and nothing is kept: data piped here would be dropped.
  #complete(): void {
    this.#client.turnAside();
    this.#ended = true;
    this.#finish();
    this.#client.endSources();
  }

  #finish(): void {
    if (this.#released) return;
    const { gone } = this.#departure;
    this.#head.leaves();
    this.#over(false, () => void this.#forward.end());
    // For Node, and for the hooks outside, the response ends as well.
    if (gone) this.#client.endUnsent();
  }

  #over(left: boolean, act: () => void): void {
    this.#ended = true;
    this.#client.handlerIsDone(left);
    // Code that holds the forward no longer holds the response.
    this.#forward.onTimeout = this.#forward.onDrain = undefined;
    act();
  }
}
