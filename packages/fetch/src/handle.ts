/** The API beside the wrapper: what all adapters have, for requests that are web Requests. */
import { optionError } from "@diskcache/core";
import type { Explanation, PageCache } from "@diskcache/core";
import { cacheHandle, refreshPage, warmPages } from "@diskcache/http";
import type { CacheHandle, OwnWay, RefreshOptions, WarmedPage, WarmOptions, WarmSummary } from "@diskcache/http";
import { headOf } from "./request.js";

/** What a cache in front of web Requests does beside answering. */
export interface FetchHandle<Native> extends Omit<CacheHandle<Native>, "front" | "explain" | "warm" | "refresh"> {
  /**
   * Requests pages as an anonymous client would, so that they are stored before the first client comes: through the
   * server, where @hono/node-server or the like has shown it, and otherwise through the function that the first request
   * came by; a bounded number at a time.
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_SERVER` when no request has come yet and no `server` is given,
   * `ERR_DISKCACHE_CLOSED` after `close()`
   * @example await cache.warm(["/", "/reports/7"], { concurrency: 4 })
   */
  warm(urls: Iterable<string> | AsyncIterable<string>, options?: WarmOptions): Promise<WarmSummary>;
  /**
   * Has a page rendered again now; clients get the stored one until then.
   * @throws {DiskCacheError} as `warm` does
   * @example await cache.refresh("/reports/7")
   */
  refresh(url: string, options?: RefreshOptions): Promise<WarmedPage>;
  /**
   * What would happen to this request now, and why: a Request, or Hono's context of one. Changes nothing.
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_OPTION` for any other argument, `ERR_DISKCACHE_CLOSED` after
   * `close()`
   * @example const { outcome, reason, stored } = await cache.explain(new Request("http://example.com/reports/7"))
   */
  explain(request: Native): Promise<Explanation>;
}

/** @param way to the application, once a request has come
 * @param requestOf the Request behind what the framework hands to a handler */
export function fetchHandle<Native>(
  cache: PageCache<Native>,
  way: () => OwnWay | undefined,
  requestOf: (native: Native) => Request | undefined,
): FetchHandle<Native> {
  const { front: _, ...handle } = cacheHandle(cache);
  return {
    ...handle,
    warm: (urls, options) => warmPages(cache, urls, options, way()),
    refresh: (url, options) => refreshPage(cache, url, options, way()),
    explain: async (native) => {
      const request = requestOf(native);
      if (typeof (request as Partial<Request> | null)?.headers?.get !== "function")
        throw optionError("request", "a web Request", native);
      return cache.explain(headOf(request!), native);
    },
  };
}
