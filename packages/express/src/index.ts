/** `@diskcache/express`: full-response page caching to disk for Express 4 and 5. */
import { PageCache, refusePolicy } from "@diskcache/core";
import type { CachePolicy, PageCacheOptions, Duration, PurgerOptions, Purges } from "@diskcache/core";
import {
  cacheHandle,
  ForwardsUnderWay,
  originalTarget,
  playReady,
  purgeBeforeHead,
  purgeListener,
  runExchange,
  runRoute,
} from "@diskcache/http";
import type { CacheHandle } from "@diskcache/http";
import type { NextFunction, Request, RequestHandler, Response } from "express";
import type { IncomingMessage, ServerResponse } from "node:http";
import { cacheControl, cachedHandlers, never, tool, varyOn } from "./tools.js";
import type { AnyParams, Cached, RouteMiddleware, RouteTool } from "./tools.js";
import { shareShape } from "./create-server.js";

/** Express's middleware, and the handle of the cache. */
export interface ExpressDiskCache extends CacheHandle<Request> {
  (req: IncomingMessage, res: ServerResponse, next: NextFunction): void;
  /**
   * Middleware for one route: refines the policy of the cache mounted around it, or, without one, caches just this
   * route.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION`
   * @example app.get("/reports/:id", cache.route({ ttl: "1h", tags: (req) => [`report:${req.params.id}`] }), handler)
   */
  route<Params = AnyParams>(policy: CachePolicy<Request<Params>> | Duration): RouteMiddleware<Params>;
  /** Decorates a controller method `(req, res, next)`, or wraps a handler function.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION`
   * @example app.get("/reports", cache.cached("5m", (req, res) => res.send("…"))) */
  readonly cached: Cached;
  /**
   * Accepts purges over HTTP from clients that know a token: `POST` with `Authorization: Bearer <token>` and JSON such
   * as `{"tag":"report:7"}` or `{"url":"/reports/7","soft":true}`; 204 when it is done, or with
   * `"count":true` 200 and how many pages it named. Without the token, nothing of the cache can be reached over HTTP.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for a token of fewer than 16 characters
   * @example app.post("/_cache/purge", cache.purger({ token: process.env.PURGE_TOKEN! }))
   */
  purger(options: PurgerOptions): RequestHandler;
  /**
   * Middleware or decorator: purges what a request makes out of date, once its response is a success (2xx, 3xx) and
   * before anything of it is sent: a client that is redirected to a page sees its new version.
   * When a purge fails, the response is sent all the same, and an `error` event reports it.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for targets that `purge()` would refuse
   * @example app.post("/articles/:id", cache.purges((req) => [{ tag: `article:${req.params.id}` }, "/"]), save)
   */
  purges<Params = AnyParams>(purges: Purges<Request<Params>>): RouteTool<Params>;
  /** The exports of the same names, for convenience. */
  readonly never: typeof never;
  readonly cacheControl: typeof cacheControl;
  readonly varyOn: typeof varyOn;
}

/** Full-response page caching to disk for Express. Synchronous and cheap; the directory is opened at the first request.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the option, the value and what was expected
 * @example
 * const cache = diskCache({ dir: ".cache/pages", ttl: "5m" });
 * app.use(cache); */
export function diskCache(options: PageCacheOptions<Request>): ExpressDiskCache {
  const cache = new PageCache<Request>(options);
  const underWay = new ForwardsUnderWay();
  const middleware: RouteMiddleware = (req, res, next) => {
    if (next === undefined) refusePolicy(req);
    shareShape(req, res);
    const target = originalTarget(req);
    if (playReady(cache, req, res, target)) return;
    settle(runExchange(cache, underWay, { req, res, native: req as Request, target }, next), next);
  };
  const route = (policy: CachePolicy<Request> | Duration): RouteMiddleware => {
    const run = routeRunner(policy);
    return (req, res, next) => settle(run(req as Request, res as Response, next), next);
  };
  const routeRunner = (policy: CachePolicy<Request> | Duration) => {
    const resolved = cache.policy(policy);
    return (req: Request, res: Response, next: () => unknown) => {
      shareShape(req, res);
      return runRoute(cache, underWay, resolved, { req, res, native: req, target: originalTarget(req) }, next);
    };
  };
  const purges = (named: Purges<Request>): RouteTool => {
    const purge = cache.purges(named);
    return tool((req, res) => purgeBeforeHead(purge, req, res));
  };
  return Object.assign(middleware, cacheHandle(cache), {
    route,
    cached: cachedHandlers(routeRunner),
    purger: (given: PurgerOptions) => purgeListener(cache, given),
    purges,
    never,
    cacheControl,
    varyOn,
  }) as ExpressDiskCache;
}

// What `next` throws or rejects is the application's; Express 4 does not handle promises.
function settle(result: unknown, next: NextFunction): void {
  if (result instanceof Promise) result.catch(next);
}

export { createServer } from "./create-server.js";
export type { ExpressServerOptions } from "./create-server.js";
export { cacheControl, never, varyOn } from "./tools.js";
export type { RouteMiddleware, RouteTool } from "./tools.js";
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
export type { CacheHandle, Hole } from "@diskcache/http";
export type { AnyParams, Cached, Handler, HandlerFunction } from "./tools.js";
