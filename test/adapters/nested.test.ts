/** Two caches on one directory in the way of one request: what people write who do not know `cache.route`. They never
 * wait for each other, and keep the page once, under the policies of both. */
import { symlinkSync } from "node:fs";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { relative } from "node:path";
import type { DiskCacheOptions } from "@diskcache/core";
import * as forExpress from "@diskcache/express";
import * as forHttp from "@diskcache/http";
import type { CacheHandle } from "@diskcache/http";
import * as forKoa from "@diskcache/koa";
import express from "express";
import Koa from "koa";
import { describe, expect, it, onTestFinished } from "vitest";
import { entryFiles } from "../support/entry-files.js";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { serveSite } from "./site.js";
import type { Site } from "./site.js";

type Handler = (req: IncomingMessage, res: ServerResponse) => void;

interface Nesting {
  readonly name: string;
  /** Caches from outside inwards, by their options. */
  nest(options: readonly DiskCacheOptions[], handler: Handler): readonly [RequestListener, ...CacheHandle[]];
}

function expressNest(options: readonly DiskCacheOptions[], handler: Handler) {
  const app = express();
  const caches = options.map((each) => forExpress.diskCache(each));
  const [first, ...inner] = caches;
  app.use(first!);
  app.get(/.*/, ...inner, handler);
  return [app as RequestListener, ...caches] as const;
}

function koaNest(options: readonly DiskCacheOptions[], handler: Handler) {
  const app = new Koa();
  const caches = options.map((each) => forKoa.diskCache(each));
  for (const cache of caches) app.use(cache);
  app.use((ctx) => {
    let status = 200;
    const headers: [string, string][] = [];
    const res = {
      setHeader: (name: string, value: string) => headers.push([name, value]),
      set statusCode(given: number) {
        status = given;
      },
      end: (body: string) => (ctx.body = body),
    };
    handler(ctx.req, res as unknown as ServerResponse);
    ctx.status = status;
    for (const [name, value] of headers) ctx.set(name, value);
  });
  return [app.callback() as RequestListener, ...caches] as const;
}

function httpNest(options: readonly DiskCacheOptions[], handler: Handler) {
  const caches = options.map((each) => forHttp.diskCache(each));
  return [caches.reduceRight<RequestListener>((inner, cache) => cache(inner), handler), ...caches] as const;
}

function around(inside: typeof expressNest | typeof koaNest) {
  return ([first, ...rest]: readonly DiskCacheOptions[], handler: Handler) => {
    const outer = forHttp.diskCache(first as DiskCacheOptions<IncomingMessage>);
    const [listener, ...caches] = inside(rest, handler);
    return [outer(listener), outer, ...caches] as const;
  };
}

const NESTINGS: readonly Nesting[] = [
  { name: "express in express", nest: expressNest },
  { name: "koa in koa", nest: koaNest },
  { name: "node:http in node:http", nest: httpNest },
  { name: "express in node:http", nest: around(expressNest) },
  { name: "koa in node:http", nest: around(koaNest) },
];

class Nested {
  readonly site: Site;
  readonly caches: readonly CacheHandle[];
  readonly clock: ManualClock;
  renders = 0;

  constructor(site: Site, caches: readonly CacheHandle[], clock: ManualClock) {
    this.site = site;
    this.caches = caches;
    this.clock = clock;
  }
}

async function openNested(
  { nest }: Nesting,
  policies: readonly Partial<DiskCacheOptions>[],
  answer: Handler = (_req, res) => res.end("page"),
  dir = temporaryDirectory(),
): Promise<Nested> {
  const clock = new ManualClock();
  // A request that waited for another one's lock would wait for longer than a test may take.
  const options = policies.map((policy) => ({ dir, clock, flight: { timeout: "1h" }, ...policy }) as const);
  const counting: Handler = (req, res) => {
    nested.renders++;
    answer(req, res);
  };
  const [listener, outer, ...inner] = nest(options, counting);
  const site = await serveSite(outer!, clock, dir, listener);
  onTestFinished(async () => {
    for (const cache of inner) await cache.close();
  });
  const nested: Nested = new Nested(site, [outer!, ...inner], clock);
  return nested;
}

describe.each(NESTINGS)("$name, on one directory", (nesting) => {
  it.each([
    { given: "the outer one names no lifetime", policies: [{}, { ttl: 60 }], seconds: 60 },
    { given: "the outer one names a longer lifetime", policies: [{ ttl: 3600 }, { ttl: 60 }], seconds: 60 },
    { given: "the outer one names a shorter lifetime", policies: [{ ttl: 10 }, { ttl: 60 }], seconds: 60 },
    { given: "the inner one names no lifetime", policies: [{ ttl: 60 }, {}], seconds: 60 },
    { given: "there are three", policies: [{ ttl: 3600 }, { ttl: 60 }, {}], seconds: 60 },
  ])("do not wait for each other and keep a page once: $given", async ({ policies, seconds }) => {
    const { site, clock, caches } = await openNested(nesting, policies);
    const miss = await site.visit("/page");
    expect([miss.text, miss.lines("cache-status")]).toEqual(["page", ["diskcache; fwd=uri-miss; stored"]]);
    const hit = await site.visit("/page");
    expect([hit.text, hit.cacheStatus]).toEqual(["page", `diskcache; hit; ttl=${seconds}`]);
    const stored = await Promise.all(caches.map(async (cache) => (await cache.stats()).stored));
    expect(stored).toEqual([1, ...policies.slice(1).map(() => 0)]);
    clock.advance(seconds + 1);
    const again = await site.visit("/page");
    expect(again.lines("cache-status")).toEqual(["diskcache; fwd=uri-miss; stored"]);
    expect((await site.visit("/page")).isHit).toBe(true);
    for (const cache of caches) await cache.close();
    expect(entryFiles(site.dir)).toHaveLength(1);
  });

  it("render once in a process for many clients at a time", async () => {
    const dir = temporaryDirectory();
    const one = await openNested(nesting, [{ ttl: 3600 }, { ttl: 60 }], undefined, dir);
    const other = await openNested(nesting, [{ ttl: 3600 }, { ttl: 60 }], undefined, dir);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? one : other).site.visit("/page")),
    );
    expect(answers.map(({ text }) => text)).toEqual(Array.from({ length: 20 }, () => "page"));
    expect(Math.max(one.renders, other.renders)).toBe(1);
  });

  it("know the directory by whatever path", async () => {
    const dir = temporaryDirectory();
    const link = `${temporaryDirectory()}/link`;
    symlinkSync(dir, link);
    const { site } = await openNested(nesting, [
      { ttl: 3600, dir },
      { ttl: 600, dir: `${dir}/../${dir.split("/").at(-1)!}/` },
      { ttl: 60, dir: relative(process.cwd(), dir) },
    ]);
    expect((await site.visit("/page")).lines("cache-status")).toEqual(["diskcache; fwd=uri-miss; stored"]);
    expect((await site.visit("/page")).cacheStatus).toBe("diskcache; hit; ttl=60");
  });

  it("answer conditions once", async () => {
    const { site } = await openNested(nesting, [{ ttl: 3600 }, { ttl: 60 }], (req, res) => {
      res.setHeader("ETag", '"one"');
      res.setHeader("X-Asked", String(req.headers["if-none-match"]));
      res.end("page");
    });
    const headers = { "If-None-Match": '"one"' };
    const miss = await site.visit("/page", { headers });
    expect([miss.status, miss.header("x-asked")]).toEqual([304, "undefined"]);
    expect((await site.visit("/page")).text).toBe("page");
    expect((await site.visit("/page", { headers })).status).toBe(304);
  });

  it("ask the handler with the stored validators", async () => {
    const { site, clock } = await openNested(nesting, [{ ttl: 3600 }, { ttl: 60 }], (req, res) => {
      res.setHeader("ETag", '"one"');
      if (req.headers["if-none-match"] === '"one"') res.statusCode = 304;
      res.end(req.headers["if-none-match"] === undefined ? "page" : "");
    });
    await site.visit("/page");
    clock.advance(61);
    const validated = await site.visit("/page");
    expect([validated.text, validated.lines("cache-status")]).toEqual([
      "page",
      ["diskcache; fwd=stale; fwd-status=304; stored"],
    ]);
    expect((await site.visit("/page")).cacheStatus).toBe("diskcache; hit; ttl=60");
  });

  it("render a stale page anew behind it", async () => {
    const policies = [{ ttl: 3600 }, { ttl: 60, staleWhileRevalidate: 600 }];
    const { site, clock, caches } = await openNested(nesting, policies);
    await site.visit("/page");
    clock.advance(61);
    const stored = new Promise((resolve) => caches[0]!.on("stored", resolve));
    expect((await site.visit("/page")).cacheStatus).toBe("diskcache; hit; ttl=-1");
    await stored;
    while ((await caches[0]!.stats()).pendingWrites > 0) await new Promise(setImmediate);
    // What is stale in memory is looked up on the disk now and then.
    clock.advance(1);
    expect((await site.visit("/page")).cacheStatus).toBe("diskcache; hit; ttl=59");
  });

  it("leave what one of them may not keep to none", async () => {
    const { site } = await openNested(nesting, [{ ttl: 3600, shouldStore: () => false }, { ttl: 60 }]);
    expect((await site.visit("/page")).lines("cache-status")).toEqual(["diskcache; fwd=uri-miss; detail=should-store"]);
    expect((await site.visit("/page")).isHit).toBe(false);
  });

  it("go on without an inner one that is disabled", async () => {
    const { site } = await openNested(nesting, [{ ttl: 3600 }, { ttl: 60, enabled: false }]);
    expect((await site.visit("/page")).isStored).toBe(true);
    expect((await site.visit("/page")).cacheStatus).toBe("diskcache; hit; ttl=3600");
  });

  it("keep apart what lies in two directories", async () => {
    const { site } = await openNested(nesting, [{ ttl: 3600 }, { ttl: 60, dir: temporaryDirectory() }]);
    const miss = await site.visit("/page");
    expect(miss.cacheStatus).toBe("diskcache; fwd=uri-miss; stored, diskcache; fwd=uri-miss; stored");
  });
});
