/** Two caches on one directory in the way of one request, and what else has a say in it: routes, and what is said of
 * the response. */
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import type { DiskCacheOptions as Options } from "@diskcache/core";
import { diskCache } from "@diskcache/express";
import * as forHono from "@diskcache/fetch/hono";
import type { CacheHandle } from "@diskcache/http";
import * as forKoa from "@diskcache/koa";
import compression from "compression";
import express from "express";
import { Hono } from "hono";
import type { MiddlewareHandler } from "hono";
import { compress as honoCompress } from "hono/compress";
import Koa from "koa";
import koaCompress from "koa-compress";
import { describe, expect, it, onTestFinished } from "vitest";
import { written } from "../security/crafted.js";
import { entryFiles } from "../support/entry-files.js";
import { fetchListener } from "../support/fetch-listener.js";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { serveSite } from "./site.js";

describe("express: a route of the outer cache behind the inner one", () => {
  it.each([
    { given: "a lifetime", route: { ttl: 30 }, target: "/page" },
    { given: "a key of its own", route: { ttl: 30, key: () => "one" }, target: "/page" },
  ])("lays its policy over both: $given", async ({ route, target }) => {
    const dir = temporaryDirectory();
    const outer = diskCache({ dir, ttl: 3600 });
    const inner = diskCache({ dir, ttl: 60 });
    onTestFinished(() => inner.close());
    const app = express();
    app.use(outer);
    app.get(/.*/, inner, outer.route(route), (_req, res) => void res.send("page"));
    const site = await serveSite(outer, new ManualClock(), dir, app as RequestListener);
    const miss = await site.visit(target);
    expect(miss.lines("cache-status")).toEqual(["diskcache; fwd=uri-miss; stored"]);
    expect((await site.visit(target)).cacheStatus).toMatch(/^diskcache; hit; ttl=(?:29|30)$/);
  });

  it("hears what was said of the page before and after it", async () => {
    const dir = temporaryDirectory();
    const outer = diskCache({ dir, ttl: 3600 });
    const inner = diskCache({ dir, ttl: 60 });
    onTestFinished(() => inner.close());
    const app = express();
    let renders = 0;
    app.use(outer, (req, res, next) => {
      res.locals["said"] = req.diskCache.tag("before");
      next();
    });
    app.get(/.*/, inner, (req, res) => {
      res.locals["said"].tag("after");
      res.send(`render ${++renders} of ${req.path}`);
    });
    const site = await serveSite(outer, new ManualClock(), dir, app as RequestListener);
    for (const tag of ["before", "after"]) {
      await site.visit("/page");
      await outer.purgeTag(tag);
      expect((await site.visit("/page")).isHit).toBe(false);
    }
  });

  it("gives the handler the conditions of its own page alone", async () => {
    const dir = temporaryDirectory();
    const clock = new ManualClock();
    const cache = diskCache({ dir, ttl: 60, clock });
    const app = express();
    let own = false;
    app.use(cache);
    app.use((req, res, next) => (own ? cache.route({ key: () => "own" })(req, res, next) : next()));
    app.use((req, res) => void res.set("ETag", '"one"').send(String(req.headers["if-none-match"])));
    const site = await serveSite(cache, clock, dir, app as RequestListener);
    await site.visit("/page");
    clock.advance(61);
    own = true;
    const answer = await site.visit("/page");
    expect([answer.status, answer.text]).toEqual([200, "undefined"]);
  });
});

/** The same middleware in each framework. */
interface Between {
  readonly express: express.Handler;
  readonly koa: Koa.Middleware;
  readonly hono: MiddlewareHandler;
}

/** Applications with middleware between two caches on one directory. */
const BETWEEN = [
  {
    name: "express",
    open(dir: string, clock: ManualClock, between: Between, own: Partial<Options> = {}) {
      const outer = diskCache({ dir, clock, ttl: 3600 });
      const inner = diskCache({ dir, clock, ttl: 60, ...own });
      const app = express();
      app.use(outer, between.express);
      app.get(/.*/, inner, (req, res) => void res.send(`${"page ".repeat(100)}${String(req.headers["x-seen"])}`));
      return { outer, inner, listener: app as RequestListener };
    },
  },
  {
    name: "koa",
    open(dir: string, clock: ManualClock, between: Between, own: Partial<Options> = {}) {
      const outer = forKoa.diskCache({ dir, clock, ttl: 3600 });
      const inner = forKoa.diskCache({ dir, clock, ttl: 60, ...(own as object) });
      const app = new Koa();
      app.use(outer).use(between.koa).use(inner);
      app.use((ctx) => void (ctx.body = `${"page ".repeat(100)}${String(ctx.headers["x-seen"])}`));
      return { outer, inner, listener: app.callback() as RequestListener };
    },
  },
  {
    name: "hono",
    open(dir: string, clock: ManualClock, between: Between, own: Partial<Options> = {}) {
      const outer = forHono.diskCache({ dir, clock, ttl: 3600 });
      const inner = forHono.diskCache({ dir, clock, ttl: 60, ...(own as object) });
      const app = new Hono();
      app.use(outer, between.hono, inner);
      app.get("*", (c) => c.text(`${"page ".repeat(100)}${String(c.req.header("x-seen"))}`));
      return {
        outer: outer as unknown as CacheHandle,
        inner,
        listener: fetchListener(async (request) => app.fetch(request)),
      };
    },
  },
] as const;

describe.each(BETWEEN)("$name: middleware between two caches on one directory", ({ open }) => {
  const passing: Between = { express: (_req, _res, next) => next(), koa: passOn, hono: passOn };

  async function siteWith(between: Between, own?: Partial<Options>) {
    const dir = temporaryDirectory();
    const clock = new ManualClock();
    const { outer, inner, listener } = open(dir, clock, between, own);
    onTestFinished(() => inner.close());
    return serveSite(outer, clock, dir, listener);
  }

  const compressing = {
    express: compression({ threshold: 0 }),
    koa: koaCompress({ threshold: 0 }),
    hono: honoCompress({ threshold: 0 }),
  };
  it.each([
    { given: "compresses", between: compressing, fields: ["content-encoding", "vary"] },
    {
      given: "adds a field",
      between: {
        express: (_req: unknown, res: express.Response, next: () => void) => (res.set("X-Between", "1"), next()),
        koa: async (ctx: Koa.Context, next: Koa.Next) => (await next(), ctx.set("X-Between", "1")),
        hono: (async (c, next) => (await next(), c.header("X-Between", "1"))) as MiddlewareHandler,
      },
      fields: ["x-between"],
    },
  ])("leaves its mark on hits as on the miss: it $given", async ({ between, fields }) => {
    const site = await siteWith(between);
    const headers = { "Accept-Encoding": "gzip" };
    const [miss, hit] = [await site.visit("/page", { headers }), await site.visit("/page", { headers })];
    expect([miss.isStored, hit.isHit]).toEqual([true, true]);
    expect(hit.body).toEqual(miss.body);
    for (const field of fields) expect([field, hit.header(field)]).toEqual([field, miss.header(field)]);
    for (const field of fields) expect(miss.header(field)).toBeDefined();
  });

  it("keeps a client to itself that it has recognised", async () => {
    const site = await siteWith({
      express: (req, _res, next) => (Object.assign(req, { user: "alice" }), next()),
      koa: (ctx, next) => ((ctx.state["user"] = "alice"), next()),
      hono: (c, next) => (c.set("user", "alice"), next()),
    });
    await site.visit("/page");
    expect((await site.visit("/page")).isHit).toBe(false);
  });

  it("hands on to a cache that enforces its audit", async () => {
    const site = await siteWith(passing, { audit: "enforce" });
    // The handler reads a field that selects nothing.
    for (const _ of [1, 2]) expect((await site.visit("/page")).cacheStatus).toMatch(/detail=audit$/);
  });

  it("hands on to a cache that encrypts", async () => {
    const site = await siteWith(passing, { secret: "a".repeat(32), encrypt: true });
    expect((await site.visit("/page")).isStored).toBe(true);
    await written(site.cache);
    const files = entryFiles(site.dir).map((file) => readFileSync(file, "latin1"));
    expect(files.map((file) => file.includes("page page"))).toEqual([false]);
  });

  it("hands on to a cache that keeps another page by its own key", async () => {
    const site = await siteWith(passing, { key: () => "own" });
    expect([(await site.visit("/a")).isStored, (await site.visit("/b")).isHit]).toEqual([true, true]);
  });
});

function passOn(_context: unknown, next: () => Promise<void>): Promise<void> {
  return next();
}
