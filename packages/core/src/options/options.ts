/** What a user may ask for of the whole cache: every option and its default. Types and their documentation;
 * `resolve-options.ts` checks them. */
import type { Clock } from "../base/clock.js";
import type { Duration } from "../base/units.js";
import type { OpenStore } from "../store/contract.js";
import type { Tier } from "../tier/contract.js";
import type {
  CookieRules,
  HttpOptions,
  Limits,
  ReportOptions,
  SafetyOptions,
  Secret,
  SecretOptions,
} from "./option-groups.js";
import type { CachePolicy, PathRule } from "./policy-options.js";

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
  /** Share purges and pages with other machines, over an engine such as Redis or Valkey: when `purge()` resolves, no
   * machine answers with what it named; a page that one machine has rendered is there for all, and a cold one is
   * rendered once. What `redisTier()` of @diskcache/redis returns, the same for every cache on the directory. See
   * docs/distributed.md.
   * @default undefined: purges reach the processes that share the directory, and each machine renders for itself
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
