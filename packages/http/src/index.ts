/**
 * `@diskcache/http`: the cache around a node:http handler, and the tap on ServerResponse that the adapters of
 * frameworks share.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { PageCache, refusePolicy } from "@diskcache/core";
import type {
  CachePolicy,
  PageCacheOptions,
  Duration,
  PurgerOptions,
  Purges,
  HandlerDirectives,
} from "@diskcache/core";
import { callHandler, runExchange, runRoute } from "./exchange.js";
import { cacheHandle, originalTarget } from "./handle.js";
import type { CacheHandle } from "./handle.js";
import type { Http2Listener, ServerListener, WrapListener } from "./server.js";
import { playReady } from "./play-ready.js";
import { cacheControl, never, purgeBeforeHead, purgeListener, tool, varyOn } from "./tools.js";
import { ForwardsUnderWay } from "./pending-forwards.js";
import type { RouteTool } from "./tools.js";

declare module "node:http" {
  interface IncomingMessage {
    /**
     * What a handler may say about its response to the cache: `.ttl()`, `.tag()`, `.skip()`, `.vary()`, `.partition()`.
     * Set once the cache has handed the request on.
     */
    diskCache: HandlerDirectives;
  }
}

/** The cache around handlers of node:http: call it with a handler, or use it as the handle. */
export interface HttpDiskCache extends CacheHandle<IncomingMessage> {
  /** Wraps a handler: hits are answered without it, its responses fill the cache.
   * @example createServer(cache(handler)).listen(3000) */
  (handler: RequestListener): ServerListener;
  /** The same for one that is written for node:http2. */
  (handler: Http2Listener): Http2Listener;
  /** Wraps the handler of one route under its own policy. With or without the global wrapper around it. */
  route(policy: CachePolicy<IncomingMessage> | Duration): WrapListener;
  /** The same in one call, for plain functions. */
  cached(policy: CachePolicy<IncomingMessage> | Duration, handler: RequestListener): ServerListener;
  cached(policy: CachePolicy<IncomingMessage> | Duration, handler: Http2Listener): Http2Listener;
  /**
   * Accepts purges over HTTP from clients that know a token: `POST` with `Authorization: Bearer <token>` and JSON such
   * as `{"tag":"report:7"}` or `{"url":"/reports/7","soft":true}`; 204 when it is done, or with
   * `"count":true` 200 and how many pages it named. Without the token, nothing of the cache can be reached over HTTP.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for a token of fewer than 16 characters
   * @example
   * const purge = cache.purger({ token: process.env.PURGE_TOKEN! });
   * createServer((req, res) => (req.url === "/purge" ? purge : pages)(req, res))
   */
  purger(options: PurgerOptions): ServerListener;
  /**
   * Purges what a request makes out of date, once its response is a success (2xx, 3xx) and before anything of it is
   * sent: a client that is redirected to a page sees its new version.
   * When a purge fails, the response is sent all the same, and an `error` event reports it.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for targets that `purge()` would refuse
   * @example createServer(cache.purges((req) => [{ tag: "articles" }, "/"])(save))
   */
  purges(purges: Purges<IncomingMessage>): RouteTool;
  /** The exports of the same names, for convenience. */
  readonly never: typeof never;
  readonly cacheControl: typeof cacheControl;
  readonly varyOn: typeof varyOn;
}

/**
 * Full-response page caching to disk for node:http. Synchronous and cheap; the directory is opened at the first
 * request.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the option, the value and what was expected
 * @example
 * const cache = diskCache({ dir: ".cache/pages", ttl: "5m" });
 * createServer(cache((req, res) => res.end("Hello"))).listen(3000);
 */
export function diskCache(options: PageCacheOptions<IncomingMessage>): HttpDiskCache {
  const cache = new PageCache<IncomingMessage>(options);
  const underWay = new ForwardsUnderWay();
  const around = (handler: RequestListener) => {
    if (typeof handler !== "function") refusePolicy(handler);
    return (req: IncomingMessage, res: ServerResponse) => {
      const target = originalTarget(req);
      if (playReady(cache, req, res, target)) return undefined;
      return runExchange(cache, underWay, { req, res, native: req, target }, () =>
        callHandler(underWay, req, () => handler(req, res)),
      );
    };
  };
  const route = (policy: CachePolicy<IncomingMessage> | Duration) => {
    const resolved = cache.policy(policy);
    return (handler: RequestListener) => (req: IncomingMessage, res: ServerResponse) =>
      runRoute(cache, underWay, resolved, { req, res, native: req, target: originalTarget(req) }, () =>
        callHandler(underWay, req, () => handler(req, res)),
      );
  };
  const cached = (policy: CachePolicy<IncomingMessage> | Duration, handler: RequestListener) => route(policy)(handler);
  const purger = (given: PurgerOptions) => purgeListener(cache, given);
  const purges = (named: Purges<IncomingMessage>): RouteTool => {
    const purge = cache.purges(named);
    return tool((req, res) => purgeBeforeHead(purge, req, res));
  };
  const tools = { route, cached, purger, purges, never, cacheControl, varyOn };
  return Object.assign(around, cacheHandle(cache), tools) as HttpDiskCache;
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
export type { RouteTool } from "./tools.js";
export { editHead, isNever, isSuccess, markNever, neverStore, purgeBeforeHead } from "./tools.js";
export { bodyPieces } from "./body-pieces.js";
export { Departure } from "./departure.js";
export type { Party } from "./departure.js";
export { tap } from "./tap.js";
export type { Tapped } from "./tapped-head.js";
export { runExchange, runRoute } from "./exchange.js";
export type { Exchange } from "./exchange.js";
export { cacheHandle, originalTarget } from "./handle.js";
export type { CacheHandle, Hole } from "./handle.js";
export type { Http2Listener, ServerListener, WrapListener } from "./server.js";
export { changedLines, headerGroups, headersSetOn } from "./header-groups.js";
export type { HeaderGroup } from "./header-groups.js";
export { keyedRequest, nestedRequest, routedRequest } from "./request-head.js";
export { beforeHeadLeaves } from "./on-head.js";
export { askedAs, isRefresh, refreshBehind } from "./refresh.js";
export { learnServer, serverOf } from "./server.js";
export { playReady, readyResponse } from "./play-ready.js";
export { answerPurges, purgeListener } from "./tools.js";
export type { AnswerPurge } from "./tools.js";
export { putAside } from "./detach-handler.js";
export {
  breakOff,
  clientLeft,
  ignoreReasonPhrase,
  isGone,
  isHttp2Response,
  isKnownResponse,
  reasonPhrase,
  sendableLines,
} from "./response-class.js";
export { applyRequestChanges, NOTHING_TO_UNDO, withdrawRequestChanges } from "./request-head.js";
export { isBareHead, send, sinkOf } from "./send.js";
export type { Sink } from "./send.js";
export type { AnyServer } from "./server.js";
export { stepAside } from "./response-class.js";
export { refreshPage, warmPages } from "./warm.js";
export type { OwnPage, OwnWay, RefreshOptions, WarmedPage, WarmOptions, WarmSummary } from "./warm.js";
export type { OwnAnswer } from "./stand-in-socket.js";
export { NODES_OWN, watchersOf } from "./watch-request.js";
export { watchProperty, watchRequest } from "./watch-request.js";
export { mountedAt, requestHead } from "./request-head.js";
export { ForwardsUnderWay } from "./pending-forwards.js";
export type { UnderWay } from "./pending-forwards.js";
