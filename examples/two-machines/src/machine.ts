/** One machine: a server with a cache directory of its own. */
import type { AddressInfo } from "node:net";
import { diskCache } from "@diskcache/express";
import { redisTier } from "@diskcache/redis";
import express from "express";
import { Redis } from "ioredis";

export interface Machine {
  readonly url: string;
  /** Milliseconds since it lacked no purge. */
  contactAgeMs(): Promise<number>;
  close(): Promise<void>;
}

export async function machine(name: string, dir: string, redisPort: number): Promise<Machine> {
  const client = new Redis({ host: "127.0.0.1", port: redisPort, lazyConnect: true });
  const cache = diskCache({
    dir,
    ttl: "1h",
    tier: redisTier({ client, name: "two-machines", lease: "2s", purge: { timeout: "3s" } }),
  });
  cache.on("tier", ({ state }) => console.log(`  ${name}: ${state}`));
  cache.on("error", ({ message }) => console.log(`  ${name}: ${message}`));

  const app = express().use(cache);
  let renders = 0;
  app.get("/prices", (req, res) => {
    req.diskCache.tag("prices");
    res.send(`prices, rendering ${++renders} of machine ${name}`);
  });
  app.post("/purge", async (_req, res) => {
    await cache.purgeTag("prices").then(
      () => res.send("no machine answers with the old prices"),
      (error: Error) => res.status(503).send(error.message),
    );
  });

  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    contactAgeMs: async () => (await cache.stats()).tier?.contactAgeMs ?? Infinity,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await cache.close();
    },
  };
}
