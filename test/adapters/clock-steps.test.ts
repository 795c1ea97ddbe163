/** The machine's clock is set while the process runs: what is stored never lives longer for it, and what comes then is
 * stored as before. */
import { performance } from "node:perf_hooks";
import { FileCache } from "@diskcache/core";
import { diskCache } from "@diskcache/http";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { systemClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { serveSite } from "./site.js";
import type { Site } from "./site.js";

const HOST = { host: "site.example" };

/** The machine's clocks, moved by the test. */
function machine() {
  const clocks = { wall: Date.now(), steady: performance.now() };
  const spies = [
    vi.spyOn(Date, "now").mockImplementation(() => clocks.wall),
    vi.spyOn(performance, "now").mockImplementation(() => clocks.steady),
  ];
  onTestFinished(() => spies.forEach((spy) => spy.mockRestore()));
  return {
    pass: (seconds: number) => void ((clocks.wall += seconds * 1000), (clocks.steady += seconds * 1000)),
    set: (seconds: number) => void (clocks.wall += seconds * 1000),
  };
}

/** A site by the machine's own clock; its pages are dated as a handler would date them. */
function siteOn(dir: string, fields: Readonly<Record<string, string>> = {}): Promise<Site> {
  const cache = diskCache({ dir, ttl: "3s" });
  let renders = 0;
  const listener = cache((_req, res) => {
    for (const [name, value] of Object.entries(fields)) res.setHeader(name, value);
    res.setHeader("Date", new Date(Date.now()).toUTCString());
    res.end(`render ${++renders}`);
  });
  return serveSite(cache, systemClock, dir, listener);
}

const status = async (site: Site): Promise<string> => (await site.visit("/", { headers: HOST })).cacheStatus;
const STORED = "diskcache; fwd=uri-miss; stored";

describe("a page of three seconds", () => {
  it.each([
    { how: "back by ten seconds", steps: [-10] },
    { how: "back by a second", steps: [-1] },
    { how: "back by a day", steps: [-86_400] },
    { how: "forward by a minute", steps: [60] },
    { how: "back and forward again", steps: [-60, 60] },
    { how: "forward and back again", steps: [60, -60] },
  ])("is over after five, the clock having been set $how", async ({ steps }) => {
    const on = machine();
    const site = await siteOn(temporaryDirectory());
    expect(await status(site)).toBe(STORED);
    on.pass(1);
    for (const step of steps) {
      on.set(step);
      await site.visit("/another", { headers: HOST });
    }
    on.pass(4);
    expect((await site.visit("/", { headers: HOST })).text).not.toBe("render 1");
  });

  it("is there for three seconds whatever is set back, and says how old it is", async () => {
    const on = machine();
    const site = await siteOn(temporaryDirectory());
    await status(site);
    on.pass(1);
    on.set(-10);
    on.pass(1);
    const answer = await site.visit("/", { headers: HOST });
    expect([answer.cacheStatus, answer.header("age")]).toEqual(["diskcache; hit; ttl=1", "2"]);
  });

  it.each([
    { lifetime: "of the cache's own", fields: {} },
    { lifetime: "of max-age", fields: { "Cache-Control": "max-age=3" } },
  ])("that is made after the clock was set back is kept as before (a lifetime $lifetime)", async ({ fields }) => {
    const on = machine();
    const site = await siteOn(temporaryDirectory(), fields);
    await site.visit("/before", { headers: HOST });
    on.set(-86_400);
    expect(await status(site)).toBe(STORED);
    on.pass(2);
    expect(await status(site)).toBe("diskcache; hit; ttl=1");
    on.pass(2);
    expect((await site.visit("/", { headers: HOST })).isHit).toBe(false);
  });

  it("names the date that clients know, also where its handler gave none", async () => {
    const on = machine();
    const dir = temporaryDirectory();
    const cache = diskCache({ dir, ttl: "3s" });
    const listener = cache((_req, res) => {
      res.sendDate = false;
      res.end("page");
    });
    const site = await serveSite(cache, systemClock, dir, listener);
    await site.visit("/before", { headers: HOST });
    on.set(-86_400);
    await site.visit("/", { headers: HOST });
    const hit = await site.visit("/", { headers: HOST });
    expect([hit.isHit, hit.header("date")]).toEqual([true, new Date(Date.now()).toUTCString()]);
  });
});

describe.runIf(process.platform === "linux")("a page of three seconds, and the next process", () => {
  it.each([
    { when: "before it begins", before: true },
    { when: "while the first one runs", before: false },
  ])("is over after five, the clock having been set back $when", async ({ before }) => {
    const on = machine();
    const dir = temporaryDirectory();
    const first = await siteOn(dir);
    await status(first);
    if (!before) {
      on.set(-10);
      await first.visit("/another", { headers: HOST });
    }
    await first.close();
    on.pass(1);
    if (before) on.set(-10);
    const second = await siteOn(dir);
    const early = await status(second);
    on.pass(4);
    const late = await second.visit("/", { headers: HOST });
    expect([early, late.isHit]).toEqual(["diskcache; hit; ttl=2", false]);
  });

  it("is used by both, the clock having been set back between their beginnings", async () => {
    const on = machine();
    const dir = temporaryDirectory();
    const first = await siteOn(dir);
    await first.visit("/before", { headers: HOST });
    on.set(-3600);
    const second = await siteOn(dir);
    expect([await status(second), await status(first)]).toEqual([STORED, "diskcache; hit; ttl=3"]);
    const made = await first.visit("/of-the-first", { headers: HOST });
    const found = await second.visit("/of-the-first", { headers: HOST });
    expect([made.isStored, found.isHit]).toEqual([true, true]);
  });
});

describe("a page from the future", () => {
  it("of another boot or machine is a miss: how old it is nobody can tell", async () => {
    const on = machine();
    const dir = temporaryDirectory();
    const cache = diskCache({ dir, ttl: "3s", clock: { now: () => Date.now() + 10_000 } });
    const first = await serveSite(
      cache,
      systemClock,
      dir,
      cache((_req, res) => res.end("page")),
    );
    await status(first);
    await first.close();
    on.pass(1);
    expect((await (await siteOn(dir)).visit("/", { headers: HOST })).isHit).toBe(false);
  });
});

describe("a value of three seconds", () => {
  it("is over after five, the clock having been set back", async () => {
    const on = machine();
    const cache = new FileCache({ dir: temporaryDirectory(), ttl: 3 });
    onTestFinished(() => cache.close());
    await cache.set("k", 1);
    on.pass(1);
    on.set(-10);
    expect(await cache.get("k")).toBe(1);
    on.pass(4);
    expect(await cache.get("k")).toBeUndefined();
  });
});
