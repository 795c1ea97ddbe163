/** Sets in the context what the client gets of the handler's response, while the client is there. */
import type { Readable } from "node:stream";
import type { Delivery, Forward } from "@diskcache/core";
import { headerGroups, headersSetOn } from "@diskcache/http";
import type { Departure } from "@diskcache/http";
import type { Context } from "koa";
import { whenItFails } from "./body.js";
import { ClientStream } from "./client-stream.js";
import { play, removeHandlersFields } from "./play.js";

/** @param before the fields that were set when the cache handed the request on
 * @param body replaces the handler's; `undefined` leaves to Koa a body that only Koa makes */
export function deliver(
  ctx: Context,
  delivery: Exclude<Delivery, { kind: "filled" }>,
  before: readonly string[],
  body: (() => Buffer | Readable) | undefined,
): void {
  if (delivery.kind === "pass") {
    for (const name of delivery.remove) ctx.remove(name);
    for (const [name, value] of delivery.set) ctx.set(name, value);
    // A response that is not kept stays as the handler left it.
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

// Koa's setters guess status, type and length; all of them were settled before.
function replaceBody(ctx: Context, body: Buffer | Readable): void {
  if (Buffer.isBuffer(body) && body.length === 0) return;
  const { status, message } = ctx;
  const [length, typed] = [ctx.response.get("content-length"), ctx.response.get("content-type")];
  // Where nothing is replaced, no length is removed, and Node goes on sending the length of an empty body.
  Object.assign(ctx.response, { _body: undefined });
  ctx.body = body;
  ctx.status = status;
  if (message) ctx.message = message;
  if (length && ctx.response.get("content-length") !== length) ctx.set("Content-Length", length);
  if (!typed) ctx.remove("Content-Type");
}

/* A response that only Koa can send: its body is never touched and never kept, and `Cache-Status` says so. */

/** @param before the fields that were set when the cache handed the request on
 * @throws {DiskCacheError} `ERR_DISKCACHE_HOLE` when the page has holes, which could not be filled */
export function leaveToKoa(ctx: Context, forward: Forward, before: readonly string[], reason: string): void {
  const { directives } = forward;
  directives.assertPlain();
  directives.skipReason ??= reason;
  const head = { status: ctx.status, statusText: ctx.res.statusMessage ?? "", rawHeaders: headersSetOn(ctx.res) };
  const delivery = forward.head({ head, before, body: undefined });
  if (delivery.kind === "instead") {
    removeHandlersFields(ctx, before);
    play(ctx, delivery.response);
  } else if (delivery.kind === "pass") {
    for (const name of delivery.remove) ctx.remove(name);
    for (const [name, value] of delivery.set) ctx.set(name, value);
  } else if (delivery.kind === "part") {
    // It cannot be cut, and the whole is a valid answer, too (RFC 9110 §14.2).
    const { rawHeaders } = delivery.head;
    const at = rawHeaders.findIndex((name, index) => index % 2 === 0 && name === "Cache-Status");
    if (at !== -1) ctx.set("Cache-Status", rawHeaders[at + 1]!);
  }
  void forward.end();
}

/* A handler's stream, read by the cache: recorded to its end, whether or not its client stays. */

export interface Flowing {
  /** What the client gets of it. */
  readonly stream: Readable;
  /** The client gets nothing more of it. */
  clientLeft(): void;
}

/** @param ended called when all of it has been read, or enough */
export function flow(
  ctx: Context,
  source: Readable,
  forward: Forward,
  departure: Departure,
  delivery: Exclude<Delivery, { kind: "filled" }>,
  ended: () => void,
): Flowing {
  const { record } = delivery;
  const isWanted = (): boolean => record && forward.wanted;
  spare(source, () => isWanted() && (delivery.kind === "instead" || departure.away));
  const [start, end] = delivery.kind === "part" ? [delivery.start, delivery.end] : [0, Number.POSITIVE_INFINITY];
  const stream = new ClientStream(forward, start, end);
  const fail = (error: Error): void => stream.fail(error, ctx.res.writableEnded);
  const read = async (): Promise<void> => {
    for await (const chunk of source) {
      const bytes = ownBytes(chunk);
      if (record && !forward.write(bytes)) await drained(forward);
      if (!isWanted() && stream.over) return void source.destroy();
      await stream.give(bytes);
      // A part that is not recorded needs no more data. Left to the loop, the end of it would be an error of the
      // source.
      if (!record && stream.complete) return void source.destroy();
    }
  };
  read().then(
    () => {
      ended();
      stream.finish();
    },
    (error: Error) => {
      forward.abort("error");
      fail(error);
    },
  );
  // At once: where the head has not left, Koa 2 has just answered the error.
  source.once("error", fail);
  // A body that fails breaks the connection: Koa 2 would leave the client waiting for the rest.
  whenItFails(ctx, stream, () => departure.breakOffBody());
  return { stream, clientLeft: () => stream.leave() };
}

/** The handler's stream, complete. */
export async function gather(source: Readable, forward: Forward, record: boolean): Promise<Buffer> {
  const pieces: Buffer[] = [];
  try {
    for await (const chunk of source) {
      const bytes = ownBytes(chunk);
      pieces.push(bytes);
      if (record && !forward.write(bytes)) await drained(forward);
    }
  } catch (error) {
    forward.abort("error");
    throw error;
  }
  return Buffer.concat(pieces);
}

// Koa destroys the body of a response that is over, and one that is replaced.
function spare(source: Readable, isSpared: () => boolean): void {
  const { destroy } = source;
  source.destroy = (error?: Error) =>
    error === undefined && !source.readableEnded && isSpared() ? source : Reflect.apply(destroy, source, [error]);
}

function drained(forward: Forward): Promise<void> {
  return new Promise((resolve) => (forward.onDrain = resolve));
}

// A copy: the handler may reuse its buffer while the cache keeps this one. Any other value fails as in Node's own
// `write`.
function ownBytes(chunk: unknown): Buffer {
  if (typeof chunk === "string" || chunk instanceof Uint8Array) return Buffer.from(chunk as Uint8Array);
  throw new TypeError(`a stream of strings or bytes was expected, and gave ${typeof chunk}`);
}
