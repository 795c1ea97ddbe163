/** What writes to `ctx.res` past Koa (`ctx.respond = false`, koa-connect, an Express application inside) is answered
 * and kept like anything else, conditions and ranges included. */
import { writeFileSync } from "node:fs";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { diskCache } from "@diskcache/koa";
import type { DiskCacheOptions, KoaDiskCache } from "@diskcache/koa";
import compression from "compression";
import express from "express";
import Koa3 from "koa";
import type { Context } from "koa";
import Koa2 from "koa2";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import type { Answer } from "../support/visit.js";
import { serveSite } from "./site.js";
import type { Site } from "./site.js";

const KOA = [
  { framework: "koa 3", Koa: Koa3 },
  { framework: "koa 2", Koa: Koa2 },
];

const ETAG = '"v1"';
const PAGE = "0123456789";

/** As handlers of node:http do it who know nothing of Koa. */
function plainHandler(req: IncomingMessage, res: ServerResponse): void {
  const { "if-none-match": condition, range } = req.headers;
  res.setHeader("ETag", ETAG);
  if (condition === ETAG) return void res.writeHead(304).end();
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
  if (first === undefined || last === undefined) return void res.writeHead(200).end(PAGE);
  const part = PAGE.slice(Number(first), Number(last) + 1);
  return void res.writeHead(206, { "Content-Range": `bytes ${first}-${last}/${PAGE.length}` }).end(part);
}

function mountedExpress(): RequestListener {
  const file = join(temporaryDirectory(), "page.txt");
  writeFileSync(file, PAGE);
  const app = express();
  app.get("/", (_req, res) => res.set("ETag", ETAG).sendFile(file, { maxAge: "1m" }));
  return app as RequestListener;
}

/** npm's koa-connect, word for word: what answers never comes back. */
const connected =
  (handler: (req: IncomingMessage, res: ServerResponse, next: (error?: Error) => void) => void) =>
  (ctx: Context, next: Koa3.Next): Promise<unknown> =>
    new Promise((resolve, reject) => {
      handler(ctx.req, ctx.res, (error) => (error ? reject(error) : resolve(next())));
    });

const WAYS: Readonly<Record<string, () => Koa3.Middleware>> = {
  "ctx.respond = false": () => async (ctx) => {
    ctx.respond = false;
    plainHandler(ctx.req, ctx.res);
  },
  "ctx.respond = false, and later": () => async (ctx) => {
    const { req, res } = ctx;
    await new Promise(setImmediate);
    ctx.respond = false;
    await new Promise(setImmediate);
    plainHandler(req, res);
  },
  "ctx.res": () => (ctx) => plainHandler(ctx.req, ctx.res),
  "koa-connect": () => connected(plainHandler),
  "Express inside": () => {
    const app = mountedExpress();
    return (ctx) => {
      // Koa begins with 404.
      ctx.status = 200;
      ctx.respond = false;
      app(ctx.req, ctx.res);
    };
  },
  "Express by koa-connect": () => {
    const app = mountedExpress();
    return connected((req, res) => {
      res.statusCode = 200;
      app(req, res);
    });
  },
};

const ASKED = [
  { asked: "plainly", headers: {} },
  { asked: "with its tag", headers: { "If-None-Match": ETAG } },
  { asked: "with another tag", headers: { "If-None-Match": '"v0"' } },
  { asked: "for a part", headers: { Range: "bytes=2-3" } },
  { asked: "for a part of its version", headers: { Range: "bytes=2-3", "If-Range": ETAG } },
];

const ADDED = new Set([
  "cache-status",
  "date",
  "connection",
  "keep-alive",
  "last-modified",
  "age",
  "accept-ranges",
  "transfer-encoding",
  "content-length",
]);
const tell = ({ status, fields, text }: Answer): unknown => [
  status,
  fields
    .filter(([name]) => !ADDED.has(name.toLowerCase()))
    .map(([name, value]) => `${name}: ${value}`)
    .sort(),
  text,
];

describe.each(KOA)("$framework", ({ Koa }) => {
  async function open(
    stack: (app: Koa3, cache: KoaDiskCache) => void,
    options: Partial<DiskCacheOptions<Context>> = {},
  ): Promise<Site> {
    const clock = new ManualClock();
    const dir = temporaryDirectory();
    const cache = diskCache({ dir, ttl: "5m", clock, ...options });
    const app = new Koa();
    app.silent = true;
    stack(app, cache);
    const listener = app.callback();
    return serveSite(cache, clock, dir, (req, res) => void listener(req, res));
  }

  it.each(Object.keys(WAYS))(
    "an answer by %s is kept, and conditions and ranges are heeded, miss and hit",
    async (way) => {
      const answer = WAYS[way]!();
      const bare = await open((app) => app.use(answer));
      const site = await open((app, cache) => app.use(cache).use(answer));
      const routed = await open((app, cache) => app.use(cache).use(cache.route("1m")).use(answer));
      // Whoever asks next is never kept waiting, so every row is asked twice.
      for (const { headers } of [...ASKED, ...ASKED]) {
        const expected = tell(await bare.visit("/", { headers }));
        expect(tell(await site.visit("/", { headers }))).toEqual(expected);
        expect(tell(await routed.visit("/", { headers }))).toEqual(expected);
      }
      expect((await site.visit("/")).isHit).toBe(true);
      expect((await site.cache.stats()).stored).toBe(1);
    },
  );

  it("middleware inside that is going to encode what Koa sends has nothing kept, and every answer decodes", async () => {
    const compress = compression({ threshold: 0 }) as never;
    const site = await open((app, cache) =>
      app
        .use(cache)
        .use(connected(compress))
        .use((ctx) => (ctx.body = PAGE)),
    );
    for (const _ of ["first", "second"]) {
      const answer = await site.visit("/", { headers: { "Accept-Encoding": "gzip" } });
      expect([gunzipSync(answer.body).toString(), answer.cacheStatus]).toEqual([
        PAGE,
        "diskcache; fwd=uri-miss; detail=late-coding",
      ]);
    }
  });

  it("who takes respond = false back has the cache answer conditions and ranges", async () => {
    const seen: unknown[] = [];
    const site = await open((app, cache) =>
      app.use(cache).use((ctx) => {
        const { headers } = ctx.req;
        for (const respond of [undefined, false, true]) {
          if (respond !== undefined) ctx.respond = respond;
          seen.push(headers.range);
        }
        ctx.set("ETag", ETAG);
        ctx.body = PAGE;
      }),
    );
    for (const isHit of [false, true]) {
      const part = await site.visit("/", { headers: { Range: "bytes=2-3" } });
      expect([part.status, part.text, part.isHit]).toEqual([206, "23", isHit]);
    }
    expect(seen).toEqual([undefined, undefined, undefined]);
  });

  it("middleware outside finds the client's own after next(), on misses as on hits, and what it has changed stays", async () => {
    const seen: unknown[] = [];
    const site = await open((app, cache) =>
      app
        .use(async (ctx, next) => {
          await next();
          seen.push([ctx.get("If-None-Match"), ctx.get("Range")]);
        })
        .use(cache)
        .use((ctx) => {
          if (ctx.path === "/own") ctx.req.headers["if-none-match"] = '"own"';
          ctx.body = PAGE;
        }),
    );
    for (const target of ["/", "/", "/own"])
      await site.visit(target, { headers: { "If-None-Match": '"v0"', Range: "bytes=2-3" } });
    expect(seen).toEqual([
      ['"v0"', "bytes=2-3"],
      ['"v0"', "bytes=2-3"],
      ['"own"', "bytes=2-3"],
    ]);
  });

  it("a handler's own answer to the stored validators is the cache's, whatever the client asked", async () => {
    const conditions: unknown[] = [];
    const site = await open((app, cache) =>
      app.use(cache).use((ctx) => {
        conditions.push(ctx.req.headers["if-none-match"]);
        // Taking it says nothing where a page is stored.
        ctx.res.setHeader("ETag", ETAG);
        ctx.set("Cache-Control", "max-age=60");
        if (ctx.req.headers["if-none-match"] === ETAG) ctx.status = 304;
        else ctx.body = PAGE;
      }),
    );
    await site.visit("/");
    site.clock.advance(61);
    const answer = await site.visit("/", { headers: { "If-None-Match": '"v0"' } });
    expect([answer.status, answer.text, conditions]).toEqual([200, PAGE, [undefined, ETAG]]);
    expect(answer.cacheStatus).toBe("diskcache; fwd=stale; fwd-status=304; stored");
  });
});
