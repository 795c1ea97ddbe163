import { createServer } from "node:http";
import { diskCache } from "@diskcache/http";
import { redisTier } from "@diskcache/redis";
import type { Tier } from "@diskcache/redis";
import { Redis } from "ioredis";
import { expectCached } from "./expect-cached.js";

// No server answers there: pages that are younger than a lease are cached all the same.
const client = new Redis({ host: "127.0.0.1", port: 1, lazyConnect: true });
const tier: Tier = redisTier({ client, name: "packed", whenCutOff: "serve", purge: { timeout: 0.1 } });
const cache = diskCache({ dir: "pages-redis", ttl: "5m", tier });
cache.on("error", () => undefined);
await expectCached(createServer(cache((_req, res) => void res.end("a page"))).listen(0), "/reports/7");
const refused: unknown = await cache.purge("/reports/7").catch((error: unknown) => (error as { code?: string }).code);
if (refused !== "ERR_DISKCACHE_PURGE") throw new Error("a purge was confirmed without a server");
await cache.close();
