/** `@diskcache/fetch`: full-response page caching to disk for handlers from a web `Request` to a `Response`. */
import { methodDecoration, PageCache } from "@diskcache/core";
import type { CachePolicy, Duration, MethodDecoration, PageCacheOptions, PurgerOptions, Purges } from "@diskcache/core";
import { nodeSideOf, runExchange, runRoute } from "./exchange.js";
import type { Exchange } from "./exchange.js";
import { fetchHandle } from "./handle.js";
import type { FetchHandle } from "./handle.js";
import { functionWay } from "./own-requests.js";
import type { CachedRequest } from "./request.js";
import { cacheControl, never, purgeHandler, purging, varyOn } from "./tools.js";
import type { Handler, RouteTool, WrapHandler } from "./tools.js";

/** The cache around handlers: call it with a handler, or use it as the handle. */
export interface FetchDiskCache extends FetchHandle<Request> {
  /**
   * Wraps a handler: hits are answered without it, its responses fill the cache. What the server hands on beside the
   * request is handed on.
   * @example serve({ fetch: cache(app.fetch) })
   */
  <Rest extends readonly unknown[]>(
    handler: (request: CachedRequest, ...context: Rest) => Response | Promise<Response>,
  ): (request: Request, ...context: Rest) => Promise<Response>;
  /**
   * Wraps the handler of one route under its own policy. With or without the cache around the whole application.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION`
   * @example const reports = cache.route({ ttl: "1h", tags: ["reports"] })(async () => new Response("…"))
   */
  route(policy: CachePolicy<Request> | Duration): WrapHandler;
  /** The same in one call; or decorates a method `(request, …)`.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
  cached(policy: CachePolicy<Request> | Duration): MethodDecoration<Handler>;
  cached<Rest extends readonly unknown[]>(
    policy: CachePolicy<Request> | Duration,
    handler: (request: CachedRequest, ...context: Rest) => Response | Promise<Response>,
  ): (request: Request, ...context: Rest) => Promise<Response>;
  /**
   * Accepts purges over HTTP from clients that know a token: `POST` with `Authorization: Bearer <token>` and JSON such
   * as `{"tag":"report:7"}` or `{"url":"/reports/7","soft":true}`; 204 when it is done, or with
   * `"count":true` 200 and how many pages it named. Without the token, nothing of the cache can be reached over HTTP.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for a token of fewer than 16 characters
   * @example const purge = cache.purger({ token: process.env.PURGE_TOKEN! })
   */
  purger(options: PurgerOptions): (request: Request) => Promise<Response>;
  /**
   * Purges what a request makes out of date, once its response is a success (2xx, 3xx) and before anything of it is
   * handed on: a client that is redirected to a page sees its new version.
   * When a purge fails, the response is sent all the same, and an `error` event reports it.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for targets that `purge()` would refuse
   * @example const save = cache.purges((request) => [{ tag: "articles" }, "/"])(async () => Response.json({}))
   */
  purges(purges: Purges<Request>): RouteTool;
  /** The exports of the same names, for convenience. */
  readonly never: typeof never;
  readonly cacheControl: typeof cacheControl;
  readonly varyOn: typeof varyOn;
}

/**
 * Full-response page caching to disk for handlers from a web `Request` to a `Response`. Synchronous and cheap; the
 * directory is opened at the first request.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the option, the value and what was expected
 * @example
 * const cache = diskCache({ dir: ".cache/pages", ttl: "5m" });
 * export default { fetch: cache(async (request) => new Response("Hello")) };
 */
export function diskCache(options: PageCacheOptions<Request>): FetchDiskCache {
  const cache = new PageCache<Request>(options);
  let way: ReturnType<typeof functionWay> | undefined;

  type Runner = (exchange: Exchange<Request>) => Response | Promise<Response>;
  const wrapper = (run: Runner) => (handler: Handler) => {
    const answer = function cachedHandler(this: unknown, request: Request, ...context: unknown[]): Promise<Response> {
      const ask = (asked: Request): Promise<Response> => answer.call(this, asked, ...context);
      const node = nodeSideOf(context[0]);
      if (node === undefined) way ??= functionWay(request, ask);
      const exchange: Exchange<Request> = {
        request,
        native: request,
        known: undefined,
        node,
        standsIn: "returned",
        inPlace: false,
        run: (asked) => handler.call(this, asked, ...context),
        again: ask,
      };
      return settled(() => run(exchange));
    };
    return answer;
  };
  const around = wrapper((exchange) => runExchange(cache, exchange));
  const route = (policy: CachePolicy<Request> | Duration) => {
    const resolved = cache.policy(policy);
    return wrapper((exchange) => runRoute(cache, resolved, exchange));
  };
  const cached = (policy: CachePolicy<Request> | Duration, handler?: Handler) =>
    handler === undefined ? methodDecoration<Handler>(route(policy)) : route(policy)(handler);
  const purger = (given: PurgerOptions) => purgeHandler(cache, given);
  const purges = (named: Purges<Request>): RouteTool => purging(cache.purges(named));
  const tools = { route, cached, purger, purges, never, cacheControl, varyOn };
  const handle = fetchHandle(
    cache,
    () => way,
    (request) => request,
  );
  return Object.assign(around, handle, tools) as unknown as FetchDiskCache;
}

// Whatever a handler throws becomes a rejection.
async function settled(run: () => Response | Promise<Response>): Promise<Response> {
  return run();
}

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
export type { Handler, RouteTool, WrapHandler } from "./tools.js";
export type { CachedRequest } from "./request.js";
export type { FetchHandle } from "./handle.js";
