/** Cookies that are set after the handler has answered: by a session that hooks into the sending of the head, or by
 * middleware outside that comes back. Whose page it is is known only then. */
import { Readable } from "node:stream";
import { diskCache as expressCache } from "@diskcache/express";
import { diskCache as koaCache } from "@diskcache/koa";
import express5 from "express";
import express4 from "express4";
import Koa3 from "koa";
import Koa2 from "koa2";
import onHeaders from "on-headers";
import { describe, expect, it } from "vitest";
import { serveSite } from "../adapters/site.js";
import type { Site } from "../adapters/site.js";
import { barrier } from "../support/barrier.js";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";

const VISITORS = 5;

/** What the handler answers once the test lets it. */
interface Script {
  readonly release: Promise<void>;
  readonly streamed: boolean;
  readonly begun: () => void;
}

type Build = (script: Script) => Promise<Site>;

/** A session of two lines: the page says whose it is, and the cookie that makes him its owner comes last. */
const SITES: readonly { readonly name: string; readonly build: Build }[] = [
  ...[express5, express4].map((express, n) => ({
    name: `express ${5 - n}, an on-headers hook outside`,
    build: async ({ release, streamed, begun }: Script) => {
      const { dir, clock } = { dir: temporaryDirectory(), clock: new ManualClock() };
      const cache = expressCache({ dir, clock, ttl: "5m" });
      let clients = 0;
      const app = express();
      app.use((_req, res, next) => {
        res.locals["client"] = ++clients;
        onHeaders(res, () => res.setHeader("Set-Cookie", `id=${String(res.locals["client"])}`));
        next();
      });
      app.use(cache, async (_req, res) => {
        begun();
        await release;
        const page = `for client ${String(res.locals["client"])}`;
        if (streamed) res.write(page);
        res.end(streamed ? undefined : page);
      });
      return serveSite(cache, clock, dir, app);
    },
  })),
  ...[Koa3, Koa2].map((Koa, n) => ({
    name: `koa ${3 - n}, middleware outside that comes back`,
    build: async ({ release, streamed, begun }: Script) => {
      const { dir, clock } = { dir: temporaryDirectory(), clock: new ManualClock() };
      const cache = koaCache({ dir, clock, ttl: "5m" });
      let clients = 0;
      const app = new Koa();
      app.use(async (ctx, next) => {
        const client = ++clients;
        ctx.state["client"] = client;
        await next();
        await new Promise(setImmediate);
        ctx.set("Set-Cookie", `id=${client}`);
      });
      app.use(cache);
      app.use(async (ctx) => {
        begun();
        await release;
        const page = `for client ${String(ctx.state["client"])}`;
        ctx.body = streamed ? Readable.from([page]) : page;
      });
      const listener = app.callback();
      return serveSite(cache, clock, dir, (req, res) => void listener(req, res));
    },
  })),
];

describe.each(SITES)("$name", ({ build }) => {
  describe.each([{ streamed: false }, { streamed: true }])("(streamed: $streamed)", ({ streamed }) => {
    it("those who come together get a page of their own each", async () => {
      const release = barrier();
      const site = await build({ release: release.opened, streamed, begun: () => {} });
      const answers = Promise.all(Array.from({ length: VISITORS }, () => site.visit("/")));
      await site.arrivals.reaches(VISITORS);
      release.open();
      const pairs = (await answers).map((answer) => [answer.text, answer.header("set-cookie")]);
      for (const [page, cookie] of pairs) expect(cookie).toBe(`id=${/\d+$/.exec(page!)![0]}`);
      expect(new Set(pairs.map(([page]) => page)).size).toBe(VISITORS);
      expect((await site.cache.stats()).stored).toBe(0);
    });

    it("Cache-Status does not say that the page is kept, and says why", async () => {
      const site = await build({ release: Promise.resolve(), streamed, begun: () => {} });
      for (const _ of [1, 2]) {
        expect((await site.visit("/")).cacheStatus).toBe("diskcache; fwd=uri-miss; detail=set-cookie");
      }
    });

    it("nothing is kept of a page whose client left before it began", async () => {
      const release = barrier();
      const controller = new AbortController();
      const site = await build({ release: release.opened, streamed, begun: () => controller.abort() });
      const settled = new Promise<string>((resolve) => {
        site.cache.on("stored", () => resolve("stored"));
        site.cache.on("not-stored", ({ reason }) => resolve(reason));
      });
      const visit = fetch(site.origin, { signal: controller.signal }).catch(() => "left");
      await site.departures.reaches(1);
      release.open();
      expect([await visit, await settled]).toEqual(["left", "set-cookie"]);
      expect((await site.visit("/")).text).toBe("for client 2");
    });
  });
});
