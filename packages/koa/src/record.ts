/** Records what a handler left in the context, as the onion sees it after `await next()`: bytes at once, a stream while it flows to the visitor. */
import type { Readable } from "node:stream";
import type { Delivery, Forward, ResponseHead } from "@diskcache/core";
import { changedLines, headerGroups, headersSetOn } from "@diskcache/http";
import type { Context } from "koa";
import { handlersBody } from "./body.js";
import type { HandlersBody } from "./body.js";
import { leaveToKoa } from "./leave-to-koa.js";
import { Outward } from "./outward.js";
import { play, removeHandlersFields } from "./play.js";
import { VisitorStream } from "./visitor-stream.js";

/** @param before the fields that were set when the cache handed the request on
 * @param stoodIn the visitor has been given a stale page meanwhile: this is for the cache alone */
export async function record(
  ctx: Context,
  forward: Forward,
  before: readonly string[],
  stoodIn: boolean,
): Promise<void> {
  if (ctx.respond === false || (!stoodIn && (ctx.headerSent || ctx.res.writableEnded))) {
    forward.abort("body");
    return;
  }
  const body = handlersBody(ctx);
  if (body.kind === "other") {
    leaveToKoa(ctx, forward, before);
    return;
  }
  const delivery = forward.head({
    head: headOf(ctx, body),
    before,
    body: body.kind === "bytes" ? body.bytes : undefined,
  });
  if (delivery.kind === "filled") {
    await fill(ctx, forward, before, body, delivery, stoodIn);
    return;
  }
  const outward = new Outward(ctx, forward, delivery.record, stoodIn);
  const keep = (): void => outward.whenOver(() => void forward.end());
  // The visitor has left already: what the handler made all the same is for the next one.
  const left = stoodIn || !ctx.writable;
  if (body.kind === "bytes") {
    if (delivery.record) forward.write(body.bytes);
    if (!left) deliver(ctx, delivery, before, body.byKoa === undefined ? () => body.bytes : undefined);
    keep();
  } else if (left) {
    drain(ctx, body, forward, delivery, keep);
  } else {
    // Before anything takes its place in the context: Koa 3 destroys what is replaced.
    if (delivery.kind === "instead") drain(ctx, body, forward, delivery, keep);
    const outgoing = (): Readable => breakingOff(ctx, recording(ctx, body.open(), forward, delivery, keep, false));
    deliver(ctx, delivery, before, outgoing);
  }
}

// As Koa is going to send it.
function headOf(ctx: Context, body: Exclude<HandlersBody, { kind: "other" }>): ResponseHead {
  const raw = headersSetOn(ctx.res);
  const changes = body.kind === "bytes" && ctx.method !== "HEAD" ? body.byKoa : undefined;
  const rawHeaders = changes === undefined ? raw : changedLines(raw, changes.set, changes.remove);
  return { status: ctx.status, statusText: ctx.res.statusMessage ?? "", rawHeaders };
}

// Whole, and with its holes filled, before any of it goes out.
async function fill(
  ctx: Context,
  forward: Forward,
  before: readonly string[],
  body: Exclude<HandlersBody, { kind: "other" }>,
  { filled, record: recorded }: Delivery & { kind: "filled" },
  stoodIn: boolean,
): Promise<void> {
  const content = body.kind === "bytes" ? body.bytes : await gather(body.open(), forward, recorded);
  if (body.kind === "bytes" && recorded) forward.write(content);
  const response = await filled(content);
  const outward = new Outward(ctx, forward, recorded, stoodIn);
  if (!stoodIn && ctx.writable) {
    removeHandlersFields(ctx, before);
    play(ctx, response);
  }
  outward.whenOver(() => void forward.end());
}

/** @param body what takes the place of the handler's; `undefined` leaves to Koa what only it makes */
function deliver(
  ctx: Context,
  delivery: Exclude<Delivery, { kind: "filled" }>,
  before: readonly string[],
  body: (() => Buffer | Readable) | undefined,
): void {
  if (delivery.kind === "pass") {
    for (const name of delivery.remove) ctx.remove(name);
    for (const [name, value] of delivery.set) ctx.set(name, value);
    // What is not kept stays as the handler left it.
    if (delivery.record && body !== undefined) replaceBody(ctx, body());
    return;
  }
  removeHandlersFields(ctx, before);
  if (delivery.kind === "instead") {
    play(ctx, delivery.response);
    return;
  }
  const whole = body?.() ?? Buffer.alloc(0);
  ctx.status = delivery.head.status;
  ctx.body = Buffer.isBuffer(whole) ? whole.subarray(delivery.start, delivery.end) : whole;
  for (const { name, values } of headerGroups(delivery.head.rawHeaders).values())
    ctx.set(name, values.length === 1 ? values[0]! : values);
}

/** The handler's stream, whole. */
async function gather(source: Readable, forward: Forward, record: boolean): Promise<Buffer> {
  const pieces: Buffer[] = [];
  try {
    for await (const chunk of source) {
      const bytes = ownBytes(chunk);
      pieces.push(bytes);
      if (record && !forward.write(bytes)) await new Promise<void>((resolve) => (forward.onDrain = resolve));
    }
  } catch (error) {
    forward.abort("error");
    throw error;
  }
  return Buffer.concat(pieces);
}

// Koa's setters guess at status, type and length; all of them were settled before.
function replaceBody(ctx: Context, body: Buffer | Readable): void {
  if (Buffer.isBuffer(body) && body.length === 0) return;
  const { status, message } = ctx;
  const [length, typed] = [ctx.response.get("content-length"), ctx.response.get("content-type")];
  // Where nothing is replaced, no length is taken away, and Node goes on telling the length of nothing.
  Object.assign(ctx.response, { _body: undefined });
  ctx.body = body;
  ctx.status = status;
  if (message) ctx.message = message;
  if (length && ctx.response.get("content-length") !== length) ctx.set("Content-Length", length);
  if (!typed) ctx.remove("Content-Type");
}

/** The handler's stream, recorded on its way to the visitor. It is read to its end even when the visitor leaves.
 * @param aside the client gets something else */
function recording(
  { res }: Context,
  source: Readable,
  forward: Forward,
  delivery: Delivery,
  keep: () => void,
  aside: boolean,
): Readable {
  const wantedByOthers = (): boolean => delivery.record && forward.wanted;
  // Koa destroys the body of a response that is over, and one that is replaced.
  const { destroy } = source;
  source.destroy = (error?: Error) => {
    const spared = error === undefined && !source.readableEnded && (aside || res.destroyed || res.writableFinished);
    return spared && wantedByOthers() ? source : Reflect.apply(destroy, source, [error]);
  };
  const [start, end] = delivery.kind === "part" ? [delivery.start, delivery.end] : [0, Number.POSITIVE_INFINITY];
  const outward = new VisitorStream(forward, start, end);
  const flow = async (): Promise<void> => {
    for await (const chunk of source) {
      const bytes = ownBytes(chunk);
      if (delivery.record && !forward.write(bytes)) await new Promise<void>((resolve) => (forward.onDrain = resolve));
      if (outward.destroyed && !wantedByOthers()) break;
      await outward.give(bytes);
    }
  };
  flow().then(
    () => {
      keep();
      outward.finish();
    },
    (error: Error) => {
      forward.abort("error");
      outward.destroy(error);
    },
  );
  return outward;
}

// A body that comes to a bad end breaks the connection: Koa 2 would leave the visitor waiting for the rest.
function breakingOff({ res }: Context, stream: Readable): Readable {
  return stream.once("error", () => {
    if (res.headersSent) res.destroy();
  });
}

function drain(
  ctx: Context,
  body: HandlersBody & { kind: "stream" },
  forward: Forward,
  delivery: Delivery,
  keep: () => void,
): void {
  if (!delivery.record) {
    body.discard();
    void forward.end();
    return;
  }
  // The visitor has an answer already; the stored one is completed behind him.
  recording(ctx, body.open(), forward, delivery, keep, true).resume();
}

// A copy: the handler may use its buffer again while ours is kept. Anything else fails as it does in Node's own `write`.
function ownBytes(chunk: unknown): Buffer {
  if (typeof chunk === "string" || chunk instanceof Uint8Array) return Buffer.from(chunk as Uint8Array);
  throw new TypeError(`a stream of strings or bytes was expected, and gave ${typeof chunk}`);
}
