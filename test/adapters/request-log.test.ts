/** `DISKCACHE_LOG`: a line for each request, with what became of it, why, and what cures it. */
import { diskCache as expressCache } from "@diskcache/express";
import express from "express";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { barrier } from "../support/barrier.js";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { ADAPTERS } from "./adapters.js";
import type { Page } from "./adapters.js";
import { openSite, serveSite } from "./site.js";
import type { Site } from "./site.js";

describe.each(ADAPTERS)("$name: DISKCACHE_LOG", (adapter) => {
  /** A site, and the lines that are written while it is asked. */
  async function open(form: string, handler: () => Page | Promise<Page>, options: object = {}) {
    const lines: string[] = [];
    vi.stubEnv("DISKCACHE_LOG", form);
    vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      lines.push(String(text).replace(/ +[\d.]+ ms/, "  0 ms"));
      return true;
    });
    onTestFinished(() => {
      vi.restoreAllMocks();
      vi.unstubAllEnvs();
    });
    const site: Site = await openSite(adapter, { options: { ttl: 60, audit: "off", ...options }, handler });
    return { site, lines };
  }

  async function reach(lines: readonly string[], count: number): Promise<void> {
    while (lines.length < count) await new Promise(setImmediate);
  }

  it("says of each request what became of it", async () => {
    const { site, lines } = await open("1", () => ({ body: "hello" }), { staleWhileRevalidate: "1h" });
    await site.visit("/a");
    await reach(lines, 1);
    await site.visit("/a");
    await site.visit("/a", { method: "HEAD" });
    await site.visit("/a", { method: "POST" });
    await reach(lines, 4);
    expect(lines).toEqual([
      "GET /a  miss  0 ms  stored\n",
      "GET /a  hit\n",
      "HEAD /a  hit\n",
      "POST /a  bypass  0 ms  not stored: method\n",
    ]);
  });

  it("says why a page is not stored, by which cookies, and what cures it, with values nowhere", async () => {
    const { site, lines } = await open("1", () => ({ headers: { "Set-Cookie": "sid=secret" }, body: "" }));
    await site.visit("/a");
    await reach(lines, 1);
    expect(lines[0]).toMatch(
      /^GET \/a {2}miss {2}0 ms {2}not stored: set-cookie \(`sid`\) → Do not set cookies on pages\./,
    );
    const plain = await open("1", () => ({ body: "hello" }));
    await plain.site.visit("/b", { headers: { cookie: "_ga=secret" } });
    await reach(plain.lines, 1);
    expect(plain.lines[0]).toMatch(/^GET \/b {2}bypass {2}0 ms {2}not stored: cookie \(`_ga`\) → Declare the cookie: /);
  });

  it("says of those that waited that they got another one's page", async () => {
    const { opened, open: release } = barrier();
    const { site, lines } = await open("1", async () => {
      await opened;
      return { body: "hello" };
    });
    const all = [site.visit("/a"), site.visit("/a")];
    await site.waiting(1);
    release();
    await Promise.all(all);
    await reach(lines, 2);
    expect(lines.toSorted()).toEqual(["GET /a  collapsed\n", "GET /a  miss  0 ms  stored\n"]);
  });

  it("says it once of a request that a stale page answers", async () => {
    let fails = false;
    const { site, lines } = await open("1", () => ({ status: fails ? 500 : 200, body: "hello" }), {
      staleIfError: "1h",
    });
    await site.visit("/a");
    await reach(lines, 1);
    site.clock.advance(61);
    fails = true;
    await site.visit("/a");
    await site.visit("/b");
    await reach(lines, 3);
    expect(lines.map((line) => line.split(/ {2}|\n/, 2).join(" "))).toEqual([
      "GET /a miss",
      "GET /a stale",
      "GET /b miss",
    ]);
  });

  it("says it in JSON where that is wanted", async () => {
    const { site, lines } = await open("json", () => ({ headers: { "Cache-Control": "no-store" }, body: "" }));
    await site.visit("/a");
    await reach(lines, 1);
    expect(JSON.parse(lines[0]!)).toEqual({
      method: "GET",
      url: "/a",
      outcome: "miss",
      ms: expect.any(Number) as number,
      stored: false,
      reason: "no-store",
      remedy: expect.stringContaining("say `public`") as string,
    });
  });

  it.each(["", "0"])("says nothing where it is %j", async (form) => {
    const { site, lines } = await open(form, () => ({ body: "hello" }));
    await site.visit("/a");
    await site.visit("/a");
    expect(lines).toEqual([]);
  });
});

it("says it once of a request that a route with a key of its own takes over", async () => {
  const lines: string[] = [];
  vi.stubEnv("DISKCACHE_LOG", "1");
  vi.spyOn(process.stderr, "write").mockImplementation(
    (text) => lines.push(String(text).replace(/[\d.]+ ms/, "0 ms")) > 0,
  );
  const { dir, clock } = { dir: temporaryDirectory(), clock: new ManualClock() };
  const cache = expressCache({ dir, clock, ttl: 60, audit: "off" });
  const app = express();
  app.use(cache);
  app.get("/a", cache.route({ ttl: 60, key: () => "one" }), (_req, res) => void res.send("hello"));
  const site = await serveSite(cache, clock, dir, app);
  await site.visit("/a");
  await site.visit("/a");
  while (lines.length < 2) await new Promise(setImmediate);
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  expect(lines).toEqual(["GET /a  miss  0 ms  stored\n", "GET /a  hit\n"]);
});
