/** A cache for the tests of an application: what it leaves behind, and what its assertions say. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { PageCache } from "@diskcache/core";
import type { DiskCacheOptions } from "@diskcache/core";
import { diskCache as forExpress } from "@diskcache/express";
import { diskCache as forHttp } from "@diskcache/http";
import { diskCache as forKoa } from "@diskcache/koa";
import { assertHit, assertNotStored, assertStored, testCache } from "@diskcache/testing";
import express from "express";
import Koa from "koa";
import request from "supertest";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { listening } from "../support/listening.js";

const run = promisify(execFile);

function application() {
  const { cache, clock } = testCache(forExpress, { ttl: "5m" }, onTestFinished);
  let renders = 0;
  const app = express()
    .use("/outside", (_req, res) => void res.send("none"))
    .use(cache)
    .get("/account", (_req, res) => void res.cookie("sid", "1").send("yours"))
    .get("/", (_req, res) => void res.send(`render ${++renders}`));
  const visit = (path = "/") => request(app).get(path).set("Host", "app.test");
  return { app, cache, clock, visit };
}

describe("a cache for one test", () => {
  it("stands under supertest, which listens on another port each time, and goes stale when its clock is moved", async () => {
    const { visit, clock } = application();
    assertStored(await visit());
    assertHit(await visit());
    clock.advance("299s");
    assertHit(await visit());
    clock.advance("1 second");
    const later = await visit();
    assertStored(later);
    expect(later.text).toBe("render 2");
  });

  it("is made of the diskCache of each package, and of the core", async () => {
    const koa = testCache(forKoa, { ttl: "5m" }, onTestFinished);
    const app = new Koa().use(koa.cache).use((ctx) => void (ctx.body = "page"));
    for (const assert of [assertStored, assertHit])
      assert(await request(app.callback()).get("/").set("Host", "app.test"));

    const http = testCache(forHttp, { ttl: "5m" }, onTestFinished);
    const server = createServer(http.cache((_req, res) => void res.end("page")));
    const origin = await listening(server);
    for (const assert of [assertStored, assertHit]) {
      const response = await fetch(origin);
      await response.text();
      assert(response);
    }

    const core = testCache((options: DiskCacheOptions) => new PageCache(options), {}, onTestFinished);
    expect((await core.cache.stats()).entries).toBe(0);
  });

  it("leaves nothing behind, and is closed once", async () => {
    const made = testCache(forHttp, { ttl: "5m" });
    const server = createServer(made.cache((_req, res) => void res.end("page")));
    await request(server).get("/");
    expect(existsSync(made.dir)).toBe(true);
    await Promise.all([made.close(), made.close(), made[Symbol.asyncDispose]()]);
    expect(existsSync(made.dir)).toBe(false);
    await expect(made.cache.purge("/")).rejects.toMatchObject({ code: "ERR_DISKCACHE_CLOSED" });
  });

  it("leaves nothing behind where it was never closed, and where its options were wrong", async () => {
    const program = `
      import { diskCache } from "@diskcache/http";
      import { testCache } from "@diskcache/testing";
      console.log(testCache(diskCache, { ttl: "5m" }).dir);`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], {
      cwd: import.meta.dirname,
    });
    expect([stdout.includes("diskcache-test-"), existsSync(stdout.trim())]).toEqual([true, false]);
    const made: string[] = [];
    const remember = (options: DiskCacheOptions<IncomingMessage>) => {
      made.push(options.dir);
      return forHttp(options);
    };
    expect(() => testCache(remember, { ttl: "soon" })).toThrow("option `ttl`");
    expect(made.map((dir) => existsSync(dir))).toEqual([false]);
  });

  it("caches although the environment of the tests says DISKCACHE=off", async () => {
    vi.stubEnv("DISKCACHE", "off");
    onTestFinished(() => void vi.unstubAllEnvs());
    const { visit } = application();
    const answer = await visit();
    expect(() => assertStored(answer)).not.toThrow();
  });

  it("fails its test for an error behind the responses, unless the test takes it", async () => {
    const failing = () =>
      testCache(forHttp, {
        ttl: "5m",
        tags: () => {
          throw new Error("no tags today");
        },
      });
    for (const taken of [false, true]) {
      const { cache, close, takeErrors } = failing();
      await request(createServer(cache((_req, res) => void res.end("page")))).get("/");
      if (taken) {
        expect(takeErrors()).toMatchObject([{ code: "ERR_DISKCACHE_HOOK" }]);
        await close();
      } else await expect(close()).rejects.toMatchObject({ code: "ERR_DISKCACHE_HOOK" });
    }
  });
});

describe("an assertion on a response", () => {
  it("says why the page was not stored, and what cures it", async () => {
    const { visit } = application();
    const account = await visit("/account");
    assertNotStored(account);
    assertNotStored(account, "set-cookie");
    expect(() => assertStored(account)).toThrow(
      /detail=set-cookie`\n`set-cookie`: it sets a cookie.*Do not set cookies/s,
    );
    expect(() => assertHit(account)).toThrow("Do not set cookies on pages");
    expect(() => assertNotStored(account, "cookie")).toThrow("expected a response that is not stored, for cookie, got");
  });

  it("says that a hit was stored before, and that a page that is stored is for all", async () => {
    const { visit } = application();
    const first = await visit();
    expect(() => assertHit(first)).toThrow('`.set("Host", "app.test")`');
    expect(() => assertNotStored(first)).toThrow("gets the same response");
    expect(() => assertStored({ headers: { "Cache-Status": "diskcache; hit; ttl=4" } })).toThrow("`assertHit`");
    expect(() => assertNotStored({ "cache-status": "diskcache; hit; ttl=4" })).toThrow(
      "got `Cache-Status: diskcache; hit",
    );
  });

  it("says that a request did not come to the cache", async () => {
    const { visit } = application();
    const outside = await visit("/outside");
    for (const assert of [assertHit, assertStored, assertNotStored])
      expect(() => assert(outside)).toThrow("Mount the cache before the routes");
    expect(() => assertHit({ "cache-status": "ExampleCDN; hit" })).toThrow("Mount the cache before the routes");
  });

  it.each([
    { as: "a Response", response: new Response("", { headers: { "Cache-Status": "diskcache; hit; ttl=5" } }) },
    { as: "Headers", response: new Headers({ "Cache-Status": "diskcache; hit; ttl=5" }) },
    { as: "fields in any case", response: { "CACHE-Status": "diskcache; hit; ttl=5" } },
    { as: "fields of lists", response: { headers: { "cache-status": ["diskcache; hit; ttl=5", "CDN; fwd=miss"] } } },
  ])("reads $as", ({ response }) => {
    expect(() => assertHit(response)).not.toThrow();
    expect(() => assertStored(response)).toThrow("this one is a hit");
  });

  it("is an AssertionError that shows the line of the test", () => {
    let thrown: unknown;
    try {
      assertHit({});
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ name: "AssertionError", code: "ERR_ASSERTION", operator: "assertHit" });
    expect((thrown as Error).stack?.split("\n").find((line) => line.includes(" at "))).toContain("test-cache.test.ts");
  });
});
