/** What people write who come from another cache, or forget a call, and what they mean here: for messages alone.
 * Accepts nothing. */
import { optionError } from "../base/errors.js";

interface Ours {
  /** The option that does it here. */
  readonly option: string;
  /** How it is written, where the name alone does not say it. */
  readonly as?: string;
  /** Where there is no such option: the values in files have other ones. */
  readonly otherwise?: Ours;
}

const TTL: Ours = { option: "ttl", as: '`ttl`, such as "5m"; a number is in seconds' };
const DIR: Ours = { option: "dir" };
const STALE: Ours = { option: "staleWhileRevalidate", as: '`staleWhileRevalidate`, such as "1h"' };
const ON_ERROR: Ours = { option: "staleIfError", as: '`staleIfError`, such as "1d"' };
const SKIP: Ours = { option: "skip", as: "`skip`, a function of the request" };
const SHOULD_STORE: Ours = { option: "shouldStore", as: "`shouldStore`, a function of the request and the response" };
const RULES: Ours = { option: "rules", as: '`rules`, such as `[{ path: "/admin/**", never: true }]`' };
const KEY: Ours = { option: "key", as: '`key`: rules such as `{ query: { ignore: ["utm_*"] } }`, or a function' };
const HEADERS: Ours = { option: "vary", as: '`vary`, such as `["accept-language"]`' };
const OWN_STORE: Ours = { option: "store", as: "`store`, a function that opens a store of your own (docs/store.md)" };
const MACHINES: Ours = {
  option: "tier",
  as:
    "`tier`, such as `redisTier({ client, name })` of @diskcache/redis, for purges on several machines; " +
    "`store` keeps pages elsewhere than on a disk (docs/store.md)",
  otherwise: OWN_STORE,
};
const ENTRIES = limit("maxEntries", "50_000");
const SIZE = limit("maxSize", '"20gb"');
const MEMORY = limit("memory", '"256mb"');
const STATUS: Ours = { option: "statusTtl", as: '`statusTtl`, such as `{ 404: "30s", "5xx": 0 }`' };
const ENABLED: Ours = { option: "enabled" };
const COMPRESS: Ours = { option: "compress" };
const WAIT: Ours = { option: "flight", as: '`flight`, such as `{ timeout: "30s" }`; collapsing is always on' };
const DEBUG: Ours = {
  option: "report",
  as: '`report: { debugHeader: "X-Cache" }`; DISKCACHE_LOG=1 in the environment logs each request',
};
const PRIVATE: Ours = {
  option: "partition",
  as: "`partition`, a function that says whose page it is; pages that are never stored: `cache.never()`",
};
const CLIENT: Ours = { option: "clientCacheControl", as: '`clientCacheControl`, such as "max-age=60"' };
const VERSION: Ours = { option: "version", as: "`version`, such as a build id" };

/** By their letters alone: `std_ttl` and `stdTTL` are one word. Of apicache, koa-cash, express-cache-middleware,
 * cache-manager, node-cache, lru-cache, Next.js, Nitro, nginx and Varnish. */
const WORDS: Readonly<Record<string, Ours>> = {
  ...each(
    "duration defaultduration maxage smaxage expire expires expiration expiretime expirein stdttl time cachetime " +
      "cacheduration lifetime timetolive revalidate cachelife proxycachevalid life seconds",
    TTL,
  ),
  ...each("directory folder path cachedir cachepath cachedirectory root location proxycachepath basedir", DIR),
  ...each("swr stalemaxage staletime allowstale backgroundrefresh updatestale proxycachebackgroundupdate", STALE),
  ...each("stale onerror usestale proxycacheusestale stalereturn", ON_ERROR),
  ...each("bypass shouldbypasscache nocache proxycachebypass ignorerequest skipcache disablewhen", SKIP),
  ...each(
    "cacheable iscacheable iscacheablevalue shouldcache proxynocache shouldcacheresponse condition validate",
    SHOULD_STORE,
  ),
  ...each("exclude include routes paths routerules ignore whitelist blacklist ignorepaths cachepaths", RULES),
  ...each(
    "hash appendkey getkey getcachekey cachekey genkey keygenerator proxycachekey query ignorequery queryparams " +
      "keyparams ignoreparams",
    KEY,
  ),
  ...each("headers varies varyby varyon", HEADERS),
  ...each("redis redisclient rediscluster client valkey pubsub bus", MACHINES),
  ...each("stores adapter backend driver cachemanager get set memcached s3", OWN_STORE),
  ...each("max maxkeys maxitems maxentries limit", ENTRIES),
  ...each("size maxsize maxcachesize diskspace maxdisksize", SIZE),
  ...each("memory maxmemory cachemaxmemorysize memorylimit", MEMORY),
  ...each("maxbody maxbodysize", limit("maxBody", '"1mb"')),
  ...each("statuscodes statuscode status cachestatus errorttl", STATUS),
  ...each("disabled disable active cacheenabled enable off", ENABLED),
  ...each("compression gzip brotli encoding", COMPRESS),
  ...each("lock proxycachelock collapse coalesce dedupe requestcoalescing", WAIT),
  ...each("debug log logger verbose setcachedheader trackperformance header xcache", DEBUG),
  ...each("private user peruser session persession ispublic public", PRIVATE),
  ...each("browserttl browsermaxage clientttl cachecontrol respectcachecontrol", CLIENT),
  ...each("prefix namespace keyprefix buildid build release group", VERSION),
};

function limit(name: string, value: string): Ours {
  return { option: "limits", as: `\`limits: { ${name}: ${value} }\``, otherwise: { option: name } };
}

function each(words: string, ours: Ours): Record<string, Ours> {
  return Object.fromEntries(words.split(" ").map((word) => [word, ours]));
}

/** How a word of another cache is said here; `undefined` where it is none, or where there is no such option. */
export function inOurWords(word: string, known: ReadonlySet<string>): string | undefined {
  const letters = word.toLowerCase().replaceAll(/[-_]/g, "");
  const meant = Object.hasOwn(WORDS, letters) ? WORDS[letters] : undefined;
  const ours = meant !== undefined && !known.has(meant.option) ? meant.otherwise : meant;
  if (ours === undefined || !known.has(ours.option)) return undefined;
  return ours.as ?? `\`${ours.option}\``;
}

/** A function that makes something of options was given to a framework as it is: it is called with a request, or with
 * Koa's context of one.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` with the line that is meant */
export function refuseRequest(option: string, name: string, line: string, given: unknown): void {
  if (isRequest(given)) throw optionError(option, `${option}, not a request: write \`${line}\` for \`${name}\``, given);
}

/** Middleware was called as if it made some.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` with the line that is meant */
export function refusePolicy(given: unknown): void {
  if (isRequest(given)) return;
  const policy = typeof given === "string" || typeof given === "number" ? JSON.stringify(given) : "{ … }";
  throw optionError("cache", `a request: for the policy of a route write \`cache.route(${policy})\``, given);
}

function isRequest(given: unknown): boolean {
  const { rawHeaders, req } = (given ?? {}) as { readonly rawHeaders?: unknown; readonly req?: unknown };
  return Array.isArray(rawHeaders) || Array.isArray((req as { readonly rawHeaders?: unknown } | undefined)?.rawHeaders);
}
