/** A cache that is mounted wrongly, and what a handler says wrongly: the client gets its page, and what could never be purged, or never be found again, is
 * not kept. */
import type { HandlerDirectives } from "@diskcache/core";
import { describe, expect, it } from "vitest";
import { diskCache as forExpress } from "@diskcache/express";
import { diskCache as forHttp } from "@diskcache/http";
import { diskCache as forKoa } from "@diskcache/koa";
import express from "express";
import Koa from "koa";
import request from "supertest";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { ADAPTERS } from "./adapters.js";
import { openSite } from "./site.js";

describe.each(ADAPTERS)("$name", (adapter) => {
  it.each([
    { said: "a list for a tag", say: (it: HandlerDirectives) => void it.tag(["news"] as never), detail: "hook" },
    { said: "a number for a tag", say: (it: HandlerDirectives) => void it.tag(5 as never), detail: "hook" },
    { said: "an empty tag", say: (it: HandlerDirectives) => void it.tag(""), detail: "hook" },
    {
      said: "two words for a field",
      say: (it: HandlerDirectives) => void it.vary("accept language"),
      detail: "vary-star",
    },
  ])("a handler that says $said has nothing kept", async ({ say, detail }) => {
    const site = await openSite(adapter, {
      handler: ({ directives }) => {
        say(directives);
        return { headers: { "Content-Type": "text/plain" }, body: "page" };
      },
    });
    for (let visit = 0; visit < 2; visit++) {
      const answer = await site.visit("/");
      expect([answer.text, answer.isHit]).toEqual(["page", false]);
      expect(answer.cacheStatus).toContain(`detail=${detail}`);
    }
    expect(site.errors.map(({ code }) => code)).toEqual(detail === "hook" ? Array(2).fill("ERR_DISKCACHE_HOOK") : []);
  });

  it("a page in the place of a failure does not carry the failure's reason phrase", async () => {
    let failing = false;
    const site = await openSite(adapter, {
      options: { ttl: 1, staleIfError: "1h" },
      handler: () => {
        if (failing) throw new Error("down");
        return { headers: { "Content-Type": "text/plain" }, body: "page" };
      },
    });
    await site.visit("/");
    failing = true;
    site.clock.advance(2000);
    const { statusCode, statusMessage } = await site.begin("/");
    expect([statusCode, statusMessage]).toEqual([200, "OK"]);
  });
});

describe("a call that is missing, or one too many, is answered with the line that is meant", () => {
  it("app.use(diskCache), in Express", async () => {
    const app = express()
      .use(forExpress as never)
      .use(((error, _req, res, _next) => void res.status(500).send(error.message)) as express.ErrorRequestHandler);
    const { status, text } = await request(app).get("/");
    expect([status, text]).toEqual([
      500,
      expect.stringContaining('write `diskCache({ dir: ".cache/pages", ttl: "5m" })'),
    ]);
  });

  it("app.use(diskCache), in Koa", async () => {
    const app = new Koa();
    const errors: Error[] = [];
    app.on("error", (error: Error) => errors.push(error)).use(forKoa as never);
    await request(app.callback()).get("/").expect(500);
    expect(errors[0]?.message).toContain('write `diskCache({ dir: ".cache/pages", ttl: "5m" })');
  });

  it("app.use(cache.route), in Express", async () => {
    const cache = forExpress({ dir: temporaryDirectory() });
    const app = express()
      .use(cache.route as never)
      .use(((error, _req, res, _next) => void res.status(500).send(error.message)) as express.ErrorRequestHandler);
    expect((await request(app).get("/")).text).toContain('write `cache.route("5m")` for `cache.route`');
  });

  it.each([
    { framework: "Express", made: forExpress },
    { framework: "Koa", made: forKoa },
    { framework: "node:http", made: forHttp },
  ])('cache("5m"), in $framework', ({ made }) => {
    const cache = made({ dir: temporaryDirectory() } as never) as unknown as (given: unknown) => unknown;
    const code = "ERR_DISKCACHE_OPTION";
    expect(() => cache("5m")).toThrow(expect.objectContaining({ code }));
    expect(() => cache("5m")).toThrow('write `cache.route("5m")`');
    expect(() => cache({ ttl: "5m" })).toThrow("write `cache.route({ … })`");
  });
});
