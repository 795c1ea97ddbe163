/** Servers that answer hits before the framework runs, or without its tax: nobody can tell, except by the clock. */
import { createServer as createHttpServer } from "node:http";
import type { RequestListener } from "node:http";
import { createServer, diskCache } from "@diskcache/express";
import express5 from "express";
import express4 from "express4";
import { describe, expect, it, onTestFinished } from "vitest";
import { listening } from "../support/listening.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { visit } from "../support/visit.js";
import { ADAPTERS, incoming } from "./adapters.js";
import { openSite } from "./site.js";

describe.each(ADAPTERS)("$name: a cache in front of the framework", (adapter) => {
  it("answers hits as the framework would, and hands on everything else", async () => {
    const site = await openSite(adapter, {
      front: true,
      handler: ({ req }) => ({ headers: { "Content-Type": "text/html" }, body: `${req.method} ${site.renders}` }),
    });
    const miss = await site.visit("/");
    const hit = await site.visit("/");
    expect([miss.text, miss.isStored, hit.text, hit.cacheStatus]).toEqual([
      "GET 1",
      true,
      "GET 1",
      "diskcache; hit; ttl=300",
    ]);
    expect((await site.visit("/", { method: "POST" })).text).toBe("POST 2");
    expect((await site.visit("/", { method: "HEAD" })).isHit).toBe(false);
    expect((await site.visit("/")).text).toMatch(/^GET/);
  });

  it("asks the application about hits whose key only the application knows", async () => {
    const behind = await openSite(adapter, {
      front: true,
      options: { ttl: 60, partition: (native) => incoming(native).headers["x-user"] as string },
    });
    for (const user of ["ann", "bob"]) await behind.visit("/", { headers: { "x-user": user } });
    expect((await behind.visit("/", { headers: { "x-user": "ann" } })).text).toBe("render 1");
    expect((await behind.visit("/", { headers: { "x-user": "bob" } })).text).toBe("render 2");
  });

  it("renders a stale page anew behind it", async () => {
    const site = await openSite(adapter, { front: true, options: { ttl: 60, staleWhileRevalidate: "1h" } });
    await site.visit("/");
    site.clock.advance(61);
    const stored = new Promise((resolve) => site.cache.on("stored", resolve));
    expect((await site.visit("/")).text).toBe("render 1");
    await stored;
    expect((await site.visit("/")).text).toBe("render 2");
  });

  it("gives conditions and ranges their answers", async () => {
    const site = await openSite(adapter, {
      front: true,
      handler: () => ({ headers: { ETag: '"v1"' }, body: "0123456789" }),
    });
    await site.visit("/");
    expect((await site.visit("/", { headers: { "if-none-match": '"v1"' } })).status).toBe(304);
    expect(await site.visit("/", { headers: { range: "bytes=1-2" } })).toMatchObject({ status: 206, text: "12" });
    expect((await site.visit("/", { method: "HEAD" })).header("content-length")).toBe("10");
  });
});

describe.each([
  { framework: "express 5", express: express5 },
  { framework: "express 4", express: express4 },
])("$framework: createServer", ({ express }) => {
  it("serves misses and hits as node:http's would, and the objects are Express's own", async () => {
    const cache = diskCache({ dir: temporaryDirectory(), ttl: "5m" });
    onTestFinished(() => cache.close());
    const app = express();
    let own = false;
    app.use(cache);
    app.get("/:name", (req, res) => {
      const { request, response } = req.app as express5.Express;
      own = Object.getPrototypeOf(req) === request && Object.getPrototypeOf(res) === response;
      res.json({ name: req.params["name"], ip: req.ip, accepts: req.accepts("json") });
    });
    const answers = [];
    for (const server of [createServer(app), createHttpServer(app as RequestListener)]) {
      const origin = await listening(server);
      for (const target of ["/same", "/same", `/${answers.length}`]) answers.push(await visit(origin, target));
      expect(own).toBe(true);
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    expect(answers[1]!.isHit).toBe(true);
    expect(answers[1]!.text).toBe(answers[0]!.text);
    expect(answers[5]!.fields.map(([name]) => name)).toEqual(answers[2]!.fields.map(([name]) => name));
  });

  // What `createServer` rests on. When this fails Express has changed, and its server has to be looked at.
  it("spares Express a change of prototypes that it makes otherwise", async () => {
    const app = express();
    const prototypes = (req: object, res: object) => [Object.getPrototypeOf(req), Object.getPrototypeOf(res)];
    const seen: { readonly born: unknown[]; readonly handled: unknown[] }[] = [];
    let born: unknown[] = [];
    app.use((req, res) => {
      seen.push({ born, handled: prototypes(req, res) });
      res.end();
    });
    for (const server of [createServer(app), createHttpServer(app as RequestListener)]) {
      server.prependListener("request", (req, res) => (born = prototypes(req, res)));
      await visit(await listening(server), "/");
    }
    const own = [app.request, app.response];
    expect(seen.map(({ handled }) => handled)).toEqual([own, own]);
    expect(seen[0]!.born).toEqual(own);
    expect(seen[1]!.born).not.toContain(app.request);
    expect(seen[1]!.born).not.toContain(app.response);
  });

  it("answers hits before Express runs where it is given the cache, and hands on everything else", async () => {
    const cache = diskCache({ dir: temporaryDirectory(), ttl: "5m" });
    onTestFinished(() => cache.close());
    const app = express();
    const entered: string[] = [];
    app.use((req, _res, next) => {
      entered.push(`${req.method} ${req.url}`);
      next();
    });
    app.use(cache);
    app.use((req, res) => res.json({ xhr: req.xhr }));
    const origin = await listening(createServer(app, { cache }));
    const answers = [];
    for (const method of ["GET", "GET", "GET", "POST"]) answers.push(await visit(origin, "/", { method }));
    expect(answers.map(({ isHit }) => isHit)).toEqual([false, true, true, false]);
    expect(answers.map(({ text }) => text)).toEqual(Array(4).fill(answers[0]!.text));
    expect(entered).toEqual(["GET /", "POST /"]);
  });
});
