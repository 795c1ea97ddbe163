/**
 * Captures what a handler leaves in the context, as the onion sees it after `await next()`: bytes at once, a stream
 * while it flows to the client; and what the handler writes to the response itself, past Koa, when that is sent.
 * docs/capture.md describes slow clients, and those that leave.
 */
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { Delivery, Forward, ResponseHead } from "@diskcache/core";
import { changedLines, Departure, headersSetOn, reasonPhrase, tap } from "@diskcache/http";
import type { Party, Tapped } from "@diskcache/http";
import type { Context, Next } from "koa";
import { handlersBody, watchBody } from "./body.js";
import type { HandlersBody } from "./body.js";
import { deliver, flow, gather, leaveToKoa } from "./deliver.js";
import { beforeFailure, sayAgain } from "./failure.js";
import type { Flowing } from "./deliver.js";
import { Outward } from "./outward.js";
import { play, removeHandlersFields } from "./play.js";

type RecordedBody = Exclude<HandlersBody, { kind: "other" }>;

export class Capture implements Party {
  readonly #ctx: Context;
  readonly #res: ServerResponse;
  readonly #forward: Forward;
  readonly #departure: Departure;
  readonly #tapped: Tapped;
  /** `writeHead` where no inner hook has replaced it. */
  readonly #unhooked: ServerResponse["writeHead"];
  /** The fields that were set when the cache handed the request on. */
  readonly #before: readonly string[];
  /** Streams that Koa would have destroyed, because their client has left. */
  readonly #spared = new Set<Readable>();
  #outward: Outward | undefined;
  #flowing: Flowing | undefined;

  /** Made before the handler runs. */
  constructor(ctx: Context, forward: Forward) {
    const { req, res } = ctx;
    this.#ctx = ctx;
    this.#res = res;
    this.#forward = forward;
    this.#before = headersSetOn(res);
    this.#departure = Departure.of(req, res);
    this.#tapped = tap(req, res, forward);
    this.#unhooked = res.writeHead;
    watchBody(ctx, this.#departure, this.#spared);
    // A body that fails before the handler returns: Koa answers at once, and no outer middleware can change that.
    beforeFailure(ctx, () => (forward.directives.skipReason ??= "error"));
  }

  /** The client has been given a stale page meanwhile: this response is only for the cache. */
  get stoodIn(): boolean {
    return this.#tapped.stoodIn;
  }

  // Read once, before `respond` is watched: from then on reading it means that the onion is done.
  get #isPastKoa(): boolean {
    return this.#tapped.begun || (this.#ctx.respond === false && !this.stoodIn);
  }

  /** The handler has failed, and another response takes the place of its own: of that, the client gets the cookies. */
  clear(): void {
    const cookies = this.#res.getHeader("Set-Cookie");
    removeHandlersFields(this.#ctx, this.#before);
    if (cookies !== undefined) this.#ctx.set("Set-Cookie", cookies as string | string[]);
  }

  left(release: () => void): boolean {
    const goesOn = this.#forward.clientLeft(release);
    if (goesOn) this.#flowing?.clientLeft();
    else this.#giveUp();
    return goesOn;
  }

  told(): boolean {
    const useful = this.#forward.handlerTold();
    if (!useful) this.#giveUp();
    return useful;
  }

  broken(): void {
    this.#giveUp();
  }

  /** The handler has answered.
   * @returns whether it answers past Koa, now or later */
  async record(): Promise<boolean> {
    if (this.#isPastKoa) return true;
    await this.#record();
    return false;
  }

  async #record(): Promise<void> {
    const ctx = this.#ctx;
    const forward = this.#forward;
    if (!this.stoodIn && (ctx.headerSent || this.#res.writableEnded)) {
      forward.abort("body");
      return;
    }
    const coding = this.#res.getHeader("Content-Encoding");
    const release = (): void => this.#tapped.release(this);
    if (this.#res.writeHead === this.#unhooked) release();
    else sayAgain(ctx, release);
    this.#departure.sentByFramework();
    // An inner hook is going to encode what Koa sends.
    if (this.#res.getHeader("Content-Encoding") !== coding) {
      leaveToKoa(ctx, forward, this.#before, "late-coding");
      return;
    }
    const body = handlersBody(ctx);
    if (body.kind === "other") {
      leaveToKoa(ctx, forward, this.#before, "body");
      return;
    }
    const known = body.kind === "bytes" ? body.bytes : undefined;
    const delivery = forward.head({ head: headOf(ctx, body), before: this.#before, body: known });
    if (delivery.kind === "filled") await this.#fill(body, delivery);
    else if (body.kind === "bytes") this.#recordBytes(body, delivery);
    else this.#recordStream(body, delivery);
  }

  #recordBytes(body: RecordedBody & { kind: "bytes" }, delivery: Exclude<Delivery, { kind: "filled" }>): void {
    const outward = this.#goOut();
    if (delivery.record) this.#forward.write(body.bytes);
    const shown = body.byKoa === undefined ? () => body.bytes : undefined;
    if (!this.#isAside) deliver(this.#ctx, delivery, this.#before, shown);
    outward.whenOver(() => void this.#forward.end());
  }

  #recordStream(body: RecordedBody & { kind: "stream" }, delivery: Exclude<Delivery, { kind: "filled" }>): void {
    const ctx = this.#ctx;
    const outward = this.#goOut();
    const end = (): void => outward.whenOver(() => void this.#forward.end());
    const aside = this.#isAside || delivery.kind === "instead";
    if (!delivery.record && (aside || delivery.kind === "pass")) {
      // Before the body in the context is replaced: Koa 3 destroys what is replaced.
      if (aside) body.discard();
      // Koa 2 would leave the client waiting for the rest of a body that fails.
      else body.whenItFails(() => this.#departure.breakOffBody());
      if (!this.#isAside) deliver(ctx, delivery, this.#before, undefined);
      end();
      return;
    }
    const flowing = (): Readable => {
      this.#flowing = flow(ctx, body.open(), this.#forward, this.#departure, delivery, end);
      return this.#flowing.stream;
    };
    if (aside) flowing().resume();
    if (!this.#isAside) deliver(ctx, delivery, this.#before, flowing);
  }

  // Complete, and with its holes filled, before any of it is sent.
  async #fill(body: RecordedBody, { filled, record }: Delivery & { kind: "filled" }): Promise<void> {
    const ctx = this.#ctx;
    const forward = this.#forward;
    const content = body.kind === "bytes" ? body.bytes : await gather(body.open(), forward, record);
    if (body.kind === "bytes" && record) forward.write(content);
    const response = await filled(content);
    const outward = this.#goOut();
    if (!this.#isAside) {
      removeHandlersFields(ctx, this.#before);
      play(ctx, response);
    }
    outward.whenOver(() => void forward.end());
  }

  // The handler's response is for the next client.
  get #isAside(): boolean {
    return this.stoodIn || this.#departure.gone;
  }

  #goOut(): Outward {
    return (this.#outward = new Outward(this.#ctx, this.#forward, this.#departure, this.stoodIn));
  }

  #giveUp(): void {
    this.#forward.abort("aborted");
    this.#flowing?.clientLeft();
    this.#outward?.stop();
    for (const stream of this.#spared) stream.destroy();
  }
}

// As Koa is going to send it. The fields that a 304 has for the stored page are kept, whatever Koa removes.
function headOf(ctx: Context, body: RecordedBody): ResponseHead {
  const raw = headersSetOn(ctx.res);
  const asSent = ctx.method !== "HEAD" && ctx.status !== 304;
  const changes = body.kind === "bytes" && asSent ? body.byKoa : undefined;
  const rawHeaders = changes === undefined ? raw : changedLines(raw, changes.set, changes.remove);
  return { status: ctx.status, statusText: reasonPhrase(ctx.res), rawHeaders };
}

/* The types of Koa's handlers, for code that wraps them. */

/** A handler or controller method of Koa. */
// oxlint-disable-next-line typescript/no-explicit-any -- methods of any class may be decorated, under any state and context
export type Handler = (this: any, ctx: any, next: Next) => unknown;
