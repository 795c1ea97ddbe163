/** Plays a response from the cache into the onion: status, fields and body are set, and middleware outside goes on as if a handler had. */
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { BodySource, OutgoingResponse } from "@diskcache/core";
import { bodyPieces, breakOff, headerGroups, isBareHead, isHttp2Response, sendableLines } from "@diskcache/http";
import type { Context } from "koa";
import { CONTENTLESS } from "./body.js";
import { beforeFailure, takeDateAway } from "./failure.js";
import { canBeLate, setHeadersLate } from "./late-headers.js";

export function play(ctx: Context, given: OutgoingResponse): void {
  const response = isHttp2Response(ctx.res) ? forHttp2(ctx.res, given) : given;
  const { res } = ctx;
  beforeFailure(ctx, () => takeDateAway(res));
  setStatus(ctx, response);
  const body = shownBody(ctx, response);
  if (playLate(ctx, response, body)) return;
  // Usually nobody outside has set anything: then nothing has to be compared.
  const before = res.getHeaderNames();
  // Koa takes the length away from a stream and from nothing, so their fields come after them.
  const late = typeof body !== "string" && !Buffer.isBuffer(body);
  if (before.length === 0 && !late) appendHeaders(res, response.headers);
  if (body === null) {
    ctx.body = null;
    // That has turned 200 into 204.
    setStatus(ctx, response);
  } else if (body !== undefined) {
    const typed = res.hasHeader("content-type");
    ctx.body = typeof body === "string" || Buffer.isBuffer(body) ? body : streamOf(body, ctx);
    if (!typed) ctx.remove("Content-Type");
  }
  if (before.length === 0 && late) appendHeaders(res, response.headers);
  if (before.length > 0) mergeHeaders(ctx, response, new Set(before));
}

function forHttp2(res: ServerResponse, response: OutgoingResponse): OutgoingResponse {
  return { ...response, statusText: "", headers: sendableLines(res, response.headers) };
}

/** Takes away what was set since the cache handed the request on. */
export function removeHandlersFields(ctx: Context, before: readonly string[]): void {
  const kept = headerGroups(before);
  for (const name of ctx.res.getHeaderNames()) if (!kept.has(name)) ctx.remove(name);
}

// Setting a status sets its usual phrase, too. HTTP/2 has none.
function setStatus(ctx: Context, { status, statusText }: OutgoingResponse): void {
  ctx.status = status;
  if (statusText !== "" && ctx.req.httpVersionMajor < 2) ctx.message = statusText;
}

// What middleware outside finds as the body. To HEAD it is what GET has, which Koa leaves away: so outside says the
// same of both. An empty page is no body that could be tagged or encoded; one without a type was null.
function shownBody(
  { method }: Context,
  { status, headers, body: sent, unsentBody }: OutgoingResponse,
): Buffer | BodySource | "" | null | undefined {
  const body = sent ?? unsentBody;
  if (body === undefined) return method === "HEAD" ? undefined : null;
  if (!Buffer.isBuffer(body) || body.length > 0) return body;
  return CONTENTLESS.has(status) || !tells(headers, "content-type") ? null : "";
}

// Most hits: bytes, for a context that nobody has given anything. Setting `ctx.body` would look at the fields, so the bytes are put where it keeps them; should
// Koa ever keep them elsewhere, `ctx.body` does not have them.
function playLate(ctx: Context, { headers }: OutgoingResponse, body: unknown): boolean {
  const { res } = ctx;
  // Where the page does not say how long it is, Koa does.
  if (!Buffer.isBuffer(body) || ctx.body !== undefined || !tells(headers, "content-length")) return false;
  if (!canBeLate(res) || !isBareHead(res, res)) return false;
  Object.assign(ctx.response, { _body: body });
  if (ctx.body !== body) return false;
  // Middleware outside may come back in a later turn.
  setHeadersLate(res, headers.slice());
  return true;
}

function tells(headers: readonly string[], wanted: string): boolean {
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!;
    if (name.length === wanted.length && name.toLowerCase() === wanted) return true;
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
function streamOf(source: BodySource, { res, method }: Context): Readable {
  // What an answer to HEAD does not send is opened only if somebody outside reads it.
  let reader = method === "HEAD" ? undefined : source.open();
  let pieces: ReturnType<typeof bodyPieces> | undefined;
  return new Readable({
    read() {
      pieces ??= bodyPieces(source, (reader ??= source.open()));
      pieces.next().then(
        // A stream keeps what it is given.
        ({ done, value }) => this.push(done === true ? null : Buffer.from(value)),
        // In a later turn, for the reason that `breakOff` has: Koa 3 destroys the response at once.
        (error: Error) => setImmediate(() => this.destroy(error)),
      );
    },
    destroy(error, done) {
      reader?.close();
      if (error !== null && res.headersSent) breakOff(res);
      done(error);
    },
  });
}
