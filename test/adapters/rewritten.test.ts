/** Targets that middleware before the cache puts in the place of the one that came: what it made them from is not to be
 * seen in that one. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { diskCache as forExpress } from "@diskcache/express";
import { diskCache as forHttp } from "@diskcache/http";
import type { CacheHandle } from "@diskcache/http";
import { diskCache as forKoa } from "@diskcache/koa";
import express5 from "express";
import express4 from "express4";
import Koa3 from "koa";
import Koa2 from "koa2";
import type { Context, Next } from "koa";
import { describe, expect, it, onTestFinished } from "vitest";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { serveSite } from "./site.js";
import type { Site } from "./site.js";

interface Rewriting {
  readonly name: string;
  /** Germans are given another target before the cache, and every page says which one it was asked for. */
  readonly make: (
    dir: string,
    clock: ManualClock,
  ) => { readonly cache: CacheHandle; readonly listener: RequestListener };
}

function wanted(req: IncomingMessage): string {
  const target = req.url!;
  return req.headers["x-country"] === "de" ? `/de${target}` : target;
}

function byExpress(name: string, express: typeof express5): Rewriting {
  return {
    name,
    make(dir, clock) {
      const cache = forExpress({ dir, clock, ttl: "5m", key: { query: { ignore: ["utm_*"] } } });
      const app = express();
      app.use((req, _res, next) => {
        req.url = wanted(req);
        next();
      });
      app.use(cache);
      app.use((req, res) => void res.send(`page ${req.url}`));
      return { cache, listener: app };
    },
  };
}

function byKoa(name: string, Koa: typeof Koa3): Rewriting {
  return {
    name,
    make(dir, clock) {
      const cache = forKoa({ dir, clock, ttl: "5m", key: { query: { ignore: ["utm_*"] } } });
      const app = new Koa();
      app.use((ctx, next) => {
        ctx.url = wanted(ctx.req);
        return next();
      });
      app.use(cache);
      app.use((ctx) => void (ctx.body = `page ${ctx.url}`));
      const handle = app.callback();
      return { cache, listener: (req, res) => void handle(req, res) };
    },
  };
}

/** As connect and its kin leave the target that came. */
function byHand(): Rewriting {
  return {
    name: "node:http",
    make(dir, clock) {
      const cache = forHttp({ dir, clock, ttl: "5m", key: { query: { ignore: ["utm_*"] } } });
      const handler = cache((req, res) => void res.end(`page ${req.url}`));
      const listener = (req: IncomingMessage, res: ServerResponse): void => {
        (req as { originalUrl?: string }).originalUrl = req.url!;
        req.url = wanted(req);
        handler(req, res);
      };
      return { cache, listener };
    },
  };
}

const GERMAN = { headers: { "x-country": "de" } };
const ENGLISH = { headers: { "x-country": "en" } };

async function open({ make }: Rewriting): Promise<Site> {
  const dir = temporaryDirectory();
  const clock = new ManualClock();
  const { cache, listener } = make(dir, clock);
  const site = await serveSite(cache, clock, dir, listener);
  onTestFinished(() => site.close());
  return site;
}

describe.each([
  byExpress("express 5", express5),
  byExpress("express 4", express4),
  byKoa("koa 3", Koa3),
  byKoa("koa 2", Koa2),
  byHand(),
])("$name: a target that was rewritten before the cache", (rewriting) => {
  it.each([{ first: GERMAN }, { first: ENGLISH }])(
    "has pages of its own, and so has the one that came (%#)",
    async ({ first }) => {
      const site = await open(rewriting);
      await site.visit("/about", first);
      for (const again of [false, true, true]) {
        const [german, english] = [await site.visit("/about", GERMAN), await site.visit("/about", ENGLISH)];
        expect([german.text, english.text]).toEqual(["page /de/about", "page /about"]);
        if (again) expect([german.isHit, english.isHit]).toEqual([true, true]);
      }
    },
  );

  it("is purged by the target that came, and loses what the rules of the query ignore", async () => {
    const site = await open(rewriting);
    await site.visit("/about?utm_source=a", GERMAN);
    expect((await site.visit("/about?utm_source=b", GERMAN)).isHit).toBe(true);
    await site.cache.purge("/about");
    expect((await site.visit("/about", GERMAN)).isHit).toBe(false);
  });
});

describe("an application that is mounted somewhere", () => {
  it.each([
    { name: "express 5", express: express5 },
    { name: "express 4", express: express4 },
  ])("has pages by the target that came: $name", async ({ express }) => {
    const cache = forExpress({ dir: temporaryDirectory(), ttl: "5m" });
    const inner = express();
    inner.use(cache);
    inner.use((req, res) => void res.send(`page ${req.originalUrl}`));
    const app = express();
    app.use("/blog", inner);
    await expectHits(cache, app);
  });

  it.each([
    { name: "koa 3", Koa: Koa3 },
    { name: "koa 2", Koa: Koa2 },
  ])("has pages by the target that came: $name", async ({ Koa }) => {
    const cache = forKoa({ dir: temporaryDirectory(), ttl: "5m" });
    const app = new Koa();
    // What koa-mount does.
    app.use(async (ctx: Context, next: Next) => {
      const before = ctx.path;
      ctx.mountPath = "/blog";
      ctx.path = before.slice("/blog".length) || "/";
      await next();
      ctx.path = before;
    });
    app.use(cache);
    app.use((ctx) => void (ctx.body = `page ${ctx.originalUrl}`));
    const handle = app.callback();
    await expectHits(cache, (req, res) => void handle(req, res));
  });

  async function expectHits(cache: CacheHandle, listener: RequestListener): Promise<void> {
    const site = await serveSite(cache, new ManualClock(), temporaryDirectory(), listener);
    onTestFinished(() => site.close());
    for (const target of ["/blog", "/blog/", "/blog?a=1", "/blog/x?a=1"]) {
      expect((await site.visit(target)).text).toBe(`page ${target}`);
      expect((await site.visit(target)).isHit).toBe(true);
    }
  }
});
