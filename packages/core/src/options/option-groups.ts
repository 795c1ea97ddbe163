/** Options of the whole cache that stand together, and the rules inside them: bounds, HTTP, secrets, safety, reports,
 * cookies. Types and their documentation; `resolve-options.ts` checks them. */
import type { Size } from "../base/units.js";

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

/** Which cookies the operator answers for. Any other cookie means: not stored, unless the response is `public` or has
 * `s-maxage`; not reused, unless the stored response is one of those, or named its own freshness to a client without
 * cookies. */
export interface CookieRules {
  /** Cookies that no handler reads (analytics, consent). `*` at the end of a name stands for any rest. */
  readonly ignore?: readonly string[];
  /** Cookies whose values become part of the key (theme, language). */
  readonly key?: readonly string[];
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
