/** Two caches on one directory in the way of one request, and what else has a say in it: routes, and what is said of
 * the response. */
import type { RequestListener } from "node:http";
import { diskCache } from "@diskcache/express";
import express from "express";
import { describe, expect, it, onTestFinished } from "vitest";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { serveSite } from "./site.js";

describe("express: a route of the outer cache behind the inner one", () => {
  it.each([
    { given: "a lifetime", route: { ttl: 30 }, target: "/page" },
    { given: "a key of its own", route: { ttl: 30, key: () => "one" }, target: "/page" },
  ])("lays its policy over both: $given", async ({ route, target }) => {
    const dir = temporaryDirectory();
    const outer = diskCache({ dir, ttl: 3600 });
    const inner = diskCache({ dir, ttl: 60 });
    onTestFinished(() => inner.close());
    const app = express();
    app.use(outer);
    app.get(/.*/, inner, outer.route(route), (_req, res) => void res.send("page"));
    const site = await serveSite(outer, new ManualClock(), dir, app as RequestListener);
    const miss = await site.visit(target);
    expect(miss.lines("cache-status")).toEqual(["diskcache; fwd=uri-miss; stored"]);
    expect((await site.visit(target)).cacheStatus).toMatch(/^diskcache; hit; ttl=(?:29|30)$/);
  });

  it("hears what was said of the page before and after it", async () => {
    const dir = temporaryDirectory();
    const outer = diskCache({ dir, ttl: 3600 });
    const inner = diskCache({ dir, ttl: 60 });
    onTestFinished(() => inner.close());
    const app = express();
    let renders = 0;
    app.use(outer, (req, res, next) => {
      res.locals["said"] = req.diskCache.tag("before");
      next();
    });
    app.get(/.*/, inner, (req, res) => {
      res.locals["said"].tag("after");
      res.send(`render ${++renders} of ${req.path}`);
    });
    const site = await serveSite(outer, new ManualClock(), dir, app as RequestListener);
    for (const tag of ["before", "after"]) {
      await site.visit("/page");
      await outer.purgeTag(tag);
      expect((await site.visit("/page")).isHit).toBe(false);
    }
  });

  it("gives the handler the conditions of its own page alone", async () => {
    const dir = temporaryDirectory();
    const clock = new ManualClock();
    const cache = diskCache({ dir, ttl: 60, clock });
    const app = express();
    let own = false;
    app.use(cache);
    app.use((req, res, next) => (own ? cache.route({ key: () => "own" })(req, res, next) : next()));
    app.use((req, res) => void res.set("ETag", '"one"').send(String(req.headers["if-none-match"])));
    const site = await serveSite(cache, clock, dir, app as RequestListener);
    await site.visit("/page");
    clock.advance(61);
    own = true;
    const answer = await site.visit("/page");
    expect([answer.status, answer.text]).toEqual([200, "undefined"]);
  });
});
