/**
 * `@diskcache/fetch/astro`: a cache provider of Astro 7, for applications on Node. Pages that ask for it by
 * `Astro.cache.set()` or `routeRules` are stored whole, and tags and `Astro.cache.invalidate()` are the cache's own.
 */
import { PageCache } from "@diskcache/core";
import type { PageCacheOptions } from "@diskcache/core";
import { runExchange } from "./exchange.js";
import type { Exchange } from "./exchange.js";
import { fetchHandle } from "./handle.js";
import type { FetchHandle } from "./handle.js";
import type { CachedRequest } from "./request.js";

/* Astro's own types, as far as they are used here. */

/** What a page says by `Astro.cache.set()`. */
export interface AstroCacheOptions {
  /** Seconds. */
  readonly maxAge?: number;
  /** Seconds. */
  readonly swr?: number;
  readonly tags?: readonly string[];
  readonly lastModified?: Date;
  readonly etag?: string;
}

/** What `Astro.cache.invalidate()` names. */
export interface AstroInvalidation {
  readonly path?: string;
  readonly tags?: string | readonly string[];
}

/** A provider, as Astro calls it. */
export interface AstroCacheProvider {
  readonly name: string;
  setHeaders(options: AstroCacheOptions, request: Request): Headers;
  onRequest(
    context: { readonly request: Request; readonly waitUntil?: (promise: Promise<unknown>) => void },
    next: () => Promise<Response>,
  ): Promise<Response>;
  invalidate(options: AstroInvalidation): Promise<void>;
  /** The handle: `stats()`, `explain()`, `on()`, `purge()`, … */
  readonly cache: FetchHandle<Request>;
}

/** For `cache.provider` in astro.config. */
export interface AstroProviderConfig {
  readonly name: string;
  readonly entrypoint: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- Astro's own type
  readonly config: Record<string, any>;
}

/**
 * The provider, for `astro.config.mjs`. Its options are written into the build, so functions cannot be among them: for
 * those, a module of your own exports `() => provider({ … })`.
 * @example export default defineConfig({ adapter: node({ mode: "standalone" }), cache: { provider: diskCache({ dir: ".cache/pages" }) } })
 */
export function diskCache(options: PageCacheOptions<Request>): AstroProviderConfig {
  return { name: "diskcache", entrypoint: "@diskcache/fetch/astro", config: { ...options } };
}

/** Between `setHeaders` and `onRequest`: the page has asked to be cached. Never sent. */
const ASKED = "x-diskcache-astro";

/** Where Astro keeps the cookies of a response until it is sent. */
const COOKIES = Symbol.for("astro.cookies");

interface AstroCookies {
  headers(): Iterator<string>;
}

/** The provider itself: Astro calls it with the options of `diskCache()`.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the option, the value and what was expected */
export function provider(options: PageCacheOptions<Request>): AstroCacheProvider {
  const cache = new PageCache<Request>(options);
  return {
    name: "diskcache",
    setHeaders,
    onRequest({ request, waitUntil }, next) {
      let cookies: unknown;
      const exchange: Exchange<Request> = {
        request,
        native: request,
        known: undefined,
        node: undefined,
        standsIn: "returned",
        inPlace: true,
        async run(asked) {
          const response = await next();
          cookies = Reflect.get(response, COOKIES);
          decide(asked, response, cookies as AstroCookies | undefined);
          return response;
        },
        again: async () => {
          const made = Promise.resolve(runExchange(cache, exchange));
          waitUntil?.(made.catch(() => undefined));
          return made;
        },
      };
      return Promise.resolve(runExchange(cache, exchange)).then((response) => {
        // They are this client's own, and Astro sends them.
        if (cookies !== undefined) Reflect.set(response, COOKIES, cookies);
        return response;
      });
    },
    async invalidate({ path, tags = [] }) {
      if (path !== undefined) await cache.purge(path);
      const named = typeof tags === "string" ? [tags] : [...tags];
      if (named.length > 0) await cache.purge({ tags: named });
    },
    cache: fetchHandle(
      cache,
      () => undefined,
      (request) => request,
    ),
  };
}

/** As Astro loads it. */
export default (config: PageCacheOptions<Request>): AstroCacheProvider => provider(config);

// What the cache reads, and Astro takes away again before the response is sent.
function setHeaders({ maxAge, swr, tags = [], lastModified, etag }: AstroCacheOptions): Headers {
  const headers = new Headers({ [ASKED]: "1" });
  const directives = [
    ...(maxAge === undefined ? [] : [`max-age=${maxAge}`]),
    ...(swr === undefined ? [] : [`stale-while-revalidate=${swr}`]),
  ];
  if (maxAge !== undefined) headers.set("CDN-Cache-Control", directives.join(", "));
  if (tags.length > 0) headers.set("Cache-Tag", tags.join(", "));
  if (lastModified !== undefined) headers.set("Last-Modified", lastModified.toUTCString());
  if (etag !== undefined) headers.set("ETag", etag);
  return headers;
}

function decide(
  { diskCache: directives }: CachedRequest,
  { headers }: Response,
  cookies: AstroCookies | undefined,
): void {
  const asked = headers.has(ASKED);
  if (asked) headers.delete(ASKED);
  // Also after `Astro.cache.set(false)`.
  else directives.skip("not-asked");
  if (cookies !== undefined && cookies.headers().next().done !== true) directives.skip("set-cookie");
}

export type { FetchHandle } from "./handle.js";
