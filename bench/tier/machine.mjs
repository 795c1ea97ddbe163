/** One machine, in a process of its own: `fork(machine.mjs, [directory, port of Redis])`. Purges on request, and says when it has contact. */
import { PageCache } from "@diskcache/core";
import { redisTier } from "@diskcache/redis";
import { Redis } from "ioredis";

const [dir, port] = process.argv.slice(2);
const client = new Redis({ host: "127.0.0.1", port: Number(port), lazyConnect: true });
const startedMs = performance.now();
const cache = new PageCache({ dir, ttl: "1h", tier: redisTier({ client, name: "bench", lease: "2s" }) });
cache.on("tier", ({ state }) => state === "joined" && process.send({ joinedMs: performance.now() - startedMs }));

let purges = 0;
process.on("message", (asked) => void act(asked));

async function act({ purge, atOnce = 1, close }) {
  if (close) {
    await cache.close();
    process.exit();
  }
  const took = [];
  const from = performance.now();
  const next = async () => {
    while (took.length + atOnce <= purge) {
      const since = performance.now();
      await cache.purge({ tag: `bench:${process.pid}:${purges++}` });
      took.push(performance.now() - since);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, next));
  process.send({ took, seconds: (performance.now() - from) / 1000 });
}
