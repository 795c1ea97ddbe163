/** node:http by itself, and with the cache around its handler. */
import { closeSync, mkdirSync, openSync, readSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { diskCache } from "@diskcache/http";
import { redisTier } from "@diskcache/redis";
import { Redis } from "ioredis";
import { makePage } from "../page.mjs";

const SHARDS = 256;
/** As often as a machine shows that it is there, with the lease that is the default. */
const BEAT_MS = 1_250;

export const systems = {
  /** The yardstick: what Node can do at most, answering the same bytes and fields from memory. */
  bare({ bodyBytes }) {
    const { body, hitHeaders } = makePage(bodyBytes);
    return createServer((_req, res) => {
      res.writeHead(200, hitHeaders);
      res.end(body);
    });
  },
  /** The least that a hit from disk costs in Node: a file a page, opened, read and closed, of whose fields everything is known and of whose bytes nothing is checked. */
  "bare, reading a file"({ dir, bodyBytes, files }) {
    const { body, hitHeaders } = makePage(bodyBytes);
    for (let shard = 0; shard < SHARDS; shard++) mkdirSync(join(dir, String(shard)));
    for (let n = 0; n < files; n++) writeFileSync(fileOf(dir, n), body);
    const bytes = Buffer.allocUnsafeSlow(bodyBytes);
    return createServer((req, res) => {
      const fd = openSync(fileOf(dir, Number(req.url.slice("/p-".length))));
      readSync(fd, bytes, 0, bodyBytes, 0);
      closeSync(fd);
      res.writeHead(200, hitHeaders);
      // The socket takes so much at once, and then the bytes are the system's.
      res.end(bytes);
    });
  },
  uncached({ bodyBytes }) {
    return createServer(makePage(bodyBytes).respond);
  },
  diskcache({ bodyBytes, ...config }) {
    return createServer(diskCache(cacheOptions(config))(makePage(bodyBytes).respond));
  },
  /** The same, with its purges shared over the Redis on a port. */
  "diskcache, joined"({ bodyBytes, redis, ...config }) {
    const client = new Redis({ host: "127.0.0.1", port: redis, lazyConnect: true });
    const tier = redisTier({ client, name: "hits" });
    return createServer(diskCache({ ...cacheOptions(config), tier })(makePage(bodyBytes).respond));
  },
  /** The same without a tier, in a process that talks to that Redis as often as a relay does: what any client costs that
   * is in use. */
  "diskcache, beside a client"({ bodyBytes, redis, ...config }) {
    void talk(new Redis({ host: "127.0.0.1", port: redis }));
    return createServer(diskCache(cacheOptions(config))(makePage(bodyBytes).respond));
  },
  /** Answers its first bytes at once and the rest in three later turns. */
  streaming({ bodyBytes }) {
    return createServer(streamed(makePage(bodyBytes)));
  },
  "diskcache, streaming"({ bodyBytes, ...config }) {
    return createServer(diskCache(cacheOptions(config))(streamed(makePage(bodyBytes))));
  },
};

async function talk(client) {
  for (;;) {
    await client.eval("return redis.call('TIME')", 0);
    await client.xread("COUNT", 1, "BLOCK", BEAT_MS, "STREAMS", "nothing", "1-0");
  }
}

function fileOf(dir, n) {
  return join(dir, String(n % SHARDS), `p-${n}`);
}

export function cacheOptions({ dir, memory }) {
  return { dir, limits: { memory, maxSize: "64gb", maxEntries: 4_000_000, minFree: 0, maxBody: "256mb" } };
}

function streamed({ body, fields: { "Content-Length": _length, ...fields } }) {
  const quarter = Math.ceil(body.length / 4);
  return (_req, res) => {
    res.writeHead(200, fields);
    let at = 0;
    const next = () => {
      const piece = body.subarray(at, (at += quarter));
      if (at >= body.length) return res.end(piece);
      res.write(piece);
      return setImmediate(next);
    };
    next();
  };
}
