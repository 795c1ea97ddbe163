/** Koa's onion: what stands outside the cache sees a hit as it sees a page of the handler, and what stands inside is
 * kept. */
import { createReadStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { diskCache } from "@diskcache/koa";
import type { DiskCacheOptions, KoaDiskCache } from "@diskcache/koa";
import compress from "koa-compress";
import session from "koa-session";
import onHeaders from "on-headers";
import Koa3 from "koa";
import type { Context } from "koa";
import Koa2 from "koa2";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { serveSite } from "./site.js";
import type { Site } from "./site.js";

const PAGE = "Lorem ipsum. ".repeat(500);
const FRAMEWORKS = [
  { framework: "koa 3", Koa: Koa3 },
  { framework: "koa 2", Koa: Koa2 },
];

const CHANGES: Readonly<Record<string, (ctx: Context) => void>> = {
  "sets one": (ctx) => ctx.set("X-Page", "own"),
  "adds to one": (ctx) => ctx.append("X-Page", "own"),
  "takes one away": (ctx) => ctx.remove("X-Page"),
  "copies one": (ctx) => ctx.set("X-Seen", ctx.response.get("X-Page")),
  "copies all": (ctx) => ctx.set("X-Seen", Object.keys(ctx.response.headers).includes("x-other") ? "yes" : "no"),
  "all away": (ctx) => ctx.res.getHeaderNames().forEach((name) => ctx.remove(name)),
  "sets one past Koa": ({ res }) => void res.setHeader("X-Page", "own"),
  "answers past Koa": (ctx) => {
    ctx.respond = false;
    ctx.res.writeHead(201, "Made", { "X-Page": "own", "Content-Length": "4" }).end("past");
  },
  "when the head leaves": ({ res }) =>
    onHeaders(res, () => void res.setHeader("X-Seen", String(res.getHeader("X-Page")))),
  "another status": (ctx) => void (ctx.status = 203),
  "no body": (ctx) => void (ctx.body = null),
  throws: (ctx) => ctx.throw(503, "later"),
};

describe.each(FRAMEWORKS)("$framework: middleware", ({ Koa }) => {
  /** An application whose middleware the test stacks around the cache. */
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

  it("outside sees status, fields and body of a hit after next()", async () => {
    const seen: unknown[] = [];
    const site = await open((app, cache) => {
      app.use(async (ctx, next) => {
        await next();
        seen.push([ctx.status, ctx.type, ctx.length, ctx.get("x"), ctx.response.get("x-page"), String(ctx.body)]);
        ctx.set("X-Time", String(seen.length));
      });
      app.use(cache);
      app.use((ctx) => {
        ctx.status = 203;
        ctx.set("X-Page", "1");
        ctx.body = "page";
      });
    });
    const miss = await site.visit("/");
    const hit = await site.visit("/");
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0]).toEqual([203, "text/plain", 4, "", "1", "page"]);
    // What it adds is each client's own, and never kept.
    expect([miss.header("x-time"), hit.header("x-time")]).toEqual(["1", "2"]);
  });

  it.each(Object.keys(CHANGES))("outside has its way with hits after next(): %s", async (way) => {
    let changing = false;
    const stack = (app: Koa3, cache?: KoaDiskCache): void => {
      app.use(async (ctx, next) => {
        await next();
        // In a turn of its own, when the cache may have answered others meanwhile.
        await new Promise((resolve) => setImmediate(resolve));
        if (changing) CHANGES[way]!(ctx);
      });
      if (cache !== undefined) app.use(cache);
      app.use((ctx) => {
        ctx.set({ "X-Page": "1", "X-Other": "2" });
        ctx.body = "page";
      });
    };
    const cached = await open(stack);
    await cached.visit("/");
    expect((await cached.visit("/")).isHit).toBe(true);
    const bare = await open((app) => stack(app));
    changing = true;
    const [expected, hit] = [await bare.visit("/"), await cached.visit("/")];
    for (const name of ["x-page", "x-other", "x-seen", "content-type", "content-length"])
      expect([name, hit.lines(name)]).toEqual([name, expected.lines(name)]);
    expect([hit.status, hit.statusText, hit.text]).toEqual([expected.status, expected.statusText, expected.text]);
  });

  it("inside takes away what outside has set, from hits as well", async () => {
    const site = await open((app, cache) => {
      app.use((ctx, next) => {
        ctx.set({ "X-Kept": "1", "X-Taken": "1" });
        return next();
      });
      app.use(cache);
      app.use((ctx) => {
        ctx.remove("X-Taken");
        ctx.body = "page";
      });
    });
    for (const isHit of [false, true]) {
      const answer = await site.visit("/");
      expect([answer.isHit, answer.header("x-kept"), answer.header("x-taken")]).toEqual([isHit, "1", undefined]);
    }
  });

  it("outside may replace what the cache played", async () => {
    const site = await open((app, cache) => {
      app.use(async (ctx, next) => {
        await next();
        if (ctx.get("x-upper") !== "") ctx.body = String(ctx.body).toUpperCase();
      });
      app.use(cache);
      app.use((ctx) => void (ctx.body = "page"));
    });
    const texts = [];
    for (const headers of [{ "x-upper": "1" }, {}, { "x-upper": "1" }])
      texts.push((await site.visit("/", { headers: headers as Record<string, string> })).text);
    expect(texts).toEqual(["PAGE", "page", "PAGE"]);
  });

  it("that compresses outside gives everybody what he accepts", async () => {
    const site = await open((app, cache) => {
      app.use(compress({ threshold: 0, br: false }));
      app.use(cache);
      app.use((ctx) => {
        ctx.type = "text/plain";
        ctx.body = PAGE;
      });
    });
    for (const _ of ["miss", "hit"]) {
      const zipped = await site.visit("/", { headers: { "accept-encoding": "gzip" } });
      expect([zipped.header("content-encoding"), gunzipSync(zipped.body).toString()]).toEqual(["gzip", PAGE]);
      const plain = await site.visit("/");
      expect([plain.header("content-encoding"), plain.text]).toEqual([undefined, PAGE]);
    }
  });

  it("that compresses outside leaves alone what is kept compressed, and goes on with the rest", async () => {
    const site = await open(
      (app, cache) => {
        app.use(compress({ threshold: 0 }));
        app.use(cache);
        app.use((ctx) => {
          ctx.type = "text/plain";
          ctx.body = PAGE;
        });
      },
      { compress: ["br"] },
    );
    const made = new Promise((resolve) => site.cache.on("compressed", resolve));
    const br = { headers: { "accept-encoding": "br" } };
    const answers = [await site.visit("/", br), await site.visit("/", br)];
    await made;
    answers.push(await site.visit("/", br));
    for (const answer of answers) {
      expect([answer.header("content-encoding"), answer.header("vary")]).toEqual(["br", "Accept-Encoding"]);
      expect(brotliDecompressSync(answer.body).toString()).toBe(PAGE);
    }
    const zipped = await site.visit("/", { headers: { "accept-encoding": "gzip" } });
    expect([zipped.header("content-encoding"), gunzipSync(zipped.body).toString()]).toEqual(["gzip", PAGE]);
    expect(await site.cache.stats()).toMatchObject({ compressed: 1, codedHits: 1 });
  });

  it("that compresses inside has its bytes kept once for each encoding", async () => {
    let renders = 0;
    const site = await open((app, cache) => {
      app.use(cache);
      app.use(compress({ threshold: 0, br: false }));
      app.use((ctx) => {
        renders++;
        ctx.type = "text/plain";
        ctx.body = PAGE;
      });
    });
    for (const _ of ["miss", "hit"]) {
      const zipped = await site.visit("/", { headers: { "accept-encoding": "gzip" } });
      expect([zipped.header("content-encoding"), gunzipSync(zipped.body).toString()]).toEqual(["gzip", PAGE]);
      expect((await site.visit("/", { headers: { "accept-encoding": "identity" } })).text).toBe(PAGE);
    }
    expect(renders).toBe(2);
  });

  it("that sets a session cookie after next() keeps the page of its client out of the cache", async () => {
    const site = await open((app, cache) => {
      app.keys = ["a key"];
      app.use(session({ signed: false }, app));
      app.use(async (ctx, next) => {
        await next();
        // The session is made when the page is there already.
        ctx.session!["seen"] = true;
      });
      app.use(cache);
      app.use((ctx) => void (ctx.body = "page"));
    });
    for (const _ of [1, 2]) {
      const answer = await site.visit("/");
      expect([answer.lines("set-cookie").length, answer.isHit]).toEqual([1, false]);
    }
    expect((await site.cache.stats()).stored).toBe(0);
  });

  it("inside that sets a session cookie keeps the page out of the cache", async () => {
    const site = await open((app, cache) => {
      app.keys = ["a key"];
      app.use(cache);
      app.use(session({ signed: false }, app));
      app.use((ctx) => {
        ctx.session!["user"] = "ann";
        ctx.body = "for ann";
      });
    });
    for (const _ of [1, 2])
      expect(await site.visit("/")).toMatchObject({
        isHit: false,
        cacheStatus: "diskcache; fwd=uri-miss; detail=set-cookie",
      });
  });

  it.each([
    { given: "null", body: null, status: 204, text: "" },
    { given: "an empty string", body: "", status: 200, text: "" },
    { given: "a string", body: "<p>html</p>", status: 200, text: "<p>html</p>" },
    { given: "JSON", body: [1, { a: 2 }], status: 200, text: '[1,{"a":2}]' },
    { given: "bytes", body: Buffer.from("bytes"), status: 200, text: "bytes" },
  ])("nowhere: a handler's body of $given is kept as Koa sends it", async ({ body, status, text }) => {
    const bare = await open((app) => app.use((ctx) => void (ctx.body = body)));
    const site = await open((app, cache) => app.use(cache).use((ctx) => void (ctx.body = body)));
    const expected = await bare.visit("/");
    for (const kind of ["miss", "hit"]) {
      const answer = await site.visit("/");
      expect([answer.status, answer.text, answer.isHit]).toEqual([status, text, kind === "hit"]);
      expect([answer.statusText, answer.header("content-type")]).toEqual([
        expected.statusText,
        expected.header("content-type"),
      ]);
    }
  });

  it("nowhere, and no handler: the 404 is Koa's own", async () => {
    const site = await open((app, cache) => app.use(cache));
    const answer = await site.visit("/");
    expect([answer.status, answer.text, answer.isStored]).toEqual([404, "Not Found", false]);
  });

  it("and streams of every kind", async () => {
    const file = join(temporaryDirectory(), "file");
    writeFileSync(file, PAGE);
    const bodies: Record<string, () => unknown> = {
      "/file": () => createReadStream(file),
      "/readable": () => Readable.from([PAGE.slice(0, 100), PAGE.slice(100)]),
      "/web": () => new Blob([PAGE]).stream(),
      "/blob": () => new Blob([PAGE]),
    };
    const site = await open((app, cache) =>
      app.use(cache).use((ctx) => {
        ctx.type = "text/plain";
        ctx.body = bodies[ctx.path]!() as Readable;
      }),
    );
    // Koa 2 knows no streams of the web.
    for (const target of Koa === Koa3 ? Object.keys(bodies) : ["/file", "/readable"]) {
      const miss = await site.visit(target);
      const hit = await site.visit(target);
      expect([target, miss.text === PAGE, hit.text === PAGE, hit.isHit, hit.header("content-type")]).toEqual([
        target,
        true,
        true,
        true,
        "text/plain; charset=utf-8",
      ]);
    }
  });

  it("that answers past Koa gets its way, and nothing is kept", async () => {
    const site = await open((app, cache) =>
      app.use(cache).use((ctx) => {
        ctx.respond = false;
        ctx.res.end("past");
      }),
    );
    for (const _ of [1, 2]) expect(await site.visit("/")).toMatchObject({ text: "past", isHit: false });
  });

  it("that throws with a status has Koa's own answer, and nothing is kept", async () => {
    const site = await open((app, cache) => app.use(cache).use((ctx) => ctx.throw(418, "teapot")));
    for (const _ of [1, 2]) expect(await site.visit("/")).toMatchObject({ status: 418, text: "teapot" });
    expect((await site.cache.stats()).stored).toBe(0);
  });

  it("twice on the way is one cache", async () => {
    const site = await open((app, cache) =>
      app
        .use(cache)
        .use(cache)
        .use((ctx) => void (ctx.body = "page")),
    );
    const miss = await site.visit("/");
    expect(miss.cacheStatus).toBe("diskcache; fwd=uri-miss; stored");
    expect((await site.visit("/")).isHit).toBe(true);
  });
});
