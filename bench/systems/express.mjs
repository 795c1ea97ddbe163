/** Express: by itself, with this cache in three places, and with other caches. */
import { createServer as createHttpServer } from "node:http";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createServer, diskCache } from "@diskcache/express";
import apicache from "apicache";
import express from "express";
import { Redis } from "ioredis";
import { cacheSeconds } from "route-cache";
import { calls, makePage } from "../page.mjs";
import { cacheOptions } from "./node-http.mjs";

export const systems = {
  /** The most that any cache mounted with `app.use` can do. */
  "Express, res.end"({ bodyBytes }) {
    return createHttpServer(answering(makePage(bodyBytes)));
  },
  "Express, res.end, our createServer"({ bodyBytes }) {
    return createServer(answering(makePage(bodyBytes)));
  },
  "diskcache in Express"(config) {
    return createHttpServer(cached(config).app);
  },
  "diskcache in Express, our createServer"(config) {
    return createServer(cached(config).app);
  },
  "diskcache in front of Express"(config) {
    const { app, cache } = cached(config);
    return createServer(app, { cache });
  },
  "express.static"({ dir, bodyBytes, files = 1 }) {
    const { body } = makePage(bodyBytes);
    for (let n = 0; n < files; n++) writeFileSync(join(dir, `p-${n}`), body);
    const app = bareApp();
    app.use(express.static(dir));
    return createHttpServer(app);
  },
  apicache({ bodyBytes }) {
    const { respond } = makePage(bodyBytes);
    const app = bareApp();
    app.use(apicache.middleware("10 hours"), respond);
    return createHttpServer(app);
  },
  "route-cache"({ bodyBytes }) {
    const { body, fields } = makePage(bodyBytes);
    const app = bareApp();
    // Caches what is sent with `res.send`.
    app.get("/:page", cacheSeconds(36_000), (_req, res) => {
      calls.count++;
      res.set(fields).send(body.toString());
    });
    return createHttpServer(app);
  },
  /** Written by hand, as well as it can be: one GET of head and body together, pipelined by the client. */
  "ioredis in Express"({ bodyBytes, redisPort }) {
    const { headers, body } = makePage(bodyBytes);
    const redis = new Redis({ port: redisPort, enableAutoPipelining: true });
    const app = bareApp();
    app.use(async (req, res) => {
      const found = await redis.getBuffer(req.url);
      if (found !== null) {
        const bodyAt = found.readUInt32LE(0);
        res.writeHead(200, JSON.parse(found.toString("latin1", 4, bodyAt)));
        res.end(found.subarray(bodyAt));
        return;
      }
      calls.count++;
      res.writeHead(200, headers);
      res.end(body);
      const head = Buffer.from(`    ${JSON.stringify(headers)}`, "latin1");
      head.writeUInt32LE(head.length);
      await redis.set(req.url, Buffer.concat([head, body]), "EX", 36_000);
    });
    return createHttpServer(app);
  },
};

function bareApp() {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  return app;
}

function answering({ body, hitHeaders }) {
  const app = bareApp();
  app.use((_req, res) => {
    res.writeHead(200, hitHeaders);
    res.end(body);
  });
  return app;
}

function cached({ bodyBytes, ...config }) {
  const cache = diskCache(cacheOptions(config));
  const app = bareApp();
  app.use(cache, makePage(bodyBytes).respond);
  return { app, cache };
}
