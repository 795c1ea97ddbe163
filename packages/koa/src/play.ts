/**
 * Puts a response from the cache into the onion: status, fields and body are set, and middleware outside goes on as
 * after a handler.
 */
import { OutgoingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { BodySource, OutgoingResponse, RawHeaders } from "@diskcache/core";
import { bodyPieces, breakOff, headerGroups, isBareHead, isHttp2Response, sendableLines } from "@diskcache/http";
import type { Context } from "koa";
import { CONTENTLESS } from "./body.js";
import { beforeFailure, takeDateAway } from "./failure.js";

export function play(ctx: Context, given: OutgoingResponse): void {
  const response = isHttp2Response(ctx.res) ? forHttp2(ctx.res, given) : given;
  const { res } = ctx;
  beforeFailure(ctx, () => takeDateAway(res));
  setStatus(ctx, response);
  const body = shownBody(ctx, response);
  if (playLate(ctx, response, body)) return;
  // Usually no middleware outside has set anything: then nothing has to be compared.
  const before = res.getHeaderNames();
  // Koa removes the length for a stream and for an empty body, so their fields are set after them.
  const late = typeof body !== "string" && !Buffer.isBuffer(body);
  if (before.length === 0 && !late) appendHeaders(res, response.headers);
  if (body === null) {
    ctx.body = null;
    // That has changed 200 to 204.
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

/** Removes what was set since the cache handed the request on. */
export function removeHandlersFields(ctx: Context, before: readonly string[]): void {
  const kept = headerGroups(before);
  for (const name of ctx.res.getHeaderNames()) if (!kept.has(name)) ctx.remove(name);
}

// Setting a status sets its usual phrase, too. HTTP/2 has none.
function setStatus(ctx: Context, { status, statusText }: OutgoingResponse): void {
  ctx.status = status;
  if (statusText !== "" && ctx.req.httpVersionMajor < 2) ctx.message = statusText;
}

// The body that middleware outside sees. For HEAD it is the same as for GET, and Koa does not send it: so code outside
// treats both the same. An empty page is no body that could be tagged or encoded; one without a type was null.
function shownBody(
  { method }: Context,
  { status, headers, body: sent, unsentBody }: OutgoingResponse,
): Buffer | BodySource | "" | null | undefined {
  const body = sent ?? unsentBody;
  if (body === undefined) return method === "HEAD" ? undefined : null;
  if (!Buffer.isBuffer(body) || body.length > 0) return body;
  return CONTENTLESS.has(status) || !tells(headers, "content-type") ? null : "";
}

// Most hits: bytes, for a context without a body. Setting `ctx.body` would read the fields, so the bytes are put where
// its getter reads them; should Koa ever keep them elsewhere, `ctx.body` does not return them.
function playLate(ctx: Context, { headers }: OutgoingResponse, body: unknown): boolean {
  const { res } = ctx;
  // Where the page has no length, Koa computes it.
  if (!Buffer.isBuffer(body) || ctx.body !== undefined || !tells(headers, "content-length")) return false;
  if (!canBeLate(res) || !isBareHead(res, res)) return false;
  Object.assign(ctx.response, { _body: body });
  if (ctx.body !== body) return false;
  // Middleware outside may return in a later turn.
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

// A body that turns out to be damaged ends in an error, and the connection is broken: a short body never looks whole.
// Koa 2 would leave the connection open.
function streamOf(source: BodySource, { res, method }: Context): Readable {
  // A body that is not sent, for HEAD, is opened only if other code reads it.
  let reader = method === "HEAD" ? undefined : source.open();
  let pieces: ReturnType<typeof bodyPieces> | undefined;
  return new Readable({
    read() {
      pieces ??= bodyPieces(source, (reader ??= source.open()));
      pieces.next().then(
        // A stream keeps the buffer it is given.
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

/*
 * The fields of a hit, set on a ServerResponse only when other code reads them. Usually none does: then they are sent
 * as the flat list they are stored as, at the cost of a bare server. Code that reads or changes a field finds all of
 * them set, as if they had been from the beginning; code that reads them once the head has been sent, as logs do, is
 * answered from the list.
 */

type Method = (this: LateResponse, ...given: unknown[]) => unknown;

const READING = ["getHeader", "getHeaders", "getHeaderNames", "getRawHeaderNames", "hasHeader"] as const;
const CHANGING = ["setHeader", "setHeaders", "appendHeader", "removeHeader"] as const;
type Name = (typeof READING)[number] | (typeof CHANGING)[number];

/**
 * Node's own name for the method that makes a head, undocumented and as old as node:http: hooks into it read the fields
 * there.
 */
const MAKE_HEAD = "_storeHeader";

const LATE = Symbol("late headers");
const SENT = Symbol("late headers, to be read when they are sent");

type Methods = Record<Name | typeof MAKE_HEAD | "writeHead", Method>;
type LateResponse = Methods & {
  readonly headersSent: boolean;
  /** Until they are set. */
  [LATE]: RawHeaders | undefined;
  [SENT]: OutgoingMessage | undefined;
};

const BARE = ServerResponse.prototype as unknown as Methods;
const LOOKING = Object.fromEntries([
  ...READING.map((name) => [name, reading(BARE[name])] as const),
  ...CHANGING.map((name) => [name, changing(BARE[name])] as const),
]) as Record<Name, Method>;

/** Whether this response may get its fields late: no hook is in the methods that handle them. */
function canBeLate(res: ServerResponse): boolean {
  const methods = res as unknown as Methods;
  return (
    methods.writeHead === BARE.writeHead &&
    methods[MAKE_HEAD] === BARE[MAKE_HEAD] &&
    methods.getHeader === BARE.getHeader &&
    methods.getHeaders === BARE.getHeaders &&
    methods.getHeaderNames === BARE.getHeaderNames &&
    methods.getRawHeaderNames === BARE.getRawHeaderNames &&
    methods.hasHeader === BARE.hasHeader &&
    methods.setHeader === BARE.setHeader &&
    methods.setHeaders === BARE.setHeaders &&
    methods.appendHeader === BARE.appendHeader &&
    methods.removeHeader === BARE.removeHeader
  );
}

/** Gives these fields, late, to a response that has none. The list must not change afterwards. */
function setHeadersLate(res: ServerResponse, headers: RawHeaders): void {
  const late = res as unknown as LateResponse;
  late[LATE] = headers;
  late[SENT] = undefined;
  late.writeHead = writeHead;
  late.getHeader = LOOKING.getHeader;
  late.getHeaders = LOOKING.getHeaders;
  late.getHeaderNames = LOOKING.getHeaderNames;
  late.getRawHeaderNames = LOOKING.getRawHeaderNames;
  late.hasHeader = LOOKING.hasHeader;
  late.setHeader = LOOKING.setHeader;
  late.setHeaders = LOOKING.setHeaders;
  late.appendHeader = LOOKING.appendHeader;
  late.removeHeader = LOOKING.removeHeader;
}

function reading(bare: Method): Method {
  return function read(this: LateResponse, ...given) {
    const headers = this[LATE];
    if (headers === undefined) return Reflect.apply(bare, this, given);
    if (this.headersSent) return Reflect.apply(bare, (this[SENT] ??= messageWith(headers)), given);
    setNow(this, headers);
    return Reflect.apply(bare, this, given);
  };
}

// Once they are sent, Node refuses.
function changing(bare: Method): Method {
  return function change(this: LateResponse, ...given) {
    const headers = this[LATE];
    if (headers !== undefined && !this.headersSent) setNow(this, headers);
    return Reflect.apply(bare, this, given);
  };
}

function writeHead(this: LateResponse, ...given: unknown[]): unknown {
  const headers = this[LATE];
  if (headers === undefined || this.headersSent) return Reflect.apply(BARE.writeHead, this, given);
  // Arguments besides the status add fields, and hooks added since read them.
  if (given.length > 1 || this[MAKE_HEAD] !== BARE[MAKE_HEAD]) {
    setNow(this, headers);
    return Reflect.apply(BARE.writeHead, this, given);
  }
  return BARE.writeHead.call(this, given[0], headers);
}

function setNow(res: LateResponse, headers: RawHeaders): void {
  res[LATE] = undefined;
  append(res, headers);
}

function messageWith(headers: RawHeaders): OutgoingMessage {
  const message = new OutgoingMessage();
  append(message, headers);
  return message;
}

function append(message: OutgoingMessage | LateResponse, headers: RawHeaders): void {
  for (let index = 0; index < headers.length; index += 2)
    Reflect.apply(BARE.appendHeader, message, [headers[index], headers[index + 1]]);
}
