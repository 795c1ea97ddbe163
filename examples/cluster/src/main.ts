import cluster from "node:cluster";
import type { AddressInfo } from "node:net";
import { diskCache } from "@diskcache/express";
import express from "express";

const WORKERS = 4;

if (cluster.isPrimary) {
  let listening = 0;
  for (let n = 0; n < WORKERS; n++) cluster.fork();
  cluster.on("listening", (_worker, { port }) => {
    if (++listening === WORKERS) console.log(`http://localhost:${port}`);
  });
} else {
  const app = express();
  const cache = diskCache({ dir: ".cache/pages", ttl: "1h" });
  // Before the cache, so that a hit names the worker that answers it.
  app.use((_req, res, next) => {
    res.set("X-Worker", String(process.pid));
    next();
  });
  app.use(cache);

  // Rendered once, by whichever worker is asked first, for all four.
  app.get("/", async (req, res) => {
    req.diskCache.tag("front");
    await new Promise((resolve) => setTimeout(resolve, 200));
    res.send(`<h1>Rendered by ${process.pid} at ${new Date().toISOString()}</h1>`);
  });

  // Whichever worker is told, all of them forget.
  app.post("/purge", async (_req, res) => {
    await cache.purgeTag("front");
    res.sendStatus(204);
  });

  const server = app.listen(Number(process.env["PORT"] ?? 3000), () => {
    console.error(`worker ${process.pid} on ${(server.address() as AddressInfo).port}`);
  });
}
