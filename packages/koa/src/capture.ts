/** Captures what a handler leaves in the context, as the onion sees it after `await next()`: bytes at once, a stream while it flows to the client; and what it writes to the response itself, past Koa, where that leaves. What becomes of slow clients, and of those that leave, is in docs/capture.md. */
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { Delivery, Forward, ResponseHead } from "@diskcache/core";
import { changedLines, Departure, headersSetOn, reasonPhrase, tap } from "@diskcache/http";
import type { Party, Tapped } from "@diskcache/http";
import type { Context, Next } from "koa";
import { handlersBody, watchBody } from "./body.js";
import type { HandlersBody } from "./body.js";
import { deliver, leaveToKoa } from "./deliver.js";
import { beforeFailure, sayAgain } from "./failure.js";
import { flow, gather } from "./flow.js";
import type { Flowing } from "./flow.js";
import { Outward } from "./outward.js";
import { play, removeHandlersFields } from "./play.js";

type RecordedBody = Exclude<HandlersBody, { kind: "other" }>;

export class Capture implements Party {
  readonly #ctx: Context;
  readonly #res: ServerResponse;
  readonly #forward: Forward;
  readonly #departure: Departure;
  readonly #tapped: Tapped;
  /** What `writeHead` is where nothing is hooked in inside. */
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
    // A body that fails before the handler returns: Koa answers at once, and nobody outside has a say.
    beforeFailure(ctx, () => (forward.directives.skipReason ??= "error"));
  }

  /** The client has been given a stale page meanwhile: this response is for the cache alone. */
  get stoodIn(): boolean {
    return this.#tapped.stoodIn;
  }

  // Asked once, before the way out is watched: from then on the question says that the onion is done.
  get #isPastKoa(): boolean {
    return this.#tapped.begun || (this.#ctx.respond === false && !this.stoodIn);
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
    // What is hooked in inside is going to encode what Koa sends.
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
    const outward = this.#goOut(delivery.record);
    if (delivery.record) this.#forward.write(body.bytes);
    const shown = body.byKoa === undefined ? () => body.bytes : undefined;
    if (!this.#isAside) deliver(this.#ctx, delivery, this.#before, shown);
    outward.whenOver(() => void this.#forward.end());
  }

  #recordStream(body: RecordedBody & { kind: "stream" }, delivery: Exclude<Delivery, { kind: "filled" }>): void {
    const ctx = this.#ctx;
    const outward = this.#goOut(delivery.record);
    const end = (): void => outward.whenOver(() => void this.#forward.end());
    const aside = this.#isAside || delivery.kind === "instead";
    if (!delivery.record && (aside || delivery.kind === "pass")) {
      // Before anything takes its place in the context: Koa 3 destroys what is replaced.
      if (aside) body.discard();
      // Koa 2 would leave the client waiting for the rest of what fails.
      else body.whenItFails(() => this.#departure.breakOffBody());
      if (!this.#isAside) deliver(ctx, delivery, this.#before, undefined);
      end();
      return;
    }
    const flowing = (): Readable => {
      this.#flowing = flow(body.open(), this.#forward, this.#departure, delivery, end);
      return this.#flowing.stream;
    };
    if (aside) flowing().resume();
    if (!this.#isAside) deliver(ctx, delivery, this.#before, flowing);
  }

  // Whole, and with its holes filled, before any of it goes out.
  async #fill(body: RecordedBody, { filled, record }: Delivery & { kind: "filled" }): Promise<void> {
    const ctx = this.#ctx;
    const forward = this.#forward;
    const content = body.kind === "bytes" ? body.bytes : await gather(body.open(), forward, record);
    if (body.kind === "bytes" && record) forward.write(content);
    const response = await filled(content);
    const outward = this.#goOut(record);
    if (!this.#isAside) {
      removeHandlersFields(ctx, this.#before);
      play(ctx, response);
    }
    outward.whenOver(() => void forward.end());
  }

  // What the handler made is for the next client.
  get #isAside(): boolean {
    return this.stoodIn || this.#departure.gone;
  }

  #goOut(record: boolean): Outward {
    return (this.#outward = new Outward(this.#ctx, this.#forward, this.#departure, record, this.stoodIn));
  }

  #giveUp(): void {
    this.#forward.abort("aborted");
    this.#flowing?.clientLeft();
    this.#outward?.stop();
    for (const stream of this.#spared) stream.destroy();
  }
}

// As Koa is going to send it. What a 304 says of the page is for the stored one, whatever Koa takes away.
function headOf(ctx: Context, body: RecordedBody): ResponseHead {
  const raw = headersSetOn(ctx.res);
  const asSent = ctx.method !== "HEAD" && ctx.status !== 304;
  const changes = body.kind === "bytes" && asSent ? body.byKoa : undefined;
  const rawHeaders = changes === undefined ? raw : changedLines(raw, changes.set, changes.remove);
  return { status: ctx.status, statusText: reasonPhrase(ctx.res), rawHeaders };
}

/* What a handler of Koa is, for those who wrap one. */

/** A handler or controller method of Koa. */
// oxlint-disable-next-line typescript/no-explicit-any -- methods of any class may be decorated, under any state and context
export type Handler = (this: any, ctx: any, next: Next) => unknown;
