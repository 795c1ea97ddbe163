/** The adapters of web Requests, and what a handler asks put in the words of node:http, so that one description fits
 * all. */
import { EventEmitter } from "node:events";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { PageCacheOptions } from "@diskcache/core";
import * as forFetch from "@diskcache/fetch";
import * as forHono from "@diskcache/fetch/hono";
import type { CacheHandle } from "@diskcache/http";
import { Hono } from "hono";
import type { Context, MiddlewareHandler } from "hono";
import { decorated } from "../support/decorated.js";
import { fetchListener } from "../support/fetch-listener.js";
import type { Adapter, Application, Page } from "./adapters.js";

// A handler of web Requests, told of its request in the words of node:http, so that one description fits all.
export function fetchAdapter(): Adapter {
  return {
    name: "fetch",
    tapped: false,
    web: true,
    create(options) {
      const cache = forFetch.diskCache(options);
      const listen = (application: Application): RequestListener => {
        const {
          handler,
          policy,
          around = [],
          global = true,
          cached,
          purger,
          tool,
          toolAs = "middleware",
        } = application;
        const plain = async (request: forFetch.CachedRequest, node: unknown): Promise<Response> => {
          const { socket } = (node as { readonly incoming: IncomingMessage }).incoming;
          const [req, res] = [Object.assign(asMessage(request), { socket }), departureOf(request) as ServerResponse];
          return asResponse(await handler({ req, res, directives: request.diskCache }));
        };
        type Fetch = (request: Request, node: unknown) => Promise<Response>;
        const made = tool?.(cache) as forFetch.RouteTool | undefined;
        const decorates = toolAs.endsWith("decorator");
        const answer = made && decorates ? decorated(made, plain, toolAs.startsWith("legacy")) : plain;
        let fetch: Fetch = made && toolAs === "middleware" ? made(answer) : (answer as Fetch);
        if (policy !== undefined && cached === undefined) fetch = cache.route(policy as never)(fetch);
        else if (policy !== undefined && cached === "wrapper") fetch = cache.cached(policy, fetch);
        else if (policy !== undefined)
          fetch = decorated(cache.cached(policy as never), fetch, cached === "legacy-decorator");
        for (const outer of [...around].reverse()) fetch = cache.route(outer as never)(fetch);
        if (global) fetch = cache(fetch);
        if (made && toolAs === "before") fetch = made(fetch);
        if (purger === undefined) return fetchListener(fetch);
        const purge = cache.purger(purger);
        return fetchListener((request, node) =>
          new URL(request.url).pathname === "/_purge" ? purge(request) : fetch(request, node),
        );
      };
      const handle = Object.assign(cache as unknown as CacheHandle, {
        // It stands in front of the framework as it is.
        front: (listener: RequestListener) => listener,
        explain: (
          (explain) => (asked?: IncomingMessage) =>
            explain(asRequest(asked) as never)
        )(cache.explain),
      }) as CacheHandle;
      return { cache: handle, listen };
    },
  };
}

function asRequest(asked: IncomingMessage | undefined): unknown {
  const { url, headers, method } =
    (asked as { readonly req?: IncomingMessage } | undefined)?.req ?? asked ?? ({} as Partial<IncomingMessage>);
  if (headers === undefined) return asked;
  return new Request(`http://${headers.host}${url}`, { method: method!, headers: headers as never });
}

export function asMessage(request: Request): IncomingMessage {
  const { pathname, search } = new URL(request.url);
  const headers = new Proxy<Record<string, string>>(
    {},
    {
      get: (_, name) => request.headers.get(String(name)) ?? undefined,
      has: (_, name) => request.headers.has(String(name)),
      ownKeys: () => [...request.headers.keys()],
      getOwnPropertyDescriptor: (_, name) => ({
        configurable: true,
        enumerable: true,
        value: request.headers.get(String(name)),
      }),
    },
  );
  const asked = {
    method: request.method,
    url: pathname + search,
    headers,
    httpVersion: "1.1",
    get rawHeaders() {
      return [...request.headers].flat();
    },
    on: (...given: Parameters<EventEmitter["on"]>) => departureOf(request).on(...given),
    get destroyed() {
      return request.signal.aborted;
    },
    get aborted() {
      return request.signal.aborted;
    },
    async *[Symbol.asyncIterator]() {
      if (request.body !== null) yield* request.body as ReadableStream<Uint8Array>;
    },
  };
  return asked as unknown as IncomingMessage;
}

/** How a handler notices that its client has left. */
function departureOf({ signal }: Request): EventEmitter {
  const events = new EventEmitter();
  signal.addEventListener("abort", () => events.emit("close"));
  const aborted = { get: () => signal.aborted };
  return Object.defineProperties(events, { destroyed: aborted, closed: aborted });
}

function asResponse({ status = 200, headers = {}, body }: Page): Response {
  const fields = new Headers();
  for (const [name, value] of Object.entries(headers))
    for (const line of Array.isArray(value) ? value : [value]) fields.append(name, line as string);
  if (body instanceof Readable) return new Response(webStream(body), { status, headers: fields });
  if (typeof body === "object" && !Buffer.isBuffer(body)) return Response.json(body, { status, headers: fields });
  // As bytes, so that none but the given type is named.
  const none = body === undefined || body.length === 0 || status === 204 || status === 304;
  const bytes = none ? null : Buffer.from(body as string);
  return new Response(bytes, { status, headers: fields });
}

function webStream(body: Readable): ReadableStream<Uint8Array> {
  const pieces = body.iterator() as AsyncIterableIterator<string | Buffer>;
  return new ReadableStream(
    {
      async pull(controller) {
        // What is there at once is no stream.
        for (let turn = 0; turn < 2; turn++) await new Promise(setImmediate);
        const { done, value } = await pieces.next();
        if (done === true) controller.close();
        else controller.enqueue(Buffer.from(value as string));
      },
      cancel: () => void body.destroy(),
    },
    { highWaterMark: 0 },
  );
}

export function honoAdapter(): Adapter {
  return {
    name: "hono",
    tapped: false,
    web: true,
    create(options) {
      const cache = forHono.diskCache(options as PageCacheOptions<Context>);
      const listen = (application: Application): RequestListener => {
        const { handler, policy, around = [], global = true, purger, tool, toolAs } = application;
        const app = new Hono<{ Bindings: { incoming: IncomingMessage } }>();
        const made = tool?.(cache) as MiddlewareHandler | undefined;
        if (made && toolAs === "before") app.use(made);
        if (global) app.use(cache);
        if (purger !== undefined) app.all("/_purge", cache.purger(purger));
        for (const outer of around) app.use(cache.route(outer as never));
        // Hono has no decorators, and `cached()` is `route()` before a handler.
        if (policy !== undefined) app.use(cache.route(policy as never));
        if (made && toolAs !== "before") app.use(made);
        app.all("*", async (c) => {
          const request = c.req.raw;
          const req = Object.assign(asMessage(request), { socket: c.env.incoming.socket });
          return asResponse(
            await handler({ req, res: departureOf(request) as ServerResponse, directives: c.get("diskCache") }),
          );
        });
        app.onError((_error, c) => c.text("failed", 500));
        return fetchListener(async (request, node) => app.fetch(request, node));
      };
      const handle = Object.assign(cache as unknown as CacheHandle, {
        front: (listener: RequestListener) => listener,
        explain: ((explain) => (asked?: IncomingMessage) => {
          const raw = asRequest(asked);
          return explain((raw instanceof Request ? { req: { raw } } : asked) as never);
        })(cache.explain),
      }) as CacheHandle;
      return { cache: handle, listen };
    },
  };
}
