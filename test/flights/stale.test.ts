/** A page that is no longer fresh: nobody waits for its successor, nobody sees an error it could have hidden, and what
 * it costs is bounded. */
import fs from "node:fs";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { WITH_NEST, isOwn } from "../adapters/adapters.js";
import type { Page } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";
import type { Site } from "../adapters/site.js";
import { written } from "../security/crafted.js";
import { barrier } from "../support/barrier.js";

// Here the disk is slow: `silentDisk` makes it so.
vi.unmock(import("../../packages/core/src/store/entries/slow-guard.js"));

/** Longer than one read may hold up the event loop before the next ones go past it. */
const SLOW_MS = 110;
const PLAIN = { "Content-Type": "text/plain" };

function stored(site: Site): Promise<unknown> {
  return new Promise((resolve) => site.cache.on("stored", resolve));
}

describe.each(WITH_NEST)("$name: a stale page", (adapter) => {
  it("is refreshed once, behind everybody, by a request with nothing of a client's own", async () => {
    const headers = { "accept-language": "de" };
    const own = { ...headers, cookie: "id=1", range: "bytes=0-", "if-none-match": '"x"' };
    const release = barrier();
    const requests: (readonly [refresh: boolean, headers: string])[] = [];
    const site = await openSite(adapter, {
      options: { ttl: 60, staleWhileRevalidate: 60 },
      handler: async (asked) => {
        const { req } = asked;
        const { authorization, cookie, range, "accept-language": language } = req.headers;
        const condition = req.headers["if-none-match"] === own["if-none-match"]; // the page's own validators may be asked by
        requests.push([isOwn(asked), [authorization, cookie, range, condition, language].join("|")]);
        const turn = site.renders;
        if (turn === 2) await release.opened;
        return { headers: { ...PLAIN, "Cache-Control": "public", Vary: "Accept-Language" }, body: `render ${turn}` };
      },
    });
    await site.visit("/", { headers });
    site.clock.advance(70);
    const answers = await Promise.all(Array.from({ length: 20 }, () => site.visit("/", { headers: own })));
    expect(answers.every(({ text, isHit }) => text === "render 1" && isHit)).toBe(true);
    const refreshed = stored(site);
    release.open();
    await refreshed;
    expect((await site.visit("/", { headers })).text).toBe("render 2");
    expect(requests).toEqual([
      [false, "|||false|de"],
      [true, "|||false|de"],
    ]);
  });

  it.each([
    { by: "Vary: Referer", field: "referer", vary: "Referer", refreshed: true },
    { by: "Vary: Cookie", field: "cookie", vary: "Cookie", refreshed: false },
    { by: "Vary: Authorization", field: "authorization", vary: "Authorization", refreshed: false },
    { by: "Vary: X-API-Key", field: "x-api-key", vary: "X-API-Key", refreshed: false },
    { by: "Vary: Cache-Control", field: "cache-control", vary: "Cache-Control", refreshed: false },
    { by: "Vary: TE", field: "te", vary: "TE", refreshed: false },
    { by: "key.headers", field: "x-api-key", key: { headers: ["X-API-Key"] }, refreshed: false },
    { by: "key.headers, of a plain field", field: "x-plan", key: { headers: ["X-Plan"] }, refreshed: true },
  ])(
    "selected by $by is refreshed for those who get it, and no other page is",
    async ({ field, vary, key, refreshed }) => {
      const headers = { [field]: "a=1" };
      const asked: unknown[] = [];
      const site = await openSite(adapter, {
        options: { ttl: 60, staleWhileRevalidate: 600, ...(key && { key }) },
        handler: ({ req }) => {
          asked.push(req.headers[field]);
          const fields = { ...PLAIN, "Cache-Control": "public", ...(vary === undefined ? {} : { Vary: vary }) };
          return { headers: fields, body: `${String(req.headers[field])} ${asked.length}` };
        },
      });
      expect((await site.visit("/", { headers })).text).toBe("a=1 1");
      expect((await site.visit("/", { headers })).isHit).toBe(true);
      await written(site.cache);
      site.clock.advance(70);
      const behind = stored(site);
      // By its own request where the cache's may not carry what selects the page.
      const stale = await site.visit("/", { headers });
      expect([stale.isHit, stale.text]).toEqual(refreshed ? [true, "a=1 1"] : [false, "a=1 2"]);
      await behind;
      const later = await site.visit("/", { headers });
      expect([later.isHit, later.text, asked]).toEqual([true, "a=1 2", ["a=1", "a=1"]]);
    },
  );

  it("is served at once also when the disk does not say whether there is a newer one", async () => {
    const site = await openSite(adapter, { options: { ttl: 60, staleWhileRevalidate: 600 } });
    const kept = stored(site);
    await site.visit("/");
    await kept;
    await written(site.cache);
    const disk = silentDisk();
    // Not there, and not in memory either: the disk shows what it is like.
    await site.visit("/another");
    site.clock.advance(70);
    const answers = await Promise.all([site.visit("/"), site.visit("/")]);
    expect(answers.every(({ text, isHit }) => text === "render 1" && isHit)).toBe(true);
    expect(disk.asked).toBeGreaterThan(0);
    disk.answer();
  });

  it.each([
    { failure: "500", fail: () => ({ status: 500, body: "down" }) },
    { failure: "503", fail: () => ({ status: 503, body: "down" }) },
    {
      failure: "an exception",
      fail: (): Page => {
        throw new Error("down");
      },
    },
  ])("stands in for $failure, for all who came together", async ({ fail }) => {
    const release = barrier();
    const site = await openSite(adapter, {
      options: { ttl: 60, staleIfError: 600 },
      handler: async () => {
        if (site.renders === 1) return { headers: PLAIN, body: "page" };
        await release.opened;
        return fail();
      },
    });
    await site.visit("/");
    site.clock.advance(70);
    const answers = Promise.all(Array.from({ length: 8 }, () => site.visit("/")));
    await site.waiting(7);
    release.open();
    expect((await answers).map(({ status, text }) => `${status} ${text}`)).toEqual(
      Array.from({ length: 8 }, () => "200 page"),
    );
    expect(site.renders).toBe(2);
  });

  it("stands in for a handler that takes longer than `timeout`, which is kept when it comes", async () => {
    const release = barrier();
    const site = await openSite(adapter, {
      options: { ttl: 60, staleIfError: 600, timeout: 0.02 },
      handler: async () => {
        const turn = site.renders;
        if (turn > 1) await release.opened;
        return { headers: { ...PLAIN, "X-Turn": String(turn) }, body: `render ${turn}` };
      },
    });
    await site.visit("/");
    site.clock.advance(70);
    const answers = await Promise.all(Array.from({ length: 5 }, () => site.visit("/")));
    for (const answer of answers)
      expect([answer.status, answer.text, answer.lines("x-turn")]).toEqual([200, "render 1", ["1"]]);
    expect(site.renders).toBe(2);
    const kept = stored(site);
    release.open();
    await kept;
    const next = await site.visit("/");
    expect([next.text, next.isHit, next.lines("x-turn")]).toEqual(["render 2", true, ["2"]]);
    expect(site.errors).toEqual([]);
  });

  it.each([
    { how: "answers 503", fails: () => ({ status: 503, body: "down" }) },
    {
      how: "throws",
      fails: (): never => {
        throw new Error("down");
      },
    },
  ])("stands in for a handler that $how, which is asked less and less often meanwhile", async ({ fails }) => {
    let down = true;
    const site = await openSite(adapter, {
      options: { ttl: 60, staleIfError: "1d" },
      handler: () => (site.renders > 1 && down ? fails() : { headers: PLAIN, body: `render ${site.renders}` }),
    });
    await site.visit("/");
    site.clock.advance(70);
    const rendersAfter: number[] = [];
    for (const seconds of [0, 0.5, 0.6, 1, 1.5, 3, 1.5, 100, 100]) {
      site.clock.advance(seconds);
      for (let n = 0; n < 10; n++) expect((await site.visit("/")).text).toBe("render 1");
      rendersAfter.push(site.renders);
    }
    expect(rendersAfter).toEqual([2, 2, 3, 3, 4, 4, 5, 6, 7]);
    expect((await site.visit("/")).cacheStatus).toMatch(/^diskcache; hit; ttl=-\d+$/);
    down = false;
    site.clock.advance(100);
    expect((await site.visit("/")).text).toBe("render 8");
    expect((await site.visit("/")).isHit).toBe(true);
  });

  it.each([
    { given: "must-revalidate", control: "max-age=60, must-revalidate" },
    { given: "proxy-revalidate", control: "max-age=60, proxy-revalidate" },
    { given: "no-cache", control: "no-cache, max-age=60" },
  ])("that says $given is not served, whatever the operator allows", async ({ control }) => {
    const site = await openSite(adapter, {
      options: { staleWhileRevalidate: 600, staleIfError: 600, grace: 0, timeout: 0.02 },
      handler: async () => ({
        headers: { ...PLAIN, "Cache-Control": control, ETag: `"${site.renders}"` },
        body: `render ${site.renders}`,
      }),
    });
    await site.visit("/");
    site.clock.advance(70);
    expect((await site.visit("/")).text).toBe("render 2");
  });

  it("that fails to refresh is tried less and less often", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, staleWhileRevalidate: 600 },
      handler: () => (site.renders === 1 ? { headers: PLAIN, body: "page" } : { status: 500, body: "down" }),
    });
    await site.visit("/");
    site.clock.advance(70);
    for (let n = 0; n < 20; n++) expect((await site.visit("/")).text).toBe("page");
    expect(site.renders).toBe(2);
  });
});

describe.each(WITH_NEST)("$name: a page that is still fresh", (adapter) => {
  it("is rendered again ahead of time, once, if it was asked for more than once", async () => {
    const site = await openSite(adapter, { options: { ttl: 100, refreshAhead: 0.1 } });
    await site.visit("/hot");
    await site.visit("/cold");
    site.clock.advance(80);
    for (let n = 0; n < 3; n++) await site.visit("/hot");
    expect(site.renders).toBe(2);
    site.clock.advance(20 - 1e-6);
    const refreshed = stored(site);
    expect((await site.visit("/cold")).isHit).toBe(true);
    expect((await site.visit("/hot")).isHit).toBe(true);
    await refreshed;
    expect([(await site.visit("/hot")).text, site.renders]).toEqual(["render 3", 3]);
  });
});

/** From now on no entry is opened, but for once after a long time. */
function silentDisk(): { readonly asked: number; answer(): void } {
  const { open, openSync } = fs;
  const isEntry = (path: unknown): boolean => /[0-9a-f]{62}$/.test(String(path));
  const held: (() => void)[] = [];
  vi.spyOn(fs, "openSync").mockImplementation((...given: Parameters<typeof openSync>) => {
    if (isEntry(given[0])) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SLOW_MS);
    return openSync(...given);
  });
  vi.spyOn(fs, "open").mockImplementation((...given: unknown[]) => {
    const go = (): void => void Reflect.apply(open, fs, given);
    if (isEntry(given[0])) held.push(go);
    else go();
  });
  onTestFinished(() => void vi.restoreAllMocks());
  return {
    get asked() {
      return held.length;
    },
    answer: () => held.splice(0).forEach((go) => go()),
  };
}
