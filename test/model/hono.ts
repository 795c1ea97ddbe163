/**
 * Makes applications of Hono, on its own server, out of a program: what a handler writes is the body of a web
 * Response. Never decides what a handler does.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough, Readable, pipeline } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import * as forHono from "@diskcache/fetch/hono";
import { Hono } from "hono";
import type { Context, MiddlewareHandler } from "hono";
import { compress } from "hono/compress";
import type { Framework, Link } from "./frameworks.js";
import type { Output } from "./output.js";
import type { Field } from "./program.js";

type Made = (
  program: Parameters<Framework["listener"]>[0],
  caches: Parameters<Framework["listener"]>[1],
  link: Link<MiddlewareHandler>,
) => MiddlewareHandler[];

export function hono(chain: Made): Framework {
  muteServer();
  return {
    name: "hono",
    tapped: false,
    http2: false,
    cache: (options) => forHono.diskCache(options as never) as never,
    listener(program, caches, serve) {
      const app = new Hono();
      for (const made of chain(program, caches, webMiddleware)) app.use(made);
      app.all("*", (c) => new Promise<Response>((resolve, reject) => serve(webOutput(c, resolve, reject))));
      app.onError((_, c) => c.text("Internal Server Error", 500));
      const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
      return (req, res) => void serving.run(true, () => listener(req, res));
    },
  };
}

/** Whatever is called here is called by the server. */
const serving = new AsyncLocalStorage<true>();

// It writes to the console of every body that fails.
function muteServer(): void {
  for (const name of ["error", "info"] as const) {
    const say = console[name];
    console[name] = (...given: unknown[]) => {
      if (serving.getStore() !== true) Reflect.apply(say, console, given);
    };
  }
}

const COMPRESS = compress({ threshold: 0 });

const webMiddleware: Link<MiddlewareHandler> = (middleware) => {
  if (middleware.use === "compress") return COMPRESS;
  return async (c, next) => {
    await next();
    if (middleware.use === "wrap") return replace(c, c.res.body?.pipeThrough(new TransformStream()) ?? null, c.res);
    const { set, remove, status = c.res.status } = middleware;
    const headers = new Headers(c.res.headers);
    if (remove !== undefined) headers.delete(remove);
    if (set !== undefined) add(headers, set);
    replace(c, c.res.body, { status, headers });
  };
};

// What is there already would be merged into it.
function replace(c: Context, body: ReadableStream | null, init: ResponseInit): void {
  c.res = undefined;
  c.res = new Response(body, init);
}

function add(headers: Headers, [name, value]: Field): void {
  if (name === "Vary") headers.append(name, value);
  else headers.set(name, value);
}

/** @param respond the handler returns: what follows goes on behind it */
function webOutput(c: Context, respond: (response: Response) => void, failed: (error: Error) => void): Output {
  const request = c.req.raw;
  const stream = new PassThrough().on("error", () => {});
  const headers = new Headers();
  const late: Field[] = [];
  let status = 200;
  let responded = false;
  let streaming = false;
  const answer = (body: ReadableStream | Uint8Array | string | null): void => {
    responded = true;
    for (const field of late) add(headers, field);
    respond(new Response(body as Uint8Array<ArrayBuffer> | null, { status, headers }));
  };
  const begin = (): PassThrough => {
    if (!streaming) {
      streaming = true;
      answer(Readable.toWeb(stream) as ReadableStream);
    }
    return stream;
  };
  return {
    ...clientOf(request),
    body: stream,
    get open() {
      return !responded;
    },
    set: ([name, value]) => headers.set(name, value),
    append: ([name, value]) => headers.append(name, value),
    remove: (name) => headers.delete(name),
    late: (field) => void late.push(field),
    status: (given) => void (status = given),
    head(_, given, fields) {
      status = given;
      for (const [name, value] of fields) headers.set(name, value);
    },
    flush: () => void begin(),
    cork: () => begin().cork(),
    uncork: () => begin().uncork(),
    write: (chunk, told) => begin().write(chunk, told),
    end(_, chunk) {
      if (streaming) stream.end(chunk);
      else answer(chunk ?? null);
    },
    pipe(source, by) {
      if (!streaming) {
        streaming = true;
        answer(Readable.toWeb(source) as ReadableStream);
      } else if (by === "pipe") source.pipe(stream);
      else pipeline(source, stream, () => {});
    },
    destroy: () => void begin().destroy(new Error("destroyed")),
    fail(error) {
      if (responded) stream.destroy(error);
      else failed(error);
    },
  };
}

/** How a handler notices that its client has left, in the words of node:http: all it has is a signal. */
function clientOf({ signal, headers }: Request): { readonly req: IncomingMessage; readonly res: ServerResponse } {
  const events = new EventEmitter();
  signal.addEventListener("abort", () => {
    events.emit("aborted");
    events.emit("close");
  });
  const gone = { get: () => signal.aborted };
  Object.defineProperties(events, {
    destroyed: gone,
    aborted: gone,
    closed: gone,
    writable: { get: () => !signal.aborted },
    socket: { value: events },
    headers: { value: Object.fromEntries(headers) },
  });
  return { req: events as IncomingMessage, res: events as unknown as ServerResponse };
}
