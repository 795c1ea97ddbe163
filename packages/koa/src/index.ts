/** `@diskcache/koa`: full-response page caching to disk for Koa 2 and 3, as the onion sees a response. */
import { methodDecoration, PageCache, refusePolicy } from "@diskcache/core";
import type {
  CachePolicy,
  PageCacheOptions,
  Duration,
  MethodDecoration,
  PurgerOptions,
  Purges,
  HandlerDirectives,
} from "@diskcache/core";
import { answerPurges, cacheHandle, ForwardsUnderWay } from "@diskcache/http";
import type { CacheHandle } from "@diskcache/http";
import type { Context, Middleware, Next } from "koa";
import { runContext, runRoute } from "./exchange.js";
import type { Handler } from "./capture.js";
import { asHandler, cacheControl, never, purging, varyOn } from "./tools.js";
import type { RouteTool } from "./tools.js";

declare module "koa" {
  interface ExtendableContext {
    /**
     * What a handler may say about its response to the cache: `.ttl()`, `.tag()`, `.skip()`, `.vary()`, `.partition()`.
     * Set once the cache has handed the request on.
     */
    diskCache: HandlerDirectives;
  }
}

/** Koa's middleware, and the handle of the cache. */
export interface KoaDiskCache extends CacheHandle<Context> {
  (ctx: Context, next: Next): Promise<void>;
  /**
   * Middleware for one route: refines the policy of the cache mounted around it, or, without one, caches just this
   * route.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION`
   * @example router.get("/reports/:id", cache.route({ ttl: "1h" }), handler)
   */
  route(policy: CachePolicy<Context> | Duration): Middleware;
  /** Decorates a controller method `(ctx, next)`, or wraps a handler function.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION`
   * @example router.get("/reports", cache.cached("5m", (ctx) => { ctx.body = "…"; })) */
  cached(policy: CachePolicy<Context> | Duration): MethodDecoration<Handler>;
  cached(policy: CachePolicy<Context> | Duration, handler: Handler): Handler;
  /**
   * Accepts purges over HTTP from clients that know a token: `POST` with `Authorization: Bearer <token>` and JSON such
   * as `{"tag":"report:7"}` or `{"url":"/reports/7","soft":true}`; 204 when it is done, or with
   * `"count":true` 200 and how many pages it named. Without the token, nothing of the cache can be reached over HTTP.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for a token of fewer than 16 characters
   * @example router.post("/_cache/purge", cache.purger({ token: process.env.PURGE_TOKEN! }))
   */
  purger(options: PurgerOptions): Middleware;
  /**
   * Middleware or decorator: purges what a request makes out of date, once its response is a success (2xx, 3xx) and
   * before anything of it is sent: a client that is redirected to a page sees its new version.
   * When a purge fails, the response is sent all the same, and an `error` event reports it.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for targets that `purge()` would refuse
   * @example router.post("/articles/:id", cache.purges((ctx) => [{ tag: `article:${ctx.params.id}` }, "/"]), save)
   */
  purges(purges: Purges<Context>): RouteTool;
  /** The exports of the same names, for convenience. */
  readonly never: typeof never;
  readonly cacheControl: typeof cacheControl;
  readonly varyOn: typeof varyOn;
}

/** Full-response page caching to disk for Koa. Synchronous and cheap; the directory is opened at the first request.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the option, the value and what was expected
 * @example
 * const cache = diskCache({ dir: ".cache/pages", ttl: "5m" });
 * app.use(cache); */
export function diskCache(options: PageCacheOptions<Context>): KoaDiskCache {
  const cache = new PageCache<Context>(options);
  const underWay = new ForwardsUnderWay();
  const middleware = (ctx: Context, next: Next): Promise<void> => {
    if (next === undefined) refusePolicy(ctx);
    return runContext(cache, underWay, ctx, next, ctx.app.middleware[0] === middleware);
  };
  const runner = (policy: CachePolicy<Context> | Duration) => {
    const resolved = cache.policy(policy);
    return (ctx: Context, next: () => Promise<unknown>) => runRoute(cache, underWay, resolved, ctx, next);
  };
  const cached = (policy: CachePolicy<Context> | Duration, handler?: Handler) => {
    const run = runner(policy);
    const wrap = (wrapped: Handler): Handler =>
      function cachedHandler(this: unknown, ctx: Context, next: Next) {
        return run(ctx, async () => wrapped.call(this, ctx, next));
      };
    return handler === undefined ? methodDecoration(wrap, { ...asHandler, otherwise: "call" }) : wrap(handler);
  };
  const purger = (given: PurgerOptions): Middleware => {
    const answers = answerPurges(cache, given);
    return async (ctx) => {
      const { status, headers, body } = await answers(ctx.req, (ctx.request as { readonly body?: unknown }).body);
      ctx.status = status;
      ctx.set(headers);
      if (body !== undefined) ctx.body = body;
    };
  };
  const purges = (named: Purges<Context>): RouteTool => purging(cache.purges(named));
  const tools = { route: runner, cached, purger, purges, never, cacheControl, varyOn };
  return Object.assign(middleware, cacheHandle(cache), tools) as KoaDiskCache;
}

export { isRefresh } from "@diskcache/http";
export {
  analyticsCookies,
  caches,
  campaignParameters,
  DiskCacheError,
  FileCache,
  keyvStore,
  presets,
} from "@diskcache/core";
export type * from "@diskcache/core";
export { cacheControl, never, varyOn } from "./tools.js";
export type { RouteTool } from "./tools.js";
export type { Handler } from "./capture.js";
export type { CacheHandle, Hole } from "@diskcache/http";
