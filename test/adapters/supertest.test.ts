/** The application of a user under supertest, which listens on another port for every request: the host has to be told. */
import { diskCache as expressCache } from "@diskcache/express";
import { diskCache as httpCache } from "@diskcache/http";
import { diskCache as koaCache } from "@diskcache/koa";
import express from "express";
import Koa from "koa";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import request from "supertest";
import { describe, expect, it, onTestFinished } from "vitest";
import { temporaryDirectory } from "../support/temporary-directory.js";

interface Site {
  readonly listener: RequestListener;
  readonly renders: () => number;
  readonly close: () => Promise<void>;
}

const SITES: Record<string, (dir: string) => Site> = {
  Express: (dir) => {
    let renders = 0;
    const cache = expressCache({ dir, ttl: "5m" });
    const app = express();
    app.use(cache);
    app.get("/", (_req, res) => void res.json({ renders: ++renders }));
    return { listener: app, renders: () => renders, close: () => cache.close() };
  },
  Koa: (dir) => {
    let renders = 0;
    const cache = koaCache({ dir, ttl: "5m" });
    const app = new Koa();
    app.use(cache);
    app.use((ctx) => {
      ctx.body = { renders: ++renders };
    });
    const callback = app.callback();
    return { listener: (req, res) => void callback(req, res), renders: () => renders, close: () => cache.close() };
  },
  "node:http": (dir) => {
    let renders = 0;
    const cache = httpCache({ dir, ttl: "5m" });
    const listener = cache((_req, res) => {
      res.setHeader("Content-Type", "application/json");
      res.end(JSON.stringify({ renders: ++renders }));
    });
    return { listener, renders: () => renders, close: () => cache.close() };
  },
};

describe.each(Object.keys(SITES))("an application in %s", (name) => {
  it("renders a page once, and validates it for whoever has it", async () => {
    const site = SITES[name]!(temporaryDirectory());
    onTestFinished(site.close);
    const visit = () => request(createServer(site.listener)).get("/").set("Host", "site.test");
    const first = await visit().expect(200, { renders: 1 }).expect("Cache-Status", "diskcache; fwd=uri-miss; stored");
    const second = await visit().expect(200, { renders: 1 }).expect("Cache-Status", "diskcache; hit; ttl=300");
    expect(second.headers["etag"]).toBe(first.headers["etag"]);
    await visit().set("If-None-Match", String(second.headers["etag"])).expect(304, "");
    expect(site.renders()).toBe(1);
  });
});
