/**
 * One process of a site whose machines share pages: `fork(page-server.mjs, [settings as JSON])`. Sends its port when it
 * has contact, a message for each call of its handler that takes its time, and on request what its cache says of itself.
 */
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as after } from "node:timers/promises";
import { diskCache } from "@diskcache/http";
import { redisTier } from "@diskcache/redis";
import { Redis } from "ioredis";

const PIECE_BYTES = 64 * 1024;
const MAX_BODY = "200mb";
const { bodyBytes, dir, lease, longBytes, memory, port, renderMs } = JSON.parse(process.argv[2]);
mkdirSync(dir, { recursive: true });
const client = new Redis({ host: "127.0.0.1", port, retryStrategy: () => 50 });
client.on("error", () => undefined); // the server is stopped on purpose
const tier = redisTier({ client, name: "pages", lease, pages: { maxEntry: MAX_BODY } });
const cache = diskCache({
  dir,
  tier,
  limits: { memory, minFree: 0, maxBody: MAX_BODY, maxSize: "8gb" },
});
cache.on("error", () => undefined);
const body = Buffer.alloc(bodyBytes, "<p>The quick brown fox jumps over the lazy dog.</p>\n");
const piece = Buffer.alloc(PIECE_BYTES, body);

/** By the first part of the path. */
const handlers = {
  page: (_req, res) => res.end(body),
  tags(req, res) {
    const [, , count, n] = req.url.split("/");
    for (let tag = 0; tag < Number(count); tag++) req.diskCache.tag(`a-tag-of-a-page:${n}:${tag}`);
    res.end(body);
  },
  async slow(req, res) {
    await after(renderMs);
    res.end(body);
    process.send({ rendered: req.url, endMs: monotonicMs() });
  },
  long(_req, res) {
    res.setHeader("Content-Length", longBytes);
    let left = longBytes;
    const write = () => {
      while (left > 0) {
        const next = piece.subarray(0, Math.min(left, PIECE_BYTES));
        left -= next.length;
        if (!res.write(next)) return res.once("drain", write);
      }
      return res.end();
    };
    write();
  },
};

const cached = cache((req, res) => {
  res.setHeader("Content-Type", "text/html");
  res.setHeader("Cache-Control", "max-age=36000");
  void handlers[req.url.split("/")[1]](req, res);
});
const server = createServer((req, res) => {
  // The least that a page costs which is in the engine.
  if (req.url.startsWith("/bare/")) void client.getBuffer(req.url.slice("/bare/".length)).then((page) => res.end(page));
  else cached(req, res);
});

server.keepAliveTimeout = 0; // clients wait for each other

cache.on("tier", ({ state }) => {
  if (state === "joined" && !server.listening)
    server.listen(0, "127.0.0.1", 2048, () => process.send({ port: server.address().port }));
});
process.on("message", () => void cache.stats().then((stats) => process.send({ stats })));
process.on("disconnect", () => process.exit());

// The same in all processes of a machine.
function monotonicMs() {
  return Number(process.hrtime.bigint()) / 1e6;
}
