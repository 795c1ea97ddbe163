/** An application with one page, and what the cache says of the second request for it. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { DiskCacheError } from "@diskcache/core";
import { diskCache } from "@diskcache/express";
import express from "express";

export async function secondAnswer(dir: string): Promise<string> {
  const cache = diskCache({ dir, ttl: "5m" });
  const app = express();
  app.use(cache);
  app.get("/reports/:id", cache.route("1h"), (req, res) => {
    const id: string = req.params.id;
    res.send(`report ${id}`);
  });
  const server = app.listen(0);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const ask = async () => (await fetch(`http://127.0.0.1:${port}/reports/7`)).headers.get("cache-status") ?? "";
  await ask();
  const status = await ask();
  server.closeAllConnections();
  server.close();
  await cache.close();
  return status.includes("hit") ? "hit" : status;
}

/** Whether an error is of the class that the core exports: of one instance of it. */
export function refuses(options: object): boolean {
  try {
    diskCache(options as never);
    return false;
  } catch (error) {
    return error instanceof DiskCacheError;
  }
}
