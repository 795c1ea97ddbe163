/** What may be asked for one route, or for all of them: how long its responses are stored, what names a page, what
 * becomes of stale ones. Types and their documentation; `resolve-policy.ts` checks them. */
import type { Coding } from "../base/codings.js";
import type { ResponseHead } from "../base/exchange.js";
import type { Duration } from "../base/units.js";

/** What the key is made from, beside method, scheme, host, path and query. */
export interface KeyRules {
  /** Which query parameters count. `ignore` and `only` take names, `*` at the end of a name stands for any rest;
   * `sort` makes their order irrelevant. */
  readonly query?: { readonly ignore?: readonly string[]; readonly only?: readonly string[]; readonly sort?: boolean };
  /** Request header fields whose values become part of the key, for handlers that read a header without naming it in
   * `Vary`. */
  readonly headers?: readonly string[];
}

/** What becomes of responses that have gone stale. */
export interface StaleRules {
  /** How long after it went stale a response is still of use: while it is refreshed behind it, and in the place of an
   * error. The same as a duration in the place of the object.
   * @default 0
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a duration
   * @example diskCache({ dir: ".cache/pages", ttl: "1m", stale: { for: "1d" } }) */
  readonly for?: Duration;
  /** How long a handler may take to begin its response before a stale page inside its `staleIfError` stands in; what
   * the handler answers later is stored. Where no stale page may stand in, nothing changes. A duration.
   * @default undefined: as long as it takes
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a duration
   * @example diskCache({ dir: ".cache/pages", ttl: "1m", stale: { for: "1d", timeout: "2s" } }) */
  readonly timeout?: Duration;
  /** How long after it went stale a response is still served while it is refreshed: the operator's own
   * `staleWhileRevalidate`, beside whatever the response says: the longer of the two counts. A duration.
   * @default 0
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a duration
   * @example diskCache({ dir: ".cache/pages", ttl: "1m", stale: { grace: "10s" } }) */
  readonly grace?: Duration;
  /** How long after it went stale a response is stored only for its validators, so that a handler may answer 304. A
   * duration.
   * @default "1h"
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a duration
   * @example diskCache({ dir: ".cache/pages", ttl: "1m", stale: { keep: "1d" } }) */
  readonly keep?: Duration;
}

/** How long, and how, responses of one route or of the whole cache are stored. `Req` is what the framework passes to a
 * handler. */
export interface CachePolicy<Req = unknown> {
  /** How long a response that names no freshness of its own stays fresh. A duration: seconds, or a string such as
   * `"5m"`. For the server only: it never changes what the browser receives.
   * @default undefined: only responses with explicit freshness (`s-maxage`, `max-age`, `Expires`) are stored
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a duration
   * @example diskCache({ dir: ".cache/pages", ttl: "5m" }) */
  readonly ttl?: Duration;
  /** How long after it went stale a response is still of use: while it is refreshed behind it, and in the place of an
   * error. Both of `staleWhileRevalidate` and `staleIfError`, where they are not given. A duration, or an object in which
   * that is `for`, with what else concerns stale responses: `grace`, `keep`, and the `timeout` of a handler.
   * @default 0
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when neither a duration nor an object of these
   * @example diskCache({ dir: ".cache/pages", ttl: "1m", stale: "1d" }) */
  readonly stale?: Duration | StaleRules;
  /** Labels by which `purge({ tag })` finds the page: a list, or a function of the request.
   * @default []
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when neither a list of strings nor a function
   * @example cache.route({ ttl: "1h", tags: (req) => [`report:${req.params.id}`] }) */
  readonly tags?: readonly string[] | ((req: Req) => readonly string[]);
  /** What names a page: rules for query and headers, or a function that returns the part of the key that stands for
   * path and query.
   * @default every byte of path and query, as sent
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when neither rules nor a function
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", key: { query: { ignore: ["utm_*", "gclid"] } } }) */
  readonly key?: KeyRules | ((req: Req) => string);
  /** Whose page it is: pages with different answers are never shared. With an answer, cookies and `Authorization`
   * count as covered by it; the value is hashed. `undefined`: the page is for all clients.
   * @default undefined: one audience
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a function
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", partition: (req) => req.user?.role }) */
  readonly partition?: (req: Req) => string | undefined;
  /** Request header fields the handler's answer depends on, as if the response named them in `Vary`; they are added to
   * its `Vary`.
   * @default []
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a list of field names
   * @example cache.route({ ttl: "1h", vary: ["accept-language"] }) */
  readonly vary?: readonly string[];
  /** Requests to bypass: neither looked up nor stored. Called before the lookup.
   * @default undefined: none
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a function
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", skip: (req) => req.url.startsWith("/admin") }) */
  readonly skip?: (req: Req) => boolean;
  /** Lifetime by status code or class, for responses that name no freshness; `0` is never stored.
   * @default {}
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when a key is no status or a value no duration
   * @example diskCache({ dir: ".cache/pages", statusTtl: { 404: "30s", "3xx": "1h" } }) */
  readonly statusTtl?: Readonly<Record<string, Duration>>;
  /** How long after it went stale a response is still served while it is refreshed behind it (RFC 5861 §3), for
   * responses that do not say so themselves. A duration.
   * @default `stale`
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a duration
   * @example diskCache({ dir: ".cache/pages", ttl: "1m", staleWhileRevalidate: "1h" }) */
  readonly staleWhileRevalidate?: Duration;
  /** How long after it went stale a response may stand in for a 500, 502, 503 or 504 (RFC 5861 §4), for responses that
   * do not say so themselves. A duration.
   * @default `stale`
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a duration
   * @example diskCache({ dir: ".cache/pages", ttl: "1m", staleIfError: "1d" }) */
  readonly staleIfError?: Duration;
  /** The `Cache-Control` that browsers, and caches between them and the application, get with stored pages that have
   * none of their own: a field value, or `true` for `max-age` with the page's own lifetime. Lifetimes in a value count
   * from when the client gets the page: on a hit `max-age` and `s-maxage` are longer by its `Age`, which clients
   * subtract; a stale page gives none. With `true` they count from when the page was made: the client's copy expires
   * when the page does. A page that has `Cache-Control` or `Expires` is left as it is, and `Age` uses up its lifetime
   * (RFC 9111 §4.2). A purge does not reach what a browser has stored.
   * @default undefined: nothing is added
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when neither `true`, `false` nor a field value that parses
   * @example diskCache({ dir: ".cache/pages", ttl: "1h", clientCacheControl: "public, max-age=60" }) */
  readonly clientCacheControl?: boolean | string;
  /** Also store pages compressed, beside the form the handler gave them, and send each client the one it accepts
   * (`Accept-Encoding`). Made behind hits, at high quality, one at a time; until it is there a page is sent as it is.
   * Only text and similar types from 1 KiB to 8 MiB, and nothing that is already coded, `no-transform`, or varies on
   * `Accept-Encoding` by itself. `true`: every coding this Node has; a list: those, the best first, of `"br"`,
   * `"zstd"` (from Node 22.15 on) and `"gzip"`; `false`: off.
   * @default false
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when neither a boolean nor a list of codings that this Node can
   * make
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", compress: ["br", "gzip"] }) */
  readonly compress?: boolean | readonly Coding[];
  /** The last check whether a storable response is stored. It can only refuse. Called once its status and headers are
   * known.
   * @default undefined: stored
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a function
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", shouldStore: (req, response) => response.status === 200 }) */
  readonly shouldStore?: (req: Req, response: ResponseHead) => boolean;
  /** Methods whose responses may be stored: `"GET"`, `"QUERY"`, `"POST"`; HEAD is answered from a stored GET, so
   * `"HEAD"` means nothing without it. A list.
   * The content of a QUERY or POST, up to 1 MiB, is read first and becomes part of the key, together with its type and
   * encoding; the handler still receives it. With `"POST"` every POST counts as a query that changes nothing: `skip`
   * those that do.
   * @default ["GET"]
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a list of methods the cache can key, or HEAD without GET
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", methods: ["GET", "QUERY"] }) */
  readonly methods?: readonly string[];
  /** @deprecated `stale.timeout` says the same. */
  readonly timeout?: StaleRules["timeout"];
  /** @deprecated `stale.grace` says the same. */
  readonly grace?: StaleRules["grace"];
  /** @deprecated `stale.keep` says the same. */
  readonly keep?: StaleRules["keep"];
}

/** A policy for the paths that a pattern matches. */
export interface PathRule<Req = unknown> extends CachePolicy<Req> {
  /** Which paths, from beginning to end, without the query: `*` is any part of one segment, `**` any number of
   * segments. Case, needless encoding, repeated slashes and one at the end make no difference. One pattern or a
   * list. */
  readonly path: string | readonly string[];
  /** Bypass the cache for these paths: neither looked up nor stored, whatever rules and routes say besides. Stands
   * alone in its rule. */
  readonly never?: boolean;
}
