/** Targets and fields that middleware before the cache puts in the place of those that came: what it made them from is
 * not to be seen in them. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { DiskCacheOptions } from "@diskcache/core";
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
import { written } from "../security/crafted.js";
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

/** Germans are given another target, which is then taken off by the mount of an application with the cache in it. */
const MOUNTED: readonly { readonly name: string; readonly make: Rewriting["make"] }[] = [
  ...[express5, express4].map((express, n) => ({
    name: `express ${5 - n}`,
    make: (dir: string, clock: ManualClock) => {
      const cache = forExpress({ dir, clock, ttl: "5m" });
      const inner = express.Router({ mergeParams: true });
      inner.use(cache);
      inner.use((req, res) => void res.send(`page ${req.baseUrl}${req.url} ${String(req.params["language"])}`));
      const app = express();
      app.use((req, _res, next) => {
        req.url = `/${String(req.headers["x-country"])}${req.url}`;
        next();
      });
      app.use("/:language", inner);
      return { cache, listener: app };
    },
  })),
  ...[Koa3, Koa2].map((Koa, n) => ({
    name: `koa ${3 - n}`,
    make: (dir: string, clock: ManualClock) => {
      const cache = forKoa({ dir, clock, ttl: "5m" });
      const app = new Koa();
      // What a rewriting middleware and koa-mount do together.
      app.use(async (ctx: Context, next: Next) => {
        const language = ctx.get("x-country");
        ctx.path = `/${language}${ctx.path}`;
        ctx.mountPath = `/${language}`;
        ctx.path = ctx.path.slice(language.length + 1);
        await next();
      });
      app.use(cache);
      app.use((ctx: Context) => void (ctx.body = `page ${String(ctx.mountPath)}${ctx.path} ${ctx.get("x-country")}`));
      const handle = app.callback();
      return { cache, listener: (req: IncomingMessage, res: ServerResponse) => void handle(req, res) };
    },
  })),
];

describe.each(MOUNTED)("$name: a target that was rewritten onto the path of a mount", (rewriting) => {
  it("has pages of its own under each", async () => {
    const site = await open(rewriting);
    for (const again of [false, true]) {
      const [german, english] = [await site.visit("/about", GERMAN), await site.visit("/about", ENGLISH)];
      expect([german.text, english.text]).toEqual(["page /de/about de", "page /en/about en"]);
      expect([german.isHit, english.isHit]).toEqual([again, again]);
    }
    await site.cache.purge("/about");
    expect((await site.visit("/about", GERMAN)).isHit).toBe(false);
  });
});

/* Fields that middleware before the cache sets, changes or removes: handlers read those, and clients sent others. */

interface Served {
  readonly change: (headers: IncomingMessage["headers"]) => void;
  readonly page: (headers: IncomingMessage["headers"]) => string;
  readonly fields?: Readonly<Record<string, string>>;
}

type Serve = (
  options: DiskCacheOptions,
  served: Served,
) => { readonly cache: CacheHandle; readonly listener: RequestListener };

const SERVERS: readonly { readonly name: string; readonly serve: Serve }[] = [
  ...[express5, express4].map((express, n) => ({
    name: `express ${5 - n}`,
    serve: (options: DiskCacheOptions, { change, page, fields = {} }: Served) => {
      const cache = forExpress(options);
      const app = express();
      app.use((req, _res, next) => {
        change(req.headers);
        next();
      });
      app.use(cache);
      app.use((req, res) => void res.set(fields).send(page(req.headers)));
      return { cache, listener: app };
    },
  })),
  ...[Koa3, Koa2].map((Koa, n) => ({
    name: `koa ${3 - n}`,
    serve: (options: DiskCacheOptions, { change, page, fields = {} }: Served) => {
      const cache = forKoa(options);
      const app = new Koa();
      app.use((ctx, next) => {
        change(ctx.headers);
        return next();
      });
      app.use(cache);
      app.use((ctx) => {
        ctx.set(fields);
        ctx.body = page(ctx.headers);
      });
      const handle = app.callback();
      return { cache, listener: (req: IncomingMessage, res: ServerResponse) => void handle(req, res) };
    },
  })),
  {
    name: "node:http",
    serve: (options, { change, page, fields = {} }) => {
      const cache = forHttp(options);
      const handler = cache((req, res) => void res.writeHead(200, fields).end(page(req.headers)));
      return {
        cache,
        listener: (req, res) => {
          change(req.headers);
          handler(req, res);
        },
      };
    },
  },
];

async function serving(serve: Serve, served: Served, options: Partial<DiskCacheOptions> = {}): Promise<Site> {
  const dir = temporaryDirectory();
  const clock = new ManualClock();
  const { cache, listener } = serve({ dir, clock, ttl: "5m", ...options }, served);
  const site = await serveSite(cache, clock, dir, listener);
  onTestFinished(() => site.close());
  return site;
}

const MOBILE = { headers: { "user-agent": "Mobile", "accept-language": "en" } };
const DESK = { headers: { "user-agent": "Desk", "accept-language": "en" } };

const CHANGES: readonly { readonly how: string; readonly field: string; readonly change: Served["change"] }[] = [
  {
    how: "set",
    field: "x-device",
    change: (headers) => void (headers["x-device"] = headers["user-agent"] === "Mobile" ? "small" : "large"),
  },
  {
    how: "changed",
    field: "accept-language",
    change: (headers) => {
      if (headers["user-agent"] === "Mobile") headers["accept-language"] = "de";
    },
  },
  {
    how: "removed",
    field: "accept-language",
    change: (headers) => {
      if (headers["user-agent"] === "Mobile") delete headers["accept-language"];
    },
  },
];

describe.each(SERVERS)("$name: a field that middleware before the cache has", ({ serve }) => {
  describe.each(CHANGES)("$how", ({ field, change }) => {
    const page = (headers: IncomingMessage["headers"]): string => `page ${String(headers[field])}`;

    it.each<{ by: string; fields: Record<string, string>; options: Partial<DiskCacheOptions> }>([
      { by: "the response's Vary", fields: { Vary: field }, options: {} },
      { by: "`vary`", fields: {}, options: { vary: [field] } },
      { by: "`key.headers`", fields: {}, options: { key: { headers: [field] } } },
    ])("selects pages by $by", async ({ fields, options }) => {
      const site = await serving(serve, { change, page, fields }, options);
      const [small, large] = [await site.visit("/", MOBILE), await site.visit("/", DESK)];
      expect(small.text).not.toBe(large.text);
      for (const [ask, first] of [
        [MOBILE, small],
        [DESK, large],
      ] as const) {
        const again = await site.visit("/", ask);
        expect([again.isHit, again.text]).toEqual([true, first.text]);
      }
    });

    it("selects the page that is refreshed behind a stale one", async () => {
      const options = { key: { headers: [field] }, staleWhileRevalidate: "1h" } as const;
      let turn = 0;
      const site = await serving(serve, { change, page: (headers) => `${page(headers)} ${++turn}` }, options);
      await site.visit("/", MOBILE);
      await written(site.cache);
      site.clock.advance(301);
      const stored = new Promise((resolve) => site.cache.on("stored", resolve));
      expect((await site.visit("/", MOBILE)).text).toMatch(/ 1$/);
      await stored;
      const next = await site.visit("/", MOBILE);
      expect([next.text.at(-1), next.cacheStatus]).toEqual(["2", "diskcache; hit; ttl=300"]);
    });
  });

  it.each(["authorization", "cookie", "x-api-key"])("set as %s makes the client one that is known", async (name) => {
    const change: Served["change"] = (headers) => {
      if (headers["user-agent"] === "Mobile") headers[name] = "session=1";
    };
    const page: Served["page"] = (headers) => (headers[name] === undefined ? "for all" : "for one");
    const site = await serving(serve, { change, page });
    for (let turn = 0; turn < 2; turn++) {
      expect((await site.visit("/", DESK)).text).toBe("for all");
      expect((await site.visit("/", MOBILE)).text).toBe("for one");
    }
  });

  it("left as it came costs no hit, in several lines neither", async () => {
    const site = await serving(
      serve,
      { change: (headers) => void headers["accept"], page: () => "page" },
      { vary: ["X-A"] },
    );
    const headers = { "x-a": ["1", "2"], "x-b": "3" } as never;
    await site.visit("/", { headers });
    expect((await site.visit("/", { headers })).isHit).toBe(true);
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
