/** Records what a handler left in the context, as the onion sees it after `await next()`: bytes at once, a stream while it flows to the visitor. */
import type { Readable } from "node:stream";
import type { Delivery, Forward } from "@diskcache/core";
import { headerGroups, headersSetOn } from "@diskcache/http";
import type { Context } from "koa";
import { handlersBody } from "./body.js";
import type { HandlersBody } from "./body.js";
import { Outward } from "./outward.js";
import { play } from "./play.js";
import { VisitorStream } from "./visitor-stream.js";

/** @param before the fields that were set when the cache handed the request on
 * @param stoodIn the visitor has been given a stale page meanwhile: this is for the cache alone */
export async function record(
  ctx: Context,
  forward: Forward,
  before: readonly string[],
  stoodIn: boolean,
): Promise<void> {
  const answered = ctx.respond === false || (!stoodIn && (ctx.headerSent || ctx.res.writableEnded));
  const body = answered ? undefined : handlersBody(ctx);
  if (body === undefined || body.kind === "other") {
    forward.abort("body");
    if (!answered) forward.directives.assertPlain();
    return;
  }
  if (body.kind === "bytes" && body.bare && ctx.method !== "HEAD") ctx.remove("Content-Type"); // as Koa itself will
  const rawHeaders = headersSetOn(ctx.res);
  if (body.kind === "bytes" && body.type !== undefined && !ctx.response.get("content-type"))
    rawHeaders.push("Content-Type", body.type);
  const head = { status: ctx.status, statusText: ctx.res.statusMessage ?? "", rawHeaders };
  const delivery = forward.head({ head, before, body: body.kind === "bytes" ? body.bytes : undefined });
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
    if (!left) deliver(ctx, delivery, before, () => body.bytes, body.type);
    keep();
  } else if (left) {
    drain(ctx, body.stream, forward, delivery, keep);
  } else {
    const outgoing = (): Readable => breakingOff(ctx, recording(ctx, body.stream, forward, delivery, keep));
    deliver(ctx, delivery, before, outgoing, undefined);
    if (delivery.kind === "instead") drain(ctx, body.stream, forward, delivery, keep);
  }
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
  const content = body.kind === "bytes" ? body.bytes : await gather(body.stream, forward, recorded);
  if (body.kind === "bytes" && recorded) forward.write(content);
  const response = await filled(content);
  const outward = new Outward(ctx, forward, recorded, stoodIn);
  if (!stoodIn && ctx.writable) {
    removeHandlersFields(ctx, before);
    play(ctx, response);
  }
  outward.whenOver(() => void forward.end());
}

function deliver(
  ctx: Context,
  delivery: Exclude<Delivery, { kind: "filled" }>,
  before: readonly string[],
  body: () => Buffer | Readable,
  type: string | undefined,
): void {
  if (delivery.kind === "pass") {
    for (const name of delivery.remove) ctx.remove(name);
    for (const [name, value] of delivery.set) ctx.set(name, value);
    // What is not kept stays as the handler left it.
    if (delivery.record) replaceBody(ctx, body(), type);
    return;
  }
  removeHandlersFields(ctx, before);
  if (delivery.kind === "instead") {
    play(ctx, delivery.response);
    return;
  }
  const whole = body();
  ctx.status = delivery.head.status;
  ctx.body = Buffer.isBuffer(whole) ? whole.subarray(delivery.start, delivery.end) : whole;
  for (const { name, values } of headerGroups(delivery.head.rawHeaders).values())
    ctx.set(name, values.length === 1 ? values[0]! : values);
}

function removeHandlersFields(ctx: Context, before: readonly string[]): void {
  const kept = headerGroups(before);
  for (const name of ctx.res.getHeaderNames()) if (!kept.has(name)) ctx.remove(name);
}

/** The handler's stream, whole. */
async function gather(source: Readable, forward: Forward, record: boolean): Promise<Buffer> {
  const pieces: Buffer[] = [];
  try {
    for await (const chunk of source) {
      const bytes = ownBytes(chunk as string | Uint8Array);
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
function replaceBody(ctx: Context, body: Buffer | Readable, type: string | undefined): void {
  const { status, message } = ctx;
  const length = ctx.response.get("content-length");
  const typed = ctx.response.get("content-type");
  if (!(Buffer.isBuffer(body) && body.length === 0)) ctx.body = body;
  ctx.status = status;
  if (message) ctx.message = message;
  if (length) ctx.set("Content-Length", length);
  if (typed) ctx.set("Content-Type", typed);
  else if (type !== undefined) ctx.set("Content-Type", type);
  else ctx.remove("Content-Type");
}

/** The handler's stream, recorded on its way to the visitor. It is read to its end even when the visitor leaves. */
function recording(
  { res }: Context,
  source: Readable,
  forward: Forward,
  delivery: Delivery,
  keep: () => void,
): Readable {
  const wantedByOthers = (): boolean => delivery.record && forward.wanted;
  // Koa destroys the body of a response that is over.
  const { destroy } = source;
  source.destroy = (error?: Error) => {
    const spared = error === undefined && !source.readableEnded && (res.destroyed || res.writableFinished);
    return spared && wantedByOthers() ? source : Reflect.apply(destroy, source, [error]);
  };
  const [start, end] = delivery.kind === "part" ? [delivery.start, delivery.end] : [0, Number.POSITIVE_INFINITY];
  const outward = new VisitorStream(forward, start, end);
  const flow = async (): Promise<void> => {
    for await (const chunk of source) {
      const bytes = ownBytes(chunk as string | Uint8Array);
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

function drain(ctx: Context, source: Readable, forward: Forward, delivery: Delivery, keep: () => void): void {
  if (!delivery.record) {
    source.destroy();
    void forward.end();
    return;
  }
  // The visitor has an answer already; the stored one is completed behind him.
  recording(ctx, source, forward, delivery, keep).resume();
}

// A copy: the handler may use its buffer again while ours is kept.
function ownBytes(chunk: string | Uint8Array): Buffer {
  return typeof chunk === "string" ? Buffer.from(chunk) : Buffer.from(chunk);
}
