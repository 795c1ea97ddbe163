/** What a user may ask for: every option, its default, and the one place where they are checked. */
import type { Clock } from "../base/clock.js";
import type { Coding } from "../base/codings.js";
import type { ResponseHead } from "../base/exchange.js";
import type { Duration, Size } from "../base/units.js";
import type { OpenStore } from "../store/contract.js";
import type { Tier } from "../tier/contract.js";

/** What the key is made from, beside method, scheme, host, path and query. */
export interface KeyRules {
  /** Which query parameters count. `ignore` and `only` take names, `*` at the end of a name stands for any rest;
   * `sort` makes their order irrelevant. */
  readonly query?: { readonly ignore?: readonly string[]; readonly only?: readonly string[]; readonly sort?: boolean };
  /** Request header fields whose values become part of the key, for handlers that read a header without naming it in
   * `Vary`. */
  readonly headers?: readonly string[];
}

/** Which cookies the operator answers for. Any other cookie means: not stored, unless the response is `public` or has
 * `s-maxage`; not reused, unless the stored response is one of those, or named its own freshness to a client without
 * cookies. */
export interface CookieRules {
  /** Cookies that no handler reads (analytics, consent). `*` at the end of a name stands for any rest. */
  readonly ignore?: readonly string[];
  /** Cookies whose values become part of the key (theme, language). */
  readonly key?: readonly string[];
}

/** What identifies a client beside `Authorization` and cookies: what holds for `Authorization` holds for such
 * requests. */
export interface CredentialOptions {
  /** Request fields that carry a credential or an identity, beside the well-known ones. `*` at the end of a name
   * stands for any rest. */
  readonly fields?: readonly string[];
  /** Well-known ones that say nothing about the page, such as the API key of one application, sent for all its users.
   * `*` at the end of a name stands for any rest. */
  readonly ignore?: readonly string[];
  /** Whether a client certificate that the server has verified counts. False where a proxy presents its own for all
   * clients. */
  readonly certificate?: boolean;
  /** Whether a user that middleware before the cache has recognised counts: `req.user`, `req.auth`, `user` or `userId`
   * in `req.session`, `ctx.state.user`. False where every request has one. */
  readonly user?: boolean;
}

/** What HTTP permits and this cache refuses by default. */
export interface RelaxedRules {
  /** Store and replay responses with `Set-Cookie`: every client gets the cookies that were made for the first one.
   * Only for cookies that are the same for all clients. */
  readonly setCookie?: boolean;
  /** Store the application's own answers to a `Range` (206, one part), beside the page: a range is forwarded as it
   * came while the page is not stored, and what is missing of a stored beginning is requested with `Range`.
   * For applications that serve ranges correctly: parts without validators are joined by their `Content-Range`
   * alone. */
  readonly partial?: boolean;
  /** Let the 200 to a POST that names its own target in `Content-Location` answer later GETs for it (RFC 9110
   * §9.3.3). */
  readonly postAnswersGet?: boolean;
  /** Where responses vary on `Accept-Language` alone, answer a value not seen before with the stored page in the
   * language it prefers, although the application might have a better one. */
  readonly guessLanguage?: boolean;
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

/** How much is stored, and how. */
export interface Limits {
  /** Disk space all entries together may take, counted in allocated blocks. A size of 4 KiB or more; below 64 KiB
   * little is stored, because a page takes at least 8 KiB, and what is stored beside the pages takes some.
   * @default "1gb"
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a size, or less
   * @example diskCache({ dir: ".cache/pages", limits: { maxSize: "20gb" } }) */
  readonly maxSize?: Size;
  /** Memory for the hottest responses, per process. A size: bytes, or a string in binary units; `0` turns it off.
   * @default "64mb"
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a size
   * @example diskCache({ dir: ".cache/pages", limits: { memory: "256mb" } }) */
  readonly memory?: Size;
  /** Longest body to store; a longer one is still delivered, and not stored. A size above 0.
   * @default "128mb"
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a size, or 0
   * @example diskCache({ dir: ".cache/pages", limits: { maxBody: "1mb" } }) */
  readonly maxBody?: Size;
  /** Files (inodes) all entries together may take. A whole number.
   * @default 1000000
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a whole number above 0
   * @example diskCache({ dir: ".cache/pages", limits: { maxEntries: 50_000 } }) */
  readonly maxEntries?: number;
  /** Free space to leave on the file system, and the same share of its inodes; below it nothing is stored until
   * eviction has made room. A size; `0` does not check the file system.
   * @default "64mb", or an eighth of the file system where that is less
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a size
   * @example diskCache({ dir: ".cache/pages", limits: { minFree: "1gb" } }) */
  readonly minFree?: Size;
  /** Which responses are stored: `"always"` every storable one; `"second-request"` a page that is not stored yet only
   * when it is requested for a second time within some minutes, so that a flood of URLs that are never requested again
   * costs no disk. Each process remembers its own requests.
   * @default "always"
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when neither of the two
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", limits: { admission: "second-request" } }) */
  readonly admission?: "always" | "second-request";
  /** Whether a file is flushed to the device before it becomes visible. Without it a power cut may lose entries, never
   * damage one: checksums make a torn file a miss.
   * @default "none"
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when neither "none" nor "fsync"
   * @example diskCache({ dir: ".cache/pages", limits: { durability: "fsync" } }) */
  readonly durability?: "none" | "fsync";
}

/** How HTTP is read. */
export interface HttpOptions<Req = unknown> {
  /** Obey the client's own `Cache-Control` (`no-cache`, `no-store`, `max-age`, `min-fresh`, `max-stale`,
   * `only-if-cached`): always, or for the requests a function picks; `"reload"`: `no-cache` alone, which browsers send
   * when a reload is to leave out caches. Off in production, because any client could make the application render.
   * @default "reload", and `false` when NODE_ENV is "production"
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when neither a boolean, `"reload"` nor a function
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", http: { honourRequest: (req) => req.headers["x-staff"] === "1" } }) */
  readonly honourRequest?: boolean | "reload" | ((req: Req) => boolean);
  /** Responses without freshness stay fresh for a tenth of their age since `Last-Modified` (RFC 9111 §4.2.2).
   * @default false
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a boolean
   * @example diskCache({ dir: ".cache/pages", http: { heuristic: true } }) */
  readonly heuristic?: boolean;
  /** Targeted fields this cache obeys instead of `Cache-Control`, most specific first (RFC 9213). A list of field
   * names.
   * @default ["cdn-cache-control"]
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a list of field names
   * @example diskCache({ dir: ".cache/pages", http: { targetedFields: ["diskcache-control", "cdn-cache-control"] } }) */
  readonly targetedFields?: readonly string[];
  /** What HTTP permits and this cache refuses by default, each set by itself. `setCookie`: responses with `Set-Cookie`
   * are stored, and every client gets the first one's cookies; `partial`: the application's own answers to a `Range`
   * are stored beside the page, and what is missing of a beginning is requested; `postAnswersGet`: the 200 to a POST
   * that names its own target in `Content-Location` answers later GETs; `guessLanguage`: where only `Accept-Language`
   * varies, a value not seen before gets the stored page in the language it prefers.
   * @default { setCookie: false, partial: false, postAnswersGet: false, guessLanguage: false }
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not an object of these, each `true` or `false`
   * @example diskCache({ dir: ".cache/pages", http: { relaxed: { guessLanguage: true } } }) */
  readonly relaxed?: RelaxedRules;
}

/** A secret of 16 bytes or more, or several: the first seals, each opens. */
export type Secret = string | Uint8Array | readonly (string | Uint8Array)[];

/** A secret, and what is done with it. */
export interface SecretOptions {
  /** What files are sealed with: the same as without an object.
   * @default required
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when it is not that, or shorter; the message does not show it
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", secret: { keys: process.env["CACHE_SECRET"]! } }) */
  readonly keys: Secret;
  /** Also encrypt every stored file with AES-256-GCM, under a key of its own: a reader of the directory without the
   * keys learns neither URLs nor fields nor bodies. Sizes, times and the number of files stay visible.
   * @default false
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a boolean, or without `keys`
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", secret: { keys: process.env["CACHE_SECRET"]!, encrypt: true } }) */
  readonly encrypt?: boolean;
}

/** Who is taken for whom, and where files may lie. */
export interface SafetyOptions {
  /** Hosts whose pages may be stored, as the `Host` field says them: with the port where one is sent, without a
   * scheme; a request for another is forwarded.
   * @default undefined: every host, each with its own pages
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a list of hosts
   * @example diskCache({ dir: ".cache/pages", safety: { hosts: ["www.example.com"] } }) */
  readonly hosts?: readonly string[];
  /** How this application identifies its clients, beside `Authorization` and cookies: by such a field (`X-API-Key`,
   * `X-Forwarded-User`, `X-Amzn-Oidc-*`, …), a verified client certificate, or a user recognised by middleware before
   * the cache. Such requests only fill pages marked `public`, `s-maxage` or `must-revalidate`, and are served only
   * those, unless a `partition` answers for them or `key.headers` names the field.
   * @default { fields: [], ignore: [], certificate: true, user: true }
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not lists of field names and booleans
   * @example diskCache({ dir: ".cache/pages", safety: { credentials: { fields: ["x-acme-token"], ignore: ["x-api-key"] } } }) */
  readonly credentials?: CredentialOptions;
  /** Allow a directory below one that looks as if it was served to the public: by its name (`public`, `public_html`,
   * `static`, `htdocs`, `wwwroot`, and `www` inside the application), or because it contains an `index.html`. What
   * `express.static` or `koa-static` really serve cannot be detected, so keep a directory with another name out of
   * theirs.
   * @default false
   * @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` with `strict` when such a directory is given without it;
   * otherwise an `error` event, or a process warning where there is no listener, and nothing is stored
   * @example diskCache({ dir: "public/cache", safety: { allowPublicDir: true } }) */
  readonly allowPublicDir?: boolean;
}

/** What responses tell people and their tools, beside `Cache-Status`. */
export interface ReportOptions {
  /** Name of an additional response field that says `HIT`, `MISS`, `STALE` or `BYPASS`.
   * @default undefined: `Cache-Status` (RFC 9211) only
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a field name
   * @example diskCache({ dir: ".cache/pages", report: { debugHeader: "X-Cache" } }) */
  readonly debugHeader?: string;
  /** Add a member `cache` to `Server-Timing`, which browsers show beside a request: `hit`, `stale`, `miss` or `bypass`,
   * why nothing was stored, and how many milliseconds the application took (`app`).
   * @default false, and true when NODE_ENV is "development"
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when neither true nor false
   * @example diskCache({ dir: ".cache/pages", report: { serverTiming: true } }) */
  readonly serverTiming?: boolean;
}

/** Options of `diskCache()`. Only `dir` is needed. */
export interface DiskCacheOptions<Req = unknown> extends CachePolicy<Req> {
  /** Directory of the cache files; made when missing, with mode 0700. Any number of processes on one machine may share
   * it. A path; relative ones are resolved from the working directory at creation.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when missing or empty; with `strict`, `ERR_DISKCACHE_DIRECTORY`
   * when it cannot be used
   * @example diskCache({ dir: ".cache/pages" }) */
  readonly dir: string;
  readonly store?: undefined;
  /** Cookies the operator answers for. A request with any other cookie fills only pages marked `public` or `s-maxage`.
   * It is served only those, and pages that named their own freshness to a client without cookies.
   * @default {}: none
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not lists of names
   * @example diskCache({ dir: ".cache/pages", cookies: { ignore: ["_ga*"], key: ["theme"] } }) */
  readonly cookies?: CookieRules;
  /** Which version of the application makes the pages: a build id, a commit. It is part of the key of pages and
   * fragments, so that a release neither serves the pages of the one before, which link to assets that may be gone, nor
   * has to purge them: processes of both may share the directory. Purges reach the pages of every version. A text.
   * @default undefined: one version
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when neither a text nor undefined, or empty
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", version: process.env["BUILD_ID"] }) */
  readonly version?: string | undefined;
  /** A table of paths and their policies, for what is known before the application runs. All rules that match are
   * merged into the options in order, like nested routes. A list.
   * A path that may be read in several ways (encoded slashes, dot segments, double encoding) is bypassed when one of
   * them is a `never`, or when they fall under different rules.
   * @default []: none
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when a rule has no pattern, or says something else that is wrong
   * @example diskCache({ dir: ".cache/pages", rules: [{ path: "/reports/*", ttl: "1h" }, { path: "/admin/**", never: true }] }) */
  readonly rules?: readonly PathRule<Req>[];
  /** How much is stored, and how: `maxSize` and `maxEntries` on the disk, `memory` for the hottest pages, `maxBody` for
   * one page, `minFree` for others on the same disk, `admission`, `durability`.
   * @default {}: the default of each
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not an object of these
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", limits: { maxSize: "20gb", memory: "256mb" } }) */
  readonly limits?: Limits;
  /** Fail at creation when the directory cannot be used (checked by writing a file there and removing it), or when its
   * file system is too small for the `minFree` or `maxSize` given. Without it every request is forwarded then, and an
   * `error` event reports it, or a process warning where there is no listener.
   * @default false
   * @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` when the directory cannot be used
   * @example diskCache({ dir: "/var/cache/app", strict: true }) */
  readonly strict?: boolean;
  /** `false` forwards every request untouched, and does not use the directory: it need not exist, nor be usable. Only
   * `purge()` and `clear()` reach a directory in which others store.
   * @default true, unless the environment says `DISKCACHE=off`
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a boolean
   * @example diskCache({ dir: ".cache/pages", enabled: process.env.NODE_ENV === "production" }) */
  readonly enabled?: boolean;
  /** Seals every stored file with HMAC-SHA-256 under keys made from this, so that an attacker who can write into the
   * directory but lacks it cannot forge a page, change one, or put one in the place of another. What is not sealed
   * with it, or with another of the list, is a miss and is removed.
   * A string or Buffer of 16 bytes or more, or a list of them to change it without losing the cache: the first seals,
   * each opens. Or an object in which those are `keys`, to encrypt files with them, too. All processes that share the
   * directory need the same.
   * @default undefined: files are checked for damage, not for forgery
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when it is not that, or shorter; the message does not show it
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", secret: process.env["CACHE_SECRET"]! }) */
  readonly secret?: Secret | SecretOptions;
  /** Share purges with other machines, over an engine such as Redis or Valkey: when `purge()` resolves, no machine
   * answers with what it named. What `redisTier()` of @diskcache/redis returns, the same for every cache on the
   * directory. See docs/distributed.md.
   * @default undefined: purges reach the processes that share the directory
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when it is not that, or one of its settings is wrong
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", tier: redisTier({ client: new Redis(), name: "shop" }) }) */
  readonly tier?: Tier;
  /** How requests for one page that is not stored wait for each other, so that the application renders it once.
   * `timeout`: how long followers wait for the response to begin before they go to the application themselves, a
   * duration; `maxFollowers`: how many may wait for one page.
   * @default { timeout: "5s", maxFollowers: 10000 }
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when `timeout` is no duration or `maxFollowers` no whole number
   * above 0
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", flight: { timeout: "30s" } }) */
  readonly flight?: { readonly timeout?: Duration; readonly maxFollowers?: number };
  /** Refresh pages before they go stale, while they are requested: the part of the lifetime, counted from its end, in
   * which a hit may refresh its page in the background. The moment in it is random for each page and process, so that
   * pages stored together are not refreshed together; a page that was requested only once is not refreshed. A number
   * from 0 to 1.
   * @default 0: not before they are stale
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a number from 0 to 1
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", refreshAhead: 0.1 }) */
  readonly refreshAhead?: number;
  /** Observe what a handler reads of the request while it makes a page, and compare it with what selects the page: the
   * key, `Vary`, the partition. When a request header, cookie or ignored query parameter is read and selects nothing,
   * one client's page can reach another. `"warn"` or `true`: an `audit` event and a process warning, once for each
   * route and name, with the remedy; `"enforce"`: such a response is also not stored; `"off"` or `false`: nothing is
   * observed. An application that copies all fields (most frameworks that make a web `Request` do) is reported once;
   * what it reads of the copy cannot be observed, so with `"enforce"` its pages are stored for requests that are alike
   * in every field, except those that `ignore` names: fields that no page is made from, whatever reads them, `*` at
   * the end for any rest. Hits cost nothing. See docs/safety.md.
   * @default "warn", and "off" when NODE_ENV is "production"
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when none of these, or `ignore` is not a list of field names
   * @example diskCache({ dir: ".cache/pages", ttl: "5m", audit: { mode: "enforce", ignore: ["x-request-id", "sec-*"] } }) */
  readonly audit?:
    | "warn"
    | "enforce"
    | "off"
    | boolean
    | { readonly mode?: "warn" | "enforce" | "off" | boolean; readonly ignore?: readonly string[] };
  /** Who is taken for whom, and where files may lie: `hosts` whose pages are stored, `credentials` by which this
   * application knows its clients, `allowPublicDir`.
   * @default {}: the default of each
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not an object of these
   * @example diskCache({ dir: ".cache/pages", safety: { hosts: ["www.example.com"] } }) */
  readonly safety?: SafetyOptions;
  /** How HTTP is read: `honourRequest` for what clients ask, `heuristic` and `targetedFields` for what responses say,
   * `relaxed` for what HTTP permits and this cache refuses by default.
   * @default {}: the default of each
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not an object of these
   * @example diskCache({ dir: ".cache/pages", http: { heuristic: true, honourRequest: true } }) */
  readonly http?: HttpOptions<Req>;
  /** What responses tell people and their tools, beside `Cache-Status`: a `debugHeader` of one word, `serverTiming`.
   * @default {}: the default of each
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not an object of these
   * @example diskCache({ dir: ".cache/pages", report: { debugHeader: "X-Cache" } }) */
  readonly report?: ReportOptions;
  /** The clock; tests move it by hand.
   * @default the machine's clock, which goes on where it is set back
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when it has no `now()`
   * @example diskCache({ dir: ".cache/pages", clock: { now: () => fakeNow } }) */
  readonly clock?: Clock;
  /** @deprecated `limits.maxSize` says the same. */
  readonly maxSize?: Limits["maxSize"];
  /** @deprecated `limits.memory` says the same. */
  readonly memory?: Limits["memory"];
  /** @deprecated `limits.maxBody` says the same. */
  readonly maxBody?: Limits["maxBody"];
  /** @deprecated `limits.maxEntries` says the same. */
  readonly maxEntries?: Limits["maxEntries"];
  /** @deprecated `limits.minFree` says the same. */
  readonly minFree?: Limits["minFree"];
  /** @deprecated `limits.admission` says the same. */
  readonly admission?: Limits["admission"];
  /** @deprecated `limits.durability` says the same. */
  readonly durability?: Limits["durability"];
  /** @deprecated `safety.hosts` says the same. */
  readonly hosts?: SafetyOptions["hosts"];
  /** @deprecated `safety.credentials` says the same. */
  readonly credentials?: SafetyOptions["credentials"];
  /** @deprecated `safety.allowPublicDir` says the same. */
  readonly allowPublicDir?: SafetyOptions["allowPublicDir"];
  /** @deprecated `report.debugHeader` says the same. */
  readonly debugHeader?: ReportOptions["debugHeader"];
  /** @deprecated `report.serverTiming` says the same. */
  readonly serverTiming?: ReportOptions["serverTiming"];
  /** @deprecated `secret.encrypt` says the same. */
  readonly encrypt?: SecretOptions["encrypt"];
  /** @deprecated `http.honourRequest` says the same. */
  readonly honourRequest?: HttpOptions<Req>["honourRequest"];
  /** @deprecated `http.heuristic` says the same. */
  readonly heuristic?: HttpOptions<Req>["heuristic"];
  /** @deprecated `http.targetedFields` says the same. */
  readonly targetedFields?: HttpOptions<Req>["targetedFields"];
  /** @deprecated `http.relaxed` says the same. */
  readonly relaxed?: HttpOptions<Req>["relaxed"];
}

/** What is about a directory, and has no meaning for a store that is handed in. */
export type DirectoryOption =
  | "dir"
  | "memory"
  | "maxSize"
  | "maxEntries"
  | "minFree"
  | "admission"
  | "durability"
  | "strict"
  | "secret"
  | "encrypt"
  | "allowPublicDir"
  | "tier";

/** Options of a page cache with a store of your own. */
export interface GivenStoreOptions<Req = unknown>
  extends
    Omit<DiskCacheOptions<Req>, DirectoryOption | "store" | "limits" | "safety">,
    Readonly<Partial<Record<DirectoryOption, undefined>>> {
  /** A store of your own has bounds of its own, but for the longest body. */
  readonly limits?: Pick<Limits, "maxBody">;
  /** Without a directory there is none to allow. */
  readonly safety?: Omit<SafetyOptions, "allowPublicDir">;
  /** In place of `dir`: opens a store of your own, in memory or on another machine, that keeps the contract
   * `Store` of @diskcache/core. Its bounds are its own, so nothing about a directory may stand beside it: of `limits` only
   * `maxBody`, and neither `strict`, `secret`, `safety.allowPublicDir` nor `tier`.
   * Caches that are given the same function share what is stored. See docs/store.md. A function.
   * @default undefined: files in `dir`
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a function, when what it returns lacks something of the
   * contract, or beside such an option
   * @example diskCache({ store: openStore, ttl: "5m" }) */
  readonly store: OpenStore;
}

/** Options of `new PageCache()`: with a directory, or with a store of your own. */
export type PageCacheOptions<Req = unknown> = DiskCacheOptions<Req> | GivenStoreOptions<Req>;
