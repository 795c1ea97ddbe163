/** The option `tier` over Redis or Valkey: checks what it is given, and says once what an operator has to know of the
 * server. */
import { optionError } from "@diskcache/core";
import type { PagesSettings, Tier, TierSettings } from "@diskcache/core";
import { connector } from "./clients.js";
import type { RedisClient } from "./clients.js";
import { RedisConnection } from "./connection.js";
import { RedisPages } from "./redis-pages.js";

export interface RedisTierOptions extends TierSettings {
  /** A client of [redis](https://www.npmjs.com/package/redis), [ioredis](https://www.npmjs.com/package/ioredis) or
   * [iovalkey](https://www.npmjs.com/package/iovalkey), for one server, Sentinel or a cluster: it is duplicated, and
   * need not be connected. Or a function that makes a connected client, as for
   * [GLIDE](https://www.npmjs.com/package/@valkey/valkey-glide).
   * @example redisTier({ client: createClient({ url: process.env.REDIS_URL }), name: "shop" })
   * @example redisTier({ client: () => GlideClient.createClient({ addresses }), name: "shop" }) */
  readonly client: RedisClient;
  /** What the machines have in common: in the name of every key. Letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  /** Copies of the server that have to confirm what is written (`WAIT`) before it counts. With one of two, a split
   * between them delays purges and loses none.
   * @default 0 */
  readonly replicas?: number;
  readonly log?: {
    /** Purges that the server keeps, about. A machine that was away for more of them begins cold.
     * @default 50_000 */
    readonly keep?: number;
  };
  /** Which pages are shared; `false` for none: then only purges are.
   * @default {} */
  readonly pages?: PagesSettings | false;
  /** A page is rendered by one machine at a time; the others wait for it, as the processes of one machine do.
   * @default true */
  readonly locks?: boolean;
  /** Pages of another release are not shared, purges are: a page links to assets of its own release. Letters, digits,
   * `.`, `_` and `-`.
   * @default "" */
  readonly release?: string;
}

const NAME = /^[\w.-]{1,64}$/;
/** The server drops whole nodes of the stream, a hundred records each. */
const LEAST_KEPT = 1_000;
const REPLICAS_MS = 200;
const RELEASE = /^[\w.-]{0,64}$/;
const OPTIONS: ReadonlySet<string> = new Set(["client", "name", "replicas", "log", "pages", "locks", "release"]);
const SETTINGS = ["lease", "whenCutOff", "purge", "absence"] as const satisfies readonly (keyof TierSettings)[];

/** Purges on every machine, and pages that one has rendered for all: what the option `tier` of a cache takes.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION`
 * @example
 * const tier = redisTier({ client: new Redis(process.env.REDIS_URL), name: "shop" });
 * app.use(diskCache({ dir: ".cache/pages", ttl: "5m", tier })); */
export function redisTier(given: RedisTierOptions): Tier {
  if (typeof given !== "object" || given === null) throw optionError("redisTier", "an object with `client`", given);
  const unknown = Object.keys(given).find((name) => !OPTIONS.has(name) && !SETTINGS.includes(name as never));
  if (unknown !== undefined) {
    const expected = `one of ${[...OPTIONS, ...SETTINGS].join(", ")}`;
    throw optionError(`redisTier.${unknown}`, expected, (given as unknown as Record<string, unknown>)[unknown]);
  }
  const { client, name, replicas = 0, log = {}, pages = {}, locks = pages !== false, release = "" } = given;
  if (typeof name !== "string" || !NAME.test(name))
    throw optionError("redisTier.name", "1 to 64 letters, digits, `.`, `_` or `-`", name);
  if (typeof release !== "string" || !RELEASE.test(release))
    throw optionError("redisTier.release", "up to 64 letters, digits, `.`, `_` or `-`", release);
  if (pages !== false && (typeof pages !== "object" || pages === null))
    throw optionError("redisTier.pages", "`false` or an object", pages);
  if (typeof locks !== "boolean" || (locks && pages === false))
    throw optionError("redisTier.locks", "a boolean, and not `true` where `pages` is `false`", locks);
  const connect = connector(client);
  if (!Number.isInteger(replicas) || replicas < 0) throw optionError("redisTier.replicas", "0 or a count", replicas);
  if (replicas > 0 && !connect.single)
    throw optionError("redisTier.replicas", "0 with this client, which does not say which node confirms", replicas);
  const { keep = 50_000 } = log;
  if (!Number.isInteger(keep) || keep < LEAST_KEPT)
    throw optionError("redisTier.log.keep", `a count of ${LEAST_KEPT} or more`, keep);
  const prefix = `diskcache:{${name}}`;
  const keys = { log: `${prefix}:log`, machines: `${prefix}:machines`, missing: `${prefix}:missing` };
  const settings = Object.fromEntries(
    SETTINGS.filter((setting) => given[setting] !== undefined).map((setting) => [setting, given[setting]]),
  ) as TierSettings;
  let told = false;
  const ofPages = pages !== false && {
    settings: pages,
    locks,
    connect: () => RedisPages.open(connect, `diskcache:${name}:${release}`),
  };
  return {
    settings,
    ...(ofPages && { pages: ofPages }),
    connect: async () => {
      const connection = await RedisConnection.open(connect, { keys, keep, replicas, replicasMs: REPLICAS_MS });
      if (!told) {
        told = true;
        void connection.info("memory").then(tellPolicy);
      }
      return connection;
    },
  };
}

// What is evicted of the chain is noticed, and costs machines what they have stored.
function tellPolicy(info: string): void {
  const [, policy = ""] = /maxmemory_policy:(\S+)/.exec(info) ?? [];
  if (!policy.startsWith("allkeys-")) return;
  process.emitWarning(
    `the server's maxmemory-policy is ${policy}, which may evict purges of diskcache: set volatile-lfu or volatile-ttl`,
    { type: "DiskCacheWarning", code: "DISKCACHE_REDIS_POLICY" },
  );
}
