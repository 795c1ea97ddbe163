/** The API beside the middleware: the same methods in every framework. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { DiskCacheError, optionError } from "@diskcache/core";
import type {
  CacheEvents,
  CacheStats,
  Explanation,
  OutgoingResponse,
  Duration,
  FragmentOptions,
  InsideFragment,
  MemoizeOptions,
  PageCache,
  PurgeCount,
  PurgeOptions,
  PurgeTargets,
  VaryOn,
} from "@diskcache/core";
import { askedAs, refreshBehind } from "./refresh.js";
import { playReady } from "./play-ready.js";
import { requestHead } from "./request-head.js";
import { isKnownResponse } from "./response-class.js";
import { send } from "./send.js";
import { learnServer } from "./server.js";
import type { Http2Listener, ServerListener } from "./server.js";
import { refreshPage, warmPages } from "./warm.js";
import type { RefreshOptions, WarmedPage, WarmOptions, WarmSummary } from "./warm.js";

/**
 * What `cache.hole()` returns: called with the request (Koa: the context), it returns the marker that stands in the
 * page for what will be filled in.
 */
export type Hole<Req> = (req: Req) => string;

// oxlint-disable-next-line typescript/no-explicit-any -- code that only purges takes a handle of any framework
export interface CacheHandle<Req = any> {
  /**
   * Puts the cache in front of a whole application: hits are answered before the framework runs, everything else is
   * handed on.
   * Middleware before the cache does not see those hits. With a `key`, `partition` or `skip` function in the options
   * everything is handed on, because only the application can answer them.
   * @example createServer(cache.front(app)).listen(3000)
   */
  front(listener: RequestListener): ServerListener;
  front(listener: Http2Listener): Http2Listener;
  /**
   * Purges stored responses, for every process that shares the directory: a path or URL, a target, or a list of both.
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_OPTION` when nothing is named, or something unknown,
   * `ERR_DISKCACHE_PURGE` when it could not be recorded
   * @example await cache.purge("/reports/7")
   * @example await cache.purge(["/", { path: "/reports/**" }])
   * @example const { named } = await cache.purge({ tag: "report:7" }, { count: true })
   */
  purge(target: PurgeTargets, options: PurgeOptions & { readonly count: true }): Promise<PurgeCount>;
  purge(target: PurgeTargets, options?: PurgeOptions): Promise<void>;
  /** Purges every response with this tag, or with one of several.
   * @example await cache.purgeTag("report:7") */
  purgeTag(tag: string | readonly string[], options: PurgeOptions & { readonly count: true }): Promise<PurgeCount>;
  purgeTag(tag: string | readonly string[], options?: PurgeOptions): Promise<void>;
  /**
   * A part of pages that is rendered once for all requests, in every process, and kept beside the pages. The page being
   * rendered takes on its tags, so that one purge invalidates both.
   * Where that page cannot be determined, every page being rendered in this process takes them on:
   * `req.diskCache.fragment()` (Koa: `ctx.diskCache.fragment()`) always knows its page.
   * @param varyOn what the fragment differs by: a text, a number, …, or several
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_OPTION`, or with what `render` throws; then nothing is stored
   * @throws {TypeError} rejects with `ERR_DISKCACHE_VALUE` when `render` gives neither a text nor a Buffer
   * @example
   * const sidebar = await cache.fragment("sidebar", language, { ttl: "1h", tags: ["news"] }, () =>
   *   renderSidebar(language),
   * );
   */
  fragment<Output extends string | Buffer>(
    name: string,
    varyOn: VaryOn,
    options: FragmentOptions | Duration,
    render: (inside: InsideFragment) => Output | Promise<Output>,
  ): Promise<Output>;
  /**
   * A function that does what the given one does, and keeps its results beside the pages: one call serves all
   * concurrent callers, in every process, until its lifetime ends or one of its tags is purged, which invalidates pages
   * and results at once.
   * Calls are distinguished by their arguments, so `this` is not handed on, and arguments that cannot be stored
   * (functions, symbols, errors) are refused unless `key` says what counts of them.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for a function without a name, or with one that is taken
   * @throws {TypeError} the function rejects with `ERR_DISKCACHE_VALUE` for arguments or a result that cannot be stored
   * @example
   * const article = cache.memoize(
   *   async function article(id: string) { return db.article(id); },
   *   { ttl: "5m", tags: (id) => [`article:${id}`] },
   * );
   */
  memoize<Args extends readonly unknown[], Value>(
    fn: (...args: Args) => Value | Promise<Value>,
    options?: MemoizeOptions<Args>,
  ): (...args: Args) => Promise<Value>;
  /**
   * Fills a hole in pages for each client as the page leaves: a CSRF token, a nonce, a name. The page is stored once,
   * with an unguessable marker in that place; what is stored is never evaluated.
   * @param filler receives what the framework hands to a handler, and returns the text, escaped for its place in the
   * page. When it fails for a stored page, the application answers instead
   * @returns called with the request (Koa: the context), the marker for its page
   * @throws {DiskCacheError} `ERR_DISKCACHE_HOLE` when the name is not a token
   * @example
   * const csrf = cache.hole("csrf", (req) => req.session.csrf);
   * app.get("/", (req, res) => res.send(`<input type="hidden" name="csrf" value="${csrf(req)}">`));
   */
  hole(name: string, filler: (req: Req) => string | Promise<string>): Hole<Req>;
  /** Purges everything. */
  clear(): Promise<void>;
  /**
   * Requests pages as an anonymous client would, so that they are stored before the first client comes: after a deploy,
   * or a purge of everything. Through the server's own request handling, a bounded number at a time.
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_SERVER` when neither a request has come yet nor a `server` is
   * given, `ERR_DISKCACHE_CLOSED` after `close()`
   * @example
   * await cache.warm(["/", "/reports/7"], {
   *   concurrency: 4,
   *   onProgress: ({ url, stored }) => console.log(url, stored),
   * });
   */
  warm(urls: Iterable<string> | AsyncIterable<string>, options?: WarmOptions): Promise<WarmSummary>;
  /**
   * Has a page rendered again now; clients get the stored one until then.
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_SERVER` when neither a request has come yet nor a `server` is
   * given, `ERR_DISKCACHE_CLOSED` after `close()`
   * @example await cache.refresh("/reports/7")
   */
  refresh(url: string, options?: RefreshOptions): Promise<WarmedPage>;
  /**
   * What would happen to this request now, and why: a request, or Koa's context of one. Changes nothing.
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_OPTION` for any other argument, `ERR_DISKCACHE_CLOSED` after
   * `close()`
   * @example const { outcome, reason, stored } = await cache.explain(req)
   */
  explain(request: IncomingMessage | { readonly req: IncomingMessage }): Promise<Explanation>;
  /**
   * Counters of this process, and the state of the directory as far as this process knows it; after `close()`, their
   * last values.
   */
  stats(): Promise<CacheStats>;
  on<Name extends keyof CacheEvents>(name: Name, listener: (event: CacheEvents[Name]) => void): void;
  off<Name extends keyof CacheEvents>(name: Name, listener: (event: CacheEvents[Name]) => void): void;
  /** Finishes pending writes and releases the directory; requests are forwarded from then on. */
  close(): Promise<void>;
}

export function cacheHandle<Req>(cache: PageCache<Req>): CacheHandle<Req> {
  return {
    front: (listener: RequestListener | Http2Listener) => {
      const either = listener as ServerListener;
      return cache.frontable ? (frontListener(cache, either) as ServerListener) : either;
    },
    purge: cache.purge.bind(cache),
    purgeTag: cache.purgeTag.bind(cache),
    fragment: (name, varyOn, options, render) => cache.fragment(name, varyOn, options, render),
    memoize: (fn, options) => cache.memoize(fn, options),
    hole: (name, filler) => {
      cache.hole(name, filler);
      return (req) => marker(req, name);
    },
    clear: () => cache.clear(),
    warm: (urls, options) => warmPages(cache, urls, options),
    refresh: (url, options) => refreshPage(cache, url, options),
    explain: async (request) => {
      const req = messageOf(request);
      return cache.explain(requestHead(req, originalTarget(req)), request as Req);
    },
    stats: () => cache.stats(),
    on: (name, listener) => cache.on(name, listener),
    off: (name, listener) => cache.off(name, listener),
    close: () => cache.close(),
  };
}

function messageOf(request: IncomingMessage | { readonly req: IncomingMessage }): IncomingMessage {
  const { req = request } = (typeof request === "object" && request !== null ? request : {}) as {
    readonly req?: unknown;
  };
  if (!Array.isArray((req as Partial<IncomingMessage> | undefined)?.rawHeaders))
    throw optionError("request", "a request, as a handler is given it, or Koa's context of one", request);
  return req as IncomingMessage;
}

/** The target as the client sent it: routers of Express and connect shorten `url` and keep `originalUrl`. */
export function originalTarget(req: IncomingMessage): string {
  return (req as { originalUrl?: string }).originalUrl ?? req.url ?? "";
}

function marker(native: unknown, name: string): string {
  const { diskCache } = native as { readonly diskCache?: IncomingMessage["diskCache"] };
  if (diskCache === undefined)
    throw new DiskCacheError("ERR_DISKCACHE_HOLE", `hole: this request of \`${name}\` has not come through the cache`);
  return diskCache.hole(name);
}

function frontListener<Req>(cache: PageCache<Req>, listener: RequestListener): RequestListener {
  return (req: IncomingMessage, res: ServerResponse) => {
    const target = originalTarget(req);
    if (playReady(cache, req, res, target)) return undefined;
    learnServer(cache, req);
    // The cache inside says so.
    if (askedAs(req).refresh || !isKnownResponse(res) || cache.knowsWhoAsks(req)) return listener(req, res);
    const hit = cache.peek(requestHead(req, target));
    if (hit === undefined) return listener(req, res);
    if (!(hit instanceof Promise)) return play(req, res, hit);
    void hit.then((settled) => (settled === undefined ? listener(req, res) : play(req, res, settled)));
    return undefined;
  };
}

function play(req: IncomingMessage, res: ServerResponse, hit: OutgoingResponse): void {
  send(res, hit);
  if (hit.refresh !== undefined) refreshBehind(req, originalTarget(req), hit.refresh);
}
