/** Plays a response from the cache into the onion: status, fields and body are set, and middleware outside goes on as if a handler had. */
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { BodySource, OutgoingResponse } from "@diskcache/core";
import { bodyPieces, breakOff, headerGroups, isHttp2Response, sendableLines } from "@diskcache/http";
import type { Context } from "koa";
import { canBeLate, setHeadersLate } from "./late-headers.js";

export function play(ctx: Context, given: OutgoingResponse): void {
  const response = isHttp2Response(ctx.res) ? forHttp2(ctx.res, given) : given;
  const { status, statusText, body } = response;
  ctx.status = status;
  if (statusText !== "") ctx.message = statusText;
  const { res } = ctx;
  if (playLate(ctx, response)) return;
  // Usually nobody outside has set anything: then nothing has to be compared.
  const before = res.getHeaderNames();
  // Koa takes the length away from a stream, so its fields come after it.
  const streamed = body !== undefined && !Buffer.isBuffer(body);
  if (before.length === 0 && !streamed) appendHeaders(res, response.headers);
  if (body === undefined) {
    // A null body would turn 200 into 204, which an answer to HEAD is not.
    if (ctx.method !== "HEAD") ctx.body = null;
    ctx.status = status;
  } else {
    const typed = res.hasHeader("content-type");
    ctx.body = Buffer.isBuffer(body) ? body : streamOf(body, ctx);
    if (!typed) ctx.remove("Content-Type");
  }
  if (before.length === 0 && streamed) appendHeaders(res, response.headers);
  if (before.length > 0) mergeHeaders(ctx, response, new Set(before));
}

function forHttp2(res: ServerResponse, response: OutgoingResponse): OutgoingResponse {
  return { ...response, statusText: "", headers: sendableLines(res, response.headers) };
}

// Most hits: bytes, for a context that nobody has given anything. Setting `ctx.body` would look at the fields, so the bytes are put where it keeps them; should
// Koa ever keep them elsewhere, `ctx.body` does not have them.
function playLate(ctx: Context, { headers, body }: OutgoingResponse): boolean {
  const { res } = ctx;
  if (!Buffer.isBuffer(body) || ctx.body !== undefined || !tellsLength(headers)) return false;
  if (!canBeLate(res) || res.getHeaderNames().length > 0) return false;
  Object.assign(ctx.response, { _body: body });
  if (ctx.body !== body) return false;
  // Middleware outside may come back in a later turn.
  setHeadersLate(res, headers.slice());
  return true;
}

// Where the page does not say how long it is, Koa does.
function tellsLength(headers: readonly string[]): boolean {
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!;
    if (name.length === "content-length".length && name.toLowerCase() === "content-length") return true;
  }
  return false;
}

function appendHeaders(res: ServerResponse, headers: readonly string[]): void {
  for (let index = 0; index < headers.length; index += 2) res.appendHeader(headers[index]!, headers[index + 1]!);
}

function mergeHeaders(ctx: Context, { headers, outer }: OutgoingResponse, before: ReadonlySet<string>): void {
  for (const name of outer.removed) ctx.remove(name);
  for (const [name, { name: asSent, values }] of headerGroups(headers)) {
    if (!(before.has(name) && outer.kept.includes(name))) ctx.set(asSent, values.length === 1 ? values[0]! : values);
  }
}

// A body that turns out to be damaged ends in an error, and the connection is broken: a short body never looks whole. Koa 2 would leave it open.
function streamOf(source: BodySource, { res }: Context): Readable {
  const reader = source.open();
  const pieces = bodyPieces(source, reader);
  return new Readable({
    read() {
      pieces.next().then(
        // A stream keeps what it is given.
        ({ done, value }) => this.push(done === true ? null : Buffer.from(value)),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      reader.close();
      if (error !== null && res.headersSent) breakOff(res);
      done(error);
    },
  });
}
