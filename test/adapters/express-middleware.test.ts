/** Express's middleware around the cache and inside it: what others do to the response is neither lost nor kept for the
 * wrong client. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { diskCache } from "@diskcache/express";
import type { DiskCacheOptions, ExpressDiskCache } from "@diskcache/express";
import compression from "compression";
import express5 from "express";
import type { ErrorRequestHandler, Express, Request, Response } from "express";
import express4 from "express4";
import session from "express-session";
import onHeaders from "on-headers";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { serveSite } from "./site.js";
import type { Site } from "./site.js";

const PAGE = "Lorem ipsum. ".repeat(500);
const FRAMEWORKS = [
  { framework: "express 5", express: express5 },
  { framework: "express 4", express: express4 },
];

describe.each(FRAMEWORKS)("$framework: beside other middleware", ({ express }) => {
  /** An application that the test puts together around the cache. */
  async function open(
    build: (app: Express, cache: ExpressDiskCache) => void,
    options: Partial<DiskCacheOptions<Request>> = {},
  ): Promise<Site> {
    const clock = new ManualClock();
    const dir = temporaryDirectory();
    const cache = diskCache({ dir, ttl: "5m", clock, ...options });
    const app = express();
    app.set("env", "test");
    build(app, cache);
    return serveSite(cache, clock, dir, app);
  }

  it.each([
    { where: "before the cache", before: true, stored: 1 },
    { where: "after the cache", before: false, stored: 2 },
  ])("compression $where gives everybody what he accepts, miss or hit", async ({ before, stored }) => {
    const site = await open((app, cache) => {
      app.use(...(before ? [compression({ threshold: 0 }), cache] : [cache, compression({ threshold: 0 })]));
      app.get("/", (_req, res) => void res.type("text/plain").send(PAGE));
    });
    for (const _ of ["miss", "hit", "hit"]) {
      const zipped = await site.visit("/", { headers: { "accept-encoding": "gzip" } });
      expect([zipped.header("content-encoding"), gunzipSync(zipped.body).toString()]).toEqual(["gzip", PAGE]);
      const plain = await site.visit("/", { headers: { "accept-encoding": "identity" } });
      expect([plain.header("content-encoding"), plain.text]).toEqual([undefined, PAGE]);
    }
    expect((await site.cache.stats()).stored).toBe(stored);
  });

  it("compression before the cache leaves alone what is kept compressed, and goes on with the rest", async () => {
    const site = await open(
      (app, cache) => {
        app.use(compression({ threshold: 0 }), cache);
        app.get("/", (_req, res) => void res.type("text/plain").send(PAGE));
      },
      { compress: ["br"] },
    );
    const made = new Promise((resolve) => site.cache.on("compressed", resolve));
    const br = { headers: { "accept-encoding": "br" } };
    const onTheFly = [await site.visit("/", br), await site.visit("/", br)];
    await made;
    const kept = await site.visit("/", br);
    for (const answer of [...onTheFly, kept]) {
      expect([answer.header("content-encoding"), answer.header("vary")]).toEqual(["br", "Accept-Encoding"]);
      expect(brotliDecompressSync(answer.body).toString()).toBe(PAGE);
    }
    expect(kept.header("content-length")).toBe(String(kept.body.length));
    const zipped = await site.visit("/", { headers: { "accept-encoding": "gzip" } });
    expect([zipped.header("content-encoding"), gunzipSync(zipped.body).toString()]).toEqual(["gzip", PAGE]);
    expect(await site.cache.stats()).toMatchObject({ compressed: 1, codedHits: 1 });
  });

  it("compression after the cache chooses by itself, and nothing is compressed twice", async () => {
    const site = await open(
      (app, cache) => {
        app.use(cache, compression({ threshold: 0 }));
        app.get("/", (_req, res) => void res.type("text/plain").send(PAGE));
      },
      { compress: true },
    );
    for (const _ of ["miss", "hit", "hit"]) {
      const zipped = await site.visit("/", { headers: { "accept-encoding": "gzip" } });
      expect([zipped.header("content-encoding"), gunzipSync(zipped.body).toString()]).toEqual(["gzip", PAGE]);
      expect((await site.visit("/")).text).toBe(PAGE);
    }
    expect(await site.cache.stats()).toMatchObject({ stored: 2, codedHits: 0 });
  });

  it("a Vary set outside does not hide from hits that a page is sent in several forms", async () => {
    const site = await open(
      (app, cache) => {
        app.use((_req, res, next) => {
          res.vary("Origin");
          next();
        });
        app.use(cache);
        app.get("/", (_req, res) => void res.type("text/plain").send(PAGE));
      },
      { compress: true },
    );
    const made = new Promise((resolve) => site.cache.on("compressed", resolve));
    const br = { headers: { "accept-encoding": "br" } };
    const answers = [await site.visit("/", br), await site.visit("/", br)];
    await made;
    answers.push(await site.visit("/", br));
    expect(answers.map((answer) => answer.header("vary"))).toEqual(Array(3).fill("Origin, Accept-Encoding"));
    expect(answers.at(-1)!.header("content-encoding")).toBe("br");
  });

  it("compression before the cache zips a long page out of the cache as well", async () => {
    const long = PAGE.repeat(100);
    const site = await open((app, cache) => {
      app.use(compression({ threshold: 0 }), cache);
      app.get("/", (_req, res) => {
        res.type("text/plain");
        for (let at = 0; at < long.length; at += 50_000) res.write(long.slice(at, at + 50_000));
        res.end();
      });
    });
    for (const _ of ["miss", "hit"]) {
      const zipped = await site.visit("/", { headers: { "accept-encoding": "gzip" } });
      expect(gunzipSync(zipped.body).toString() === long).toBe(true);
    }
    const plain = await site.visit("/");
    expect([plain.isHit, plain.text === long]).toEqual([true, true]);
  });

  it("a session outside the cache keeps its client's page to it", async () => {
    let clients = 0;
    const site = await open((app, cache) => {
      app.use(session({ secret: "s", resave: false, saveUninitialized: true, store: new session.MemoryStore() }));
      app.use(cache);
      app.get("/", (_req, res) => void res.send(`client ${++clients}`));
    });
    for (const n of [1, 2]) {
      const answer = await site.visit("/");
      expect([answer.text, answer.isHit, answer.lines("set-cookie").length]).toEqual([`client ${n}`, false, 1]);
    }
    expect((await site.cache.stats()).stored).toBe(0);
  });

  it.each([
    { what: "a cookie", add: (res: Response) => res.setHeader("Set-Cookie", "id=1") },
    { what: "private", add: (res: Response) => res.setHeader("Cache-Control", "private") },
    { what: "no-store", add: (res: Response) => res.setHeader("Cache-Control", "no-store") },
  ])("$what set at the last moment, outside the cache, keeps the page out of it", async ({ add }) => {
    let renders = 0;
    const site = await open((app, cache) => {
      app.use((_req, res, next) => {
        onHeaders(res, function () {
          add(res);
        });
        next();
      });
      app.use(cache);
      app.get("/", (_req, res) => void res.send(`render ${++renders}`));
      app.get("/stream", (_req, res) => {
        res.write(`render ${++renders}`);
        res.end();
      });
    });
    for (const target of ["/", "/", "/stream", "/stream"]) {
      await site.visit(target);
    }
    expect(renders).toBe(4);
    expect((await site.cache.stats()).entries).toBe(0);
  });

  it("fields set outside are each client's own, and those of the handler are kept", async () => {
    let requests = 0;
    const site = await open((app, cache) => {
      app.use((_req, res, next) => {
        res.set({ "X-Request": String(++requests), "X-Both": "outside" });
        next();
      });
      app.use(cache);
      app.get("/", (_req, res) => void res.set({ "X-Both": "handler" }).send("x"));
    });
    const miss = await site.visit("/");
    const hit = await site.visit("/");
    expect([miss.header("x-request"), hit.header("x-request")]).toEqual(["1", "2"]);
    expect([miss.header("x-both"), hit.header("x-both")]).toEqual(["handler", "handler"]);
  });

  it("fields set outside that a handler takes away are taken away from hits", async () => {
    const site = await open((app, cache) => {
      app.use((_req, res, next) => {
        res.set({ "X-Kept": "1", "X-Taken": "1" });
        next();
      });
      app.use(cache);
      app.get("/", (_req, res) => {
        res.removeHeader("X-Taken");
        res.send("x");
      });
    });
    for (const isHit of [false, true]) {
      const answer = await site.visit("/");
      expect([answer.isHit, answer.header("x-kept"), answer.header("x-taken")]).toEqual([isHit, "1", undefined]);
    }
  });

  it("routers cut the path, and pages keep their whole address", async () => {
    const site = await open((app, cache) => {
      const inner = express.Router();
      inner.get("/page", (req, res) => void res.send(`${req.baseUrl} ${req.url}`));
      app.use("/a", cache, inner);
      app.use("/b", cache, inner);
    });
    const texts = [];
    for (const target of ["/a/page", "/b/page", "/a/page", "/b/page"]) texts.push((await site.visit(target)).text);
    expect(texts).toEqual(["/a /page", "/b /page", "/a /page", "/b /page"]);
    await site.cache.purge("/a/page");
    expect([(await site.visit("/a/page")).isHit, (await site.visit("/b/page")).isHit]).toEqual([false, true]);
  });

  it("a route's function sees the parameters of the route", async () => {
    const site = await open((app, cache) => {
      app.use(cache);
      app.get(
        "/reports/:id",
        cache.route({ ttl: "1h", tags: (req) => [`report:${String(req.params["id"])}`] }),
        (_req, res) => void res.send("x"),
      );
    });
    for (const target of ["/reports/7", "/reports/8"]) await site.visit(target);
    await site.cache.purgeTag("report:7");
    expect([(await site.visit("/reports/7")).isHit, (await site.visit("/reports/8")).isHit]).toEqual([false, true]);
  });

  it.each([
    {
      way: "sendFile",
      answer: (res: Response, file: string) => res.sendFile(file, { dotfiles: "allow", maxAge: "1m" }),
      status: 200,
      text: PAGE,
    },
    {
      way: "download",
      answer: (res: Response, file: string) => res.download(file, "page.txt", { dotfiles: "allow", maxAge: "1m" }),
      status: 200,
      text: PAGE,
    },
    { way: "redirect", answer: (res: Response) => res.redirect(301, "/elsewhere"), status: 301, text: undefined },
    { way: "json", answer: (res: Response) => res.json({ a: 1 }), status: 200, text: '{"a":1}' },
    {
      way: "sendStatus",
      answer: (res: Response) => res.sendStatus(203),
      status: 203,
      text: "Non-Authoritative Information",
    },
    { way: "jsonp", answer: (res: Response) => res.jsonp({ a: 1 }), status: 200, text: '{"a":1}' },
    {
      way: "links and append",
      answer: (res: Response) => res.links({ next: "/2" }).append("X-A", "1").append("X-A", "2").send("l"),
      status: 200,
      text: "l",
    },
  ])("$way gives the next client what it gave the first", async ({ answer, status, text }) => {
    const file = join(temporaryDirectory(), "page.txt");
    writeFileSync(file, PAGE);
    const site = await open((app, cache) => app.use(cache).get("/", (_req, res) => answer(res, file)));
    const miss = await site.visit("/");
    const hit = await site.visit("/");
    expect([miss.status, hit.status, hit.isHit]).toEqual([status, status, true]);
    if (text !== undefined) expect(miss.text).toBe(text);
    expect(hit.text).toBe(miss.text);
    for (const name of [
      "content-type",
      "location",
      "etag",
      "last-modified",
      "content-disposition",
      "link",
      "x-a",
      "cache-control",
    ]) {
      expect([name, hit.header(name)]).toEqual([name, miss.header(name)]);
    }
  });

  it("sendFile asked for a range first keeps the whole file", async () => {
    const file = join(temporaryDirectory(), "page.txt");
    writeFileSync(file, PAGE);
    const site = await open((app, cache) =>
      app.use(cache).get("/", (_req, res) => res.sendFile(file, { dotfiles: "allow", maxAge: "1m" })),
    );
    const part = await site.visit("/", { headers: { range: "bytes=0-4" } });
    expect([part.status, part.text]).toEqual([206, "Lorem"]);
    const whole = await site.visit("/");
    expect([whole.status, whole.text, whole.isHit]).toEqual([200, PAGE, true]);
  });

  it("two caches on one route are two caches", async () => {
    let renders = 0;
    const clock = new ManualClock();
    const other = diskCache({ dir: temporaryDirectory(), ttl: 10, clock });
    const site = await open((app, cache) =>
      app.use(cache, other).get("/", (_req, res) => void res.send(`render ${++renders}`)),
    );
    const miss = await site.visit("/");
    expect(miss.cacheStatus).toBe("diskcache; fwd=uri-miss; stored, diskcache; fwd=uri-miss; stored");
    expect((await site.visit("/")).text).toBe("render 1");
    await site.cache.clear();
    expect(await site.visit("/")).toMatchObject({ text: "render 1" });
    await Promise.all([site.cache.clear(), other.clear()]);
    expect((await site.visit("/")).text).toBe("render 2");
    await other.close();
  });

  it.each([
    { where: "before the cache", before: true, isHit: true },
    { where: "after the cache", before: false, isHit: false },
  ])("compression $where and holes give everybody his own page", async ({ before, isHit }) => {
    const site = await open((app, cache) => {
      const user = cache.hole("user", (req) => String(req.get("x-user")));
      if (before) app.use(compression({ threshold: 0 }));
      app.use(cache);
      if (!before) app.use(compression({ threshold: 0 }));
      app.get("/", (req, res) => void res.type("html").send(`${user(req)} ${PAGE}`));
    });
    for (const name of ["Ann", "Bob", "Cid"]) {
      const answer = await site.visit("/", { headers: { "accept-encoding": "gzip", "x-user": name } });
      const text = answer.header("content-encoding") === "gzip" ? gunzipSync(answer.body).toString() : answer.text;
      expect([text === `${name} ${PAGE}`, answer.isHit]).toEqual([true, isHit && name !== "Ann"]);
    }
  });

  it("a session's own token fills a hole of a page that all sessions share", async () => {
    const site = await open(
      (app, cache) => {
        const csrf = cache.hole("csrf", (req) => ((req.session as { token?: string }).token ??= req.sessionID));
        app.use(session({ secret: "s", resave: false, saveUninitialized: false }));
        app.use(cache);
        app.get("/", (req, res) => void res.type("html").send(`<b>${csrf(req)}</b>`));
      },
      { cookies: { ignore: ["connect.sid"] } },
    );
    const cookieOf = (answer: { lines(name: string): string[] }) => answer.lines("set-cookie")[0]!.split(";")[0]!;
    const [ann, bob] = [await site.visit("/"), await site.visit("/")];
    expect([ann.isHit, bob.isHit, ann.text === bob.text]).toEqual([false, false, false]);
    const again = await site.visit("/", { headers: { cookie: cookieOf(ann) } });
    expect([again.text, again.isStored]).toEqual([ann.text, true]);
    const hit = await site.visit("/", { headers: { cookie: cookieOf(bob) } });
    expect([hit.text, hit.isHit]).toEqual([bob.text, true]);
    const stranger = await site.visit("/");
    expect([stranger.isHit, stranger.lines("set-cookie").length, stranger.text === ann.text]).toEqual([true, 1, false]);
  });

  it("what is said about a response before its route is known still holds under the route's own key", async () => {
    let renders = 0;
    const site = await open((app, cache) => {
      app.use(cache);
      app.use((req, _res, next) => {
        req.diskCache.tag("early").vary("x-early");
        next();
      });
      app.get("/", cache.route({ partition: () => "one" }), (_req, res) => void res.send(`render ${++renders}`));
    });
    expect([(await site.visit("/")).header("vary"), (await site.visit("/")).text]).toEqual(["x-early", "render 1"]);
    await site.cache.purgeTag("early");
    expect((await site.visit("/")).text).toBe("render 2");
  });

  it("an error handler's page is the client's, and is not kept", async () => {
    const site = await open((app, cache) => {
      app.use(cache);
      app.get("/", (_req, _res, next) => next(new Error("broken")));
      app.use(((_error, _req, res, _next) => void res.status(500).send("sorry")) as ErrorRequestHandler);
    });
    for (const _ of [1, 2]) expect(await site.visit("/")).toMatchObject({ status: 500, text: "sorry", isHit: false });
  });
});
