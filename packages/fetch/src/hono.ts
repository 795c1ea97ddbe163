/** `@diskcache/fetch/hono`: full-response page caching to disk as middleware of Hono, before all routes or one. */
import { cacheControlEdit, neverKeep, PageCache, varyEdit } from "@diskcache/core";
import type {
  CacheControlDirectives,
  CachePolicy,
  Duration,
  HandlerDirectives,
  HeaderEdit,
  PageCacheOptions,
  PurgerOptions,
  Purges,
} from "@diskcache/core";
import { isSuccess } from "@diskcache/http";
import type { Context, MiddlewareHandler, Next } from "hono";
import { nodeSideOf, runExchange, runRoute } from "./exchange.js";
import type { Exchange } from "./exchange.js";
import { fetchHandle } from "./handle.js";
import type { FetchHandle } from "./handle.js";
import { edited, markNever, purgeHandler } from "./tools.js";

declare module "hono" {
  interface ContextVariableMap {
    /**
     * What a handler may say about its response to the cache: `.ttl()`, `.tag()`, `.skip()`, `.vary()`, `.partition()`.
     * Set once the cache has handed the request on.
     */
    diskCache: HandlerDirectives;
  }
}

/** Hono's middleware, and the handle of the cache. */
export interface HonoDiskCache extends FetchHandle<Context> {
  (c: Context, next: Next): Promise<void>;
  /**
   * Middleware for one route: refines the policy of the cache mounted before it, or, without one, caches just this
   * route.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION`
   * @example app.get("/reports/:id", cache.route({ ttl: "1h" }), (c) => c.html("…"))
   */
  route(policy: CachePolicy<Context> | Duration): MiddlewareHandler;
  /**
   * Accepts purges over HTTP from clients that know a token: `POST` with `Authorization: Bearer <token>` and JSON such
   * as `{"tag":"report:7"}`; 204 when it is done, or with `"count":true` 200 and how many pages it named.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for a token of fewer than 16 characters
   * @example app.post("/_cache/purge", cache.purger({ token: process.env.PURGE_TOKEN! }))
   */
  purger(options: PurgerOptions): MiddlewareHandler;
  /**
   * Purges what a request makes out of date, once its response is a success (2xx, 3xx) and before anything of it is
   * sent. When a purge fails, the response is sent all the same, and an `error` event reports it.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for targets that `purge()` would refuse
   * @example app.post("/articles/:id", cache.purges((c) => [{ tag: `article:${c.req.param("id")}` }, "/"]), save)
   */
  purges(purges: Purges<Context>): MiddlewareHandler;
  /** The exports of the same names, for convenience. */
  readonly never: typeof never;
  readonly cacheControl: typeof cacheControl;
  readonly varyOn: typeof varyOn;
}

/**
 * Full-response page caching to disk for Hono on Node. Synchronous and cheap; the directory is opened at the first
 * request.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the option, the value and what was expected
 * @example
 * const app = new Hono();
 * app.use(diskCache({ dir: ".cache/pages", ttl: "5m" }));
 */
export function diskCache(options: PageCacheOptions<Context>): HonoDiskCache {
  const cache = new PageCache<Context>(options);
  const middleware = (c: Context, next: Next): Promise<void> =>
    through(c, next, (exchange) => runExchange(cache, exchange));
  const route = (policy: CachePolicy<Context> | Duration): MiddlewareHandler => {
    const resolved = cache.policy(policy);
    return (c, next) => through(c, next, (exchange) => runRoute(cache, resolved, exchange));
  };
  const purger = (given: PurgerOptions): MiddlewareHandler => {
    const handler = purgeHandler(cache, given);
    return (c) => handler(c.req.raw);
  };
  const purges = (named: Purges<Context>): MiddlewareHandler => {
    const purge = cache.purges(named);
    return async (c, next) => {
      await next();
      if (isSuccess(c.res.status)) await purge(c);
    };
  };
  const tools = { route, purger, purges, never, cacheControl, varyOn };
  const requestOf = (c: Context): Request | undefined => (c as Partial<Context> | undefined)?.req?.raw;
  const handle = fetchHandle(cache, () => undefined, requestOf);
  return Object.assign(middleware, handle, tools);
}

/** Keeps the responses of a route out of every cache: this one, browsers and proxies.
 * @example app.get("/account", never(), (c) => c.html("…")) */
export function never(): MiddlewareHandler {
  return async (c, next) => {
    markNever(c.req.raw);
    await next();
    editResponse(c, neverKeep);
  };
}

/**
 * Adds directives to the `Cache-Control` of a route's responses. It only shortens lifetimes, keeps `private` and
 * `no-store` of the handler, and gives an error page only directives that restrict.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the directive
 * @example app.get("/prices", cacheControl({ public: true, maxAge: "1m" }), (c) => c.json({}))
 */
export function cacheControl(directives: CacheControlDirectives): MiddlewareHandler {
  return editing(cacheControlEdit(directives));
}

/** Adds request header fields to the `Vary` of a route's responses.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when one is no field name
 * @example app.get("/", varyOn("accept-language"), (c) => c.html("…")) */
export function varyOn(...fields: readonly string[]): MiddlewareHandler {
  return editing(varyEdit(fields));
}

function editing(edit: HeaderEdit): MiddlewareHandler {
  return async (c, next) => {
    await next();
    editResponse(c, edit);
  };
}

function editResponse(c: Context, edit: HeaderEdit): void {
  const response = edited(c.res, edit);
  if (response !== c.res) replace(c, response);
}

async function through(
  c: Context,
  next: Next,
  run: (exchange: Exchange<Context>) => Response | Promise<Response>,
): Promise<void> {
  const { raw } = c.req;
  const exchange: Exchange<Context> = {
    request: raw,
    native: c,
    known: { user: c.get("user") ?? c.get("jwtPayload"), auth: c.get("auth"), session: c.get("session") },
    node: nodeSideOf(c.env),
    outside: c.res.headers,
    // A context has one response: the handler's would get lost behind the stale one.
    standsIn: "past",
    inPlace: false,
    run: async (asked) => {
      c.req.raw = asked;
      c.set("diskCache", asked.diskCache);
      Object.assign(c, { diskCache: asked.diskCache });
      await next();
      return c.res;
    },
    // Without a server, nothing but this client's own context leads to the application.
    again: undefined,
  };
  try {
    replace(c, await run(exchange));
  } finally {
    c.req.raw = raw;
  }
}

// What is there already would be merged into it.
function replace(c: Context, response: Response): void {
  if (c.res === response) return;
  c.res = undefined;
  c.res = response;
}

export type { FetchHandle } from "./handle.js";
