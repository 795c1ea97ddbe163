/** Turns one description of an application into a server of each framework, every handler written with that framework's
 * own means. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type {
  CacheControlDirectives,
  CachePolicy,
  Duration,
  HandlerDirectives,
  PageCacheOptions,
  PurgerOptions,
  Purges,
} from "@diskcache/core";
import * as forExpress from "@diskcache/express";
import * as forHttp from "@diskcache/http";
import { isRefresh } from "@diskcache/http";
import type { CacheHandle } from "@diskcache/http";
import * as forKoa from "@diskcache/koa";
import express5 from "express";
import express4 from "express4";
import type { NextFunction, Request, Response } from "express";
import Koa3 from "koa";
import Koa2 from "koa2";
import { decorated } from "../support/decorated.js";
import { asMessage, fetchAdapter, honoAdapter } from "./web-adapters.js";

/** What a handler is asked. */
export interface Asked {
  readonly req: IncomingMessage;
  /** `req.diskCache`, `ctx.diskCache`. */
  readonly directives: HandlerDirectives;
  /** For those who write to it themselves, and then answer `ANSWERED`. */
  readonly res: ServerResponse;
}

/** What a handler answers. */
export interface Page {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** A plain object goes out as JSON. */
  readonly body?: string | Buffer | Readable | object;
}

/** The handler has written to the ServerResponse itself. */
export const ANSWERED: Page = Object.freeze({});

export type Handler = (asked: Asked) => Page | Promise<Page>;

export interface Application {
  readonly handler: Handler;
  /** A policy for the handler's route. */
  readonly policy?: CachePolicy | Duration | undefined;
  /** Policies of routes around that one, from outside inwards. */
  readonly around?: readonly (CachePolicy | Duration)[] | undefined;
  /** A small middleware for the handler's route. */
  readonly tool?: ((tools: Tools) => unknown) | undefined;
  /** How it is put on; `"before"`: as middleware before the cache. Default: as middleware. */
  readonly toolAs?: "middleware" | "before" | "decorator" | "legacy-decorator" | undefined;
  /** Whether the cache stands before all routes. Default: yes. */
  readonly global?: boolean | undefined;
  /** The handler comes out of `cached(policy, handler)`, or a method that `cached(policy)` decorated, instead of
   * standing behind `route(policy)`. */
  readonly cached?: "wrapper" | "decorator" | "legacy-decorator" | undefined;
  /** Purges are taken at `/_purge`. */
  readonly purger?: PurgerOptions | undefined;
  /** Somebody parses the content of requests before anybody else sees it. */
  readonly parsed?: boolean | undefined;
}

/** The small middlewares, whatever the framework. */
export interface Tools {
  never(): unknown;
  cacheControl(directives: CacheControlDirectives): unknown;
  varyOn(...fields: readonly string[]): unknown;
  purges(purges: Purges<unknown>): unknown;
}

export interface Adapter {
  readonly name: string;
  /** Whether the cache sees the ServerResponse itself. */
  readonly tapped: boolean;
  /** Whether handlers have web Requests: their URLs are spelled in one way, the lines of a field are one, and no
   * response or connection can be seen. */
  readonly web?: true;
  /** The cache, and applications around it. */
  create(options: PageCacheOptions): { readonly cache: CacheHandle; listen(application: Application): RequestListener };
}

/** Whether a request is the cache's own, as a handler sees it. */
export function isOwn({ req, directives }: Pick<Asked, "req" | "directives">): boolean {
  return isRefresh(req) || directives.refresh;
}

/** The request behind what a framework hands to the functions in the options. */
export function incoming(native: unknown): IncomingMessage {
  if (native instanceof globalThis.Request) return asMessage(native);
  const { raw } = (native as { readonly req?: { readonly raw?: unknown } }).req ?? {};
  if (raw instanceof globalThis.Request) return asMessage(raw);
  return (native as { readonly req?: IncomingMessage }).req ?? (native as IncomingMessage);
}

export const EXPRESS_5 = expressAdapter("express 5", express5);
const EXPRESS_4 = expressAdapter("express 4", express4);
export const KOA_3 = koaAdapter("koa 3", Koa3);
const KOA_2 = koaAdapter("koa 2", Koa2);
export const NODE_HTTP = httpAdapter();
const FETCH = fetchAdapter();
const HONO = honoAdapter();

const NEST = nestAdapter();

const ALL: readonly Adapter[] = [EXPRESS_5, EXPRESS_4, KOA_3, KOA_2, NODE_HTTP, FETCH, HONO];
/** `npm run test:quick`, or `npm run test:all`; otherwise `npm test`. */
const MODE = process.env["DISKCACHE_TEST"];

/** What the cache does whatever the version of a framework: one of each package. In `npm run test:quick` one of each
 * way of capturing a response: node:http goes through the code of Express. */
export const ADAPTERS: readonly Adapter[] =
  MODE === "all" ? ALL : MODE === "quick" ? [EXPRESS_5, KOA_3] : [EXPRESS_5, KOA_3, NODE_HTTP];

/** Where versions differ: bodies that fail or are replaced, clients that leave, errors of handlers, conditions that the
 * framework answers itself, and what is put around a handler. */
export const EVERY_ADAPTER: readonly Adapter[] = MODE === "quick" ? ADAPTERS : ALL;

/** The same, and Nest, in the files about what Nest does itself: it sends results and streams, answers for handlers that
 * throw, and calls handlers from an Observable. All else is the middleware of Express, which has run already. */
export const WITH_NEST: readonly Adapter[] = MODE === "all" ? [...ALL, NEST] : ADAPTERS;
export const EVERY_WITH_NEST: readonly Adapter[] = MODE === "quick" ? ADAPTERS : [...ALL, NEST];

/** Those whose handlers have the request of node:http itself. */
export const MESSAGES: readonly Adapter[] = ADAPTERS.filter(({ web }) => web !== true);

/** Those in which a handler writes to the ServerResponse and the cache sees it. */
export const TAPPED: readonly Adapter[] = ADAPTERS.filter(({ tapped }) => tapped);
export const EVERY_TAPPED: readonly Adapter[] = EVERY_ADAPTER.filter(({ tapped }) => tapped);

// Nest is loaded where a site is opened on it: requests wait for that.
function nestAdapter(): Adapter {
  return {
    name: "nest",
    tapped: true,
    create(options) {
      const cache = forExpress.diskCache(options);
      const listen = (application: Application): RequestListener => {
        const made = import("./nest-adapter.js").then(({ nestApplication }) => nestApplication(cache, application));
        return (req, res) => void made.then((listener) => listener(req, res));
      };
      return { cache, listen };
    },
  };
}

function expressAdapter(name: string, express: typeof express5): Adapter {
  return {
    name,
    tapped: true,
    create(options) {
      const cache = forExpress.diskCache(options);
      const listen = (application: Application): RequestListener => {
        const { handler, policy, around = [], global = true, cached, purger, parsed } = application;
        const { tool, toolAs = "middleware" } = application;
        const plain = async (req: Request, res: Response, next: NextFunction): Promise<void> => {
          try {
            const page = await handler({ req, res, directives: req.diskCache });
            if (page !== ANSWERED) sendByExpress(res, page);
          } catch (thrown) {
            next(thrown);
          }
        };
        const made = tool?.(cache as Tools);
        const answer =
          made && toolAs.endsWith("decorator") ? decorated(made, plain, toolAs.startsWith("legacy")) : plain;
        const app = express();
        if (toolAs === "before") app.use(made as express5.RequestHandler);
        app.set("env", "test"); // its error handler writes no log then
        if (parsed) app.use(express.json());
        if (global) app.use(cache);
        if (purger !== undefined) app.use("/_purge", cache.purger(purger));
        for (const outer of around) app.use(cache.route(outer));
        if (policy !== undefined && cached === undefined) app.use(cache.route(policy));
        if (made && toolAs === "middleware") app.use(made as express5.RequestHandler);
        if (policy === undefined || cached === undefined) app.all(/.*/, answer);
        else if (cached === "wrapper") app.all(/.*/, cache.cached(policy, answer));
        else app.all(/.*/, decorated(cache.cached(policy), answer, cached === "legacy-decorator"));
        return app as RequestListener;
      };
      return { cache, listen };
    },
  };
}

function sendByExpress(res: Response, { status = 200, headers = {}, body }: Page): void {
  res.status(status).set(headers as Record<string, string>);
  if (body === undefined) res.end();
  else if (body instanceof Readable) body.pipe(res);
  else res.send(body);
}

function koaAdapter(name: string, Koa: typeof Koa3): Adapter {
  return {
    name,
    tapped: false,
    create(options) {
      const cache = forKoa.diskCache(options);
      const listen = (application: Application): RequestListener => {
        const { handler, policy, around = [], global = true, cached, purger, parsed } = application;
        const { tool, toolAs = "middleware" } = application;
        const plain = async (ctx: Koa3.Context): Promise<void> => {
          sendByKoa(ctx, await handler({ req: ctx.req, res: ctx.res, directives: ctx.diskCache }));
        };
        const made = tool?.(cache as Tools);
        const answer: Koa3.Middleware =
          made && toolAs.endsWith("decorator") ? decorated(made, plain, toolAs.startsWith("legacy")) : plain;
        const app = new Koa();
        if (toolAs === "before") app.use(made as Koa3.Middleware);
        app.silent = true;
        if (parsed) app.use(parseByKoa);
        if (global) app.use(cache);
        const purge = purger === undefined ? undefined : cache.purger(purger);
        if (purge !== undefined) app.use((ctx, next) => (ctx.path === "/_purge" ? purge(ctx, next) : next()));
        for (const outer of around) app.use(cache.route(outer));
        if (policy !== undefined && cached === undefined) app.use(cache.route(policy));
        if (made && toolAs === "middleware") app.use(made as Koa3.Middleware);
        if (policy === undefined || cached === undefined) app.use(answer);
        else if (cached === "wrapper") app.use(cache.cached(policy, answer));
        else app.use(decorated<Koa3.Middleware>(cache.cached(policy), answer, cached === "legacy-decorator"));
        const listener = app.callback();
        return (req, res) => void listener(req, res);
      };
      return { cache, listen };
    },
  };
}

// As koa-bodyparser does it.
async function parseByKoa(ctx: Koa3.Context, next: Koa3.Next): Promise<void> {
  const content = await text(ctx.req);
  if (content !== "") Object.assign(ctx.request, { body: JSON.parse(content) as unknown });
  await next();
}

function sendByKoa(ctx: Koa3.Context, { status, headers = {}, body }: Page): void {
  if (status !== undefined) ctx.status = status;
  ctx.body = body ?? null;
  if (body === undefined) ctx.status = status ?? 200;
  for (const [name, value] of Object.entries(headers)) ctx.set(name, value as string | string[]);
}

function httpAdapter(): Adapter {
  return {
    name: "node:http",
    tapped: true,
    create(options) {
      const cache = forHttp.diskCache(options);
      const listen = (application: Application): RequestListener => {
        const { handler, policy, around = [], global = true, cached, purger, parsed, tool, toolAs } = application;
        const answer = (req: IncomingMessage, res: ServerResponse): void => {
          // A promise is made first, so that a handler may throw at once.
          Promise.resolve()
            .then(async () => handler({ req, res, directives: req.diskCache }))
            .then(
              (page) => page === ANSWERED || sendByHttp(res, page),
              () => (res.headersSent ? res.destroy() : res.writeHead(500).end("failed")),
            );
        };
        const made = (tool?.(cache) ?? ((plain: RequestListener) => plain)) as forHttp.RouteTool;
        let listener: RequestListener = toolAs === "before" ? answer : made(answer);
        if (policy !== undefined)
          listener = cached === undefined ? cache.route(policy)(listener) : cache.cached(policy, listener);
        for (const outer of [...around].reverse()) listener = cache.route(outer)(listener);
        if (global) listener = cache(listener);
        const inner = toolAs === "before" ? made(listener) : listener;
        if (purger === undefined) return inner;
        const purge = cache.purger(purger);
        const either: RequestListener = (req, res) => (req.url === "/_purge" ? purge : inner)(req, res);
        return parsed ? (req, res) => void parseByHttp(req).then(() => either(req, res)) : either;
      };
      return { cache, listen };
    },
  };
}

async function parseByHttp(req: IncomingMessage): Promise<void> {
  const content = await text(req);
  if (content !== "") Object.assign(req, { body: JSON.parse(content) as unknown });
}

function sendByHttp(res: ServerResponse, { status = 200, headers = {}, body }: Page): unknown {
  const fields = headers as Record<string, string | string[]>;
  if (body === undefined || typeof body === "string" || Buffer.isBuffer(body))
    return res.writeHead(status, fields).end(body);
  if (body instanceof Readable) return body.pipe(res.writeHead(status, fields));
  return res.writeHead(status, { "Content-Type": "application/json", ...fields }).end(JSON.stringify(body));
}
