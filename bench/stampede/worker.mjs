/** One process of the site under measurement: `fork(worker.mjs, [directory, milliseconds a render takes])`. Sends its port, then a message for every call of its handler. */
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as after } from "node:timers/promises";
import { diskCache } from "@diskcache/http";

const [dir, renderMs] = [process.argv[2], Number(process.argv[3])];
mkdirSync(dir, { recursive: true });
const cache = diskCache({ dir, limits: { minFree: 0 } });
const PAGE = Buffer.alloc(10_240, "x");

/** By the first part of the path. */
const CONTROLS = {
  page: "max-age=3600",
  private: "no-store",
  hot: "max-age=1, stale-while-revalidate=60",
};

async function render(req, res) {
  const { url } = req;
  process.send({ rendered: url });
  await after(renderMs);
  res.setHeader("Content-Type", "text/html");
  res.setHeader("Cache-Control", CONTROLS[url.split("/")[1]]);
  res.end(PAGE);
}

const cached = cache((req, res) => void render(req, res));
const server = createServer((req, res) => {
  if (req.url.startsWith("/bare/")) {
    req.url = req.url.slice("/bare".length);
    void render(req, res);
  } else cached(req, res);
});
server.listen(0, "127.0.0.1", 2048, () => process.send({ port: server.address().port }));
process.on("disconnect", () => process.exit());
