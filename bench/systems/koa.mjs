/** Koa: by itself, with this cache inside and in front, and with koa-cash. */
import { createServer } from "node:http";
import { diskCache } from "@diskcache/koa";
import Koa from "koa";
import cash from "koa-cash";
import { LRUCache } from "lru-cache";
import { calls, makePage } from "../page.mjs";
import { cacheOptions } from "./node-http.mjs";

export const systems = {
  /** Past the onion: Koa's least. */
  "Koa, res.end"({ bodyBytes }) {
    const { body, hitHeaders } = makePage(bodyBytes);
    const app = new Koa();
    app.use((ctx) => {
      ctx.respond = false;
      ctx.res.writeHead(200, hitHeaders);
      ctx.res.end(body);
    });
    return createServer(app.callback());
  },
  "diskcache in Koa"(config) {
    return createServer(cached(config).app.callback());
  },
  /** Where the onion has to be kept. */
  "diskcache in Koa, behind middleware"(config) {
    return createServer(cached(config, (_ctx, next) => next()).app.callback());
  },
  "diskcache in front of Koa"(config) {
    const { app, cache } = cached(config);
    return createServer(cache.front(app.callback()));
  },
  "koa-cash, lru-cache"({ bodyBytes }) {
    const { body, fields } = makePage(bodyBytes);
    const pages = new LRUCache({ max: 100_000 });
    const app = new Koa();
    app.use(cash({ maxAge: 36_000_000, get: (key) => pages.get(key), set: (key, value) => pages.set(key, value) }));
    app.use(async (ctx) => {
      if (await ctx.cashed()) return;
      answer(ctx, fields, body);
    });
    return createServer(app.callback());
  },
};

function cached({ bodyBytes, ...config }, ...outside) {
  const { body, fields } = makePage(bodyBytes);
  const cache = diskCache(cacheOptions(config));
  const app = new Koa();
  for (const middleware of outside) app.use(middleware);
  app.use(cache);
  app.use((ctx) => answer(ctx, fields, body));
  return { app, cache };
}

function answer(ctx, fields, body) {
  calls.count++;
  ctx.body = body;
  ctx.set(fields);
}
