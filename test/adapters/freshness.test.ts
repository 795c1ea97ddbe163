/** How long a page is kept, who says so, and what becomes of it afterwards. */
import { describe, expect, it, vi } from "vitest";
import { ADAPTERS } from "./adapters.js";
import type { Page } from "./adapters.js";
import type { Answer } from "../support/visit.js";
import { openSite } from "./site.js";

const LIFETIMES: readonly {
  readonly given: string;
  readonly ttl?: string;
  readonly headers: Record<string, string>;
  readonly seconds: number;
}[] = [
  { given: "ttl alone", ttl: "5m", headers: {}, seconds: 300 },
  { given: "max-age over ttl", ttl: "5m", headers: { "Cache-Control": "max-age=10" }, seconds: 10 },
  { given: "s-maxage over max-age", headers: { "Cache-Control": "max-age=10, s-maxage=20" }, seconds: 20 },
  {
    given: "CDN-Cache-Control over Cache-Control",
    headers: { "CDN-Cache-Control": "max-age=30", "Cache-Control": "no-store" },
    seconds: 30,
  },
  {
    given: "Expires",
    headers: { Date: "Fri, 02 Jan 2026 03:04:05 GMT", Expires: "Fri, 02 Jan 2026 03:04:45 GMT" },
    seconds: 40,
  },
];

/** Seconds for which a cache that gets this answer takes it for fresh by this directive (RFC 9111 §4.2); none for 0. */
function freshFor(answer: Answer, directive: string): number | undefined {
  const field = answer.header("cache-control") ?? "";
  const given = new RegExp(`(?:^|, *)${directive}="?([0-9]+)`, "i").exec(field.replace(/x="[^"]*"/, ""));
  return given === null ? undefined : Math.max(0, Number(given[1]) - Number(answer.header("age") ?? 0));
}

describe.each(ADAPTERS)("$name: a kept page", (adapter) => {
  it.each(LIFETIMES)("is fresh for as long as $given says", async ({ ttl, headers, seconds }) => {
    const site = await openSite(adapter, {
      options: ttl === undefined ? {} : { ttl },
      handler: () => ({ headers: { "Content-Type": "text/plain", ...headers }, body: `render ${site.renders}` }),
    });
    await site.visit("/");
    site.clock.advance(seconds - 1);
    expect((await site.visit("/")).text).toBe("render 1");
    site.clock.advance(1);
    const later = await site.visit("/");
    expect([later.text, later.isHit]).toEqual(["render 2", false]);
  });

  it.each([
    { given: "no word about freshness, and no ttl", headers: {} },
    { given: "max-age=0", headers: { "Cache-Control": "max-age=0" } },
    { given: "Expires: 0", headers: { Expires: "0" } },
  ])("is never served unasked after $given", async ({ headers }) => {
    const site = await openSite(adapter, { options: {}, handler: () => ({ headers, body: `render ${site.renders}` }) });
    await site.visit("/");
    const second = await site.visit("/");
    expect([second.text, second.isHit]).toEqual(["render 2", false]);
  });

  it("leaves what the browser is told as the handler wrote it", async () => {
    const page = { headers: { "Cache-Control": "max-age=0, s-maxage=60" }, body: "x" };
    const site = await openSite(adapter, { options: { ttl: "1h" }, handler: () => page });
    expect((await site.visit("/")).header("cache-control")).toBe("max-age=0, s-maxage=60");
    expect((await site.visit("/")).header("cache-control")).toBe("max-age=0, s-maxage=60");
    const silent = await openSite(adapter, { options: { ttl: "1h" } });
    await silent.visit("/");
    expect((await silent.visit("/")).header("cache-control")).toBeUndefined();
  });

  it.each([
    { given: "a field value", clientCacheControl: "public, max-age=9", headers: {}, told: "public, max-age=9" },
    { given: "true", clientCacheControl: true, headers: {}, told: "max-age=300" },
    { given: "false", clientCacheControl: false, headers: {}, told: undefined },
    {
      given: "a field value, and the page has one",
      clientCacheControl: "max-age=9",
      headers: { "Cache-Control": "max-age=300" },
      told: "max-age=300",
    },
  ])("tells the browser, when asked to by $given, from the first time on", async (row) => {
    const { clientCacheControl, headers, told } = row;
    const site = await openSite(adapter, {
      options: { ttl: "5m", clientCacheControl },
      handler: () => ({ headers, body: "x" }),
    });
    const miss = await site.visit("/");
    const hit = await site.visit("/");
    const unchanged = await site.visit("/", { headers: { "if-none-match": hit.header("etag")! } });
    expect([unchanged.status, hit.isHit]).toEqual([304, true]);
    for (const answer of [miss, hit, unchanged]) expect(answer.header("cache-control")).toBe(told);
    // What browsers are told decides nothing here.
    site.clock.advance(299);
    expect((await site.visit("/")).isHit).toBe(true);
  });

  it.each([
    { given: "max-age=60", maxAge: 60 },
    { given: 'public, Max-Age="60" , s-maxage=90', maxAge: 60, sMaxage: 90 },
    { given: 's-maxage=90, x="max-age=5, max-age=6"', sMaxage: 90 },
    { given: "max-age=0, must-revalidate", maxAge: 0 },
    { given: "no-cache" },
  ])("leaves the client what `$given` gave, however old a fresh page is", async ({ given, maxAge, sMaxage }) => {
    const site = await openSite(adapter, {
      options: { ttl: "5m", staleWhileRevalidate: 60, clientCacheControl: given },
    });
    const first = await site.visit("/");
    const etag = (await site.visit("/")).header("etag")!;
    expect(first.header("cache-control")).toBe(given);
    const made = site.clock.now();
    for (const age of [1, 200, 299]) {
      site.clock.advance(age - (site.clock.now() - made) / 1000);
      for (const options of [{}, { method: "HEAD" }, { headers: { "if-none-match": etag } }]) {
        const answer = await site.visit("/", options);
        expect([answer.isHit, answer.header("age")]).toEqual([true, String(age)]);
        expect(freshFor(answer, "max-age")).toBe(maxAge);
        expect(freshFor(answer, "s-maxage")).toBe(sMaxage);
      }
    }
  });

  it("gives the client no time beyond its own where it names the page's own lifetime, or the page is stale", async () => {
    const own = await openSite(adapter, { options: { ttl: "5m", clientCacheControl: true } });
    await own.visit("/");
    own.clock.advance(200);
    expect(freshFor(await own.visit("/"), "max-age")).toBe(100);
    const stale = await openSite(adapter, {
      options: { ttl: "5m", staleWhileRevalidate: 60, clientCacheControl: "max-age=60" },
    });
    await stale.visit("/");
    stale.clock.advance(310);
    const answer = await stale.visit("/");
    expect([answer.cacheStatus, answer.header("cache-control")]).toEqual(["diskcache; hit; ttl=-10", "max-age=60"]);
  });

  it("counts an age that the page came with", async () => {
    const site = await openSite(adapter, {
      options: { ttl: "5m", clientCacheControl: "max-age=60" },
      handler: () => ({ headers: { Age: "100" }, body: "x" }),
    });
    const first = await site.visit("/");
    expect([first.isStored, freshFor(first, "max-age")]).toEqual([true, 60]);
    site.clock.advance(10);
    const hit = await site.visit("/");
    expect([hit.isHit, freshFor(hit, "max-age")]).toEqual([true, 60]);
  });

  it("tells the browser nothing of a page that is not kept", async () => {
    const site = await openSite(adapter, {
      options: { ttl: "5m", clientCacheControl: "max-age=9" },
      handler: () => ({ headers: { "Set-Cookie": "a=1" }, body: "x" }),
    });
    expect((await site.visit("/")).header("cache-control")).toBeUndefined();
  });

  it("is no longer served when the clock is set back before it was made", async () => {
    const site = await openSite(adapter);
    await site.visit("/");
    site.clock.advance(-3600);
    const answer = await site.visit("/");
    // A page out of the future has an age nobody knows: at most, it counts as new.
    expect(Number(answer.header("age") ?? 0)).toBe(0);
    site.clock.advance(3600 + 300);
    expect((await site.visit("/")).text).not.toBe("render 1");
  });

  it("is rendered again behind the client while stale-while-revalidate lasts", async () => {
    const site = await openSite(adapter, { options: { ttl: 60, staleWhileRevalidate: 30 } });
    await site.visit("/");
    site.clock.advance(70);
    const stored = new Promise((resolve) => site.cache.on("stored", resolve));
    const stale = await site.visit("/");
    expect([stale.text, stale.cacheStatus, stale.header("age")]).toEqual(["render 1", "diskcache; hit; ttl=-10", "70"]);
    await stored;
    const fresh = await site.visit("/");
    expect([fresh.text, fresh.cacheStatus]).toEqual(["render 2", "diskcache; hit; ttl=60"]);
    expect(site.renders).toBe(2);
  });

  it("is not served stale after its windows are over", async () => {
    const site = await openSite(adapter, { options: { ttl: 60, staleWhileRevalidate: 30 } });
    await site.visit("/");
    site.clock.advance(91);
    expect((await site.visit("/")).text).toBe("render 2");
  });

  it.each([
    { given: "answers 503", fail: (): Page => ({ status: 503, body: "down" }) },
    {
      given: "throws",
      fail: (): Page => {
        throw new Error("down");
      },
    },
  ])("stands in for an application that $given, while stale-if-error lasts", async ({ fail }) => {
    let down = false;
    const site = await openSite(adapter, {
      options: { ttl: 60, staleIfError: "1h" },
      handler: () => (down ? fail() : { headers: { "Content-Type": "text/plain" }, body: `render ${site.renders}` }),
    });
    await site.visit("/");
    down = true;
    site.clock.advance(61);
    const hidden = await site.visit("/");
    expect([hidden.status, hidden.text, hidden.header("content-type")]).toEqual([
      200,
      "render 1",
      expect.stringContaining("text/plain"),
    ]);
    expect(hidden.cacheStatus).toContain("detail=stale-if-error");
    site.clock.advance(3600);
    expect((await site.visit("/")).status).toBeGreaterThanOrEqual(500);
    down = false;
    expect((await site.visit("/")).status).toBe(200);
  });
});

describe.each(ADAPTERS)("$name: conditions", (adapter) => {
  const PAGE = {
    headers: { ETag: '"v1"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "Content-Type": "text/plain" },
    body: "version 1",
  };

  it.each([
    { given: "its entity tag", headers: { "if-none-match": '"v1"' }, status: 304 },
    { given: "its entity tag, marked weak", headers: { "if-none-match": 'W/"v1"' }, status: 304 },
    { given: "its entity tag among others", headers: { "if-none-match": '"v0", "v1"' }, status: 304 },
    { given: "*", headers: { "if-none-match": "*" }, status: 304 },
    { given: "another entity tag", headers: { "if-none-match": '"v2"' }, status: 200 },
    {
      given: "another tag, although the date would do",
      headers: { "if-none-match": '"v2"', "if-modified-since": PAGE.headers["Last-Modified"] },
      status: 200,
    },
    { given: "its date", headers: { "if-modified-since": PAGE.headers["Last-Modified"] }, status: 304 },
    { given: "an earlier date", headers: { "if-modified-since": "Wed, 31 Dec 2025 00:00:00 GMT" }, status: 200 },
  ])("of a client with $given get the same answer from a miss as from a hit: $status", async ({ headers, status }) => {
    const site = await openSite(adapter, { handler: () => PAGE });
    const miss = await site.visit("/", { headers });
    const hit = await site.visit("/", { headers });
    expect([miss.status, hit.status, hit.isHit]).toEqual([status, status, true]);
    expect(hit.text).toBe(status === 304 ? "" : "version 1");
    expect(hit.header("etag")).toBe('"v1"');
    // What the first client did not need was kept for the others.
    expect((await site.visit("/")).text).toBe("version 1");
    expect(site.renders).toBe(1);
  });

  it("can be asked with the tag of a page whose handler gave it none", async () => {
    const site = await openSite(adapter, {
      handler: () => ({ headers: { "Content-Type": "text/plain" }, body: "untagged" }),
    });
    const miss = await site.visit("/");
    const tag = (await site.visit("/")).header("etag")!;
    expect(tag).toMatch(/^(W\/)?".+"$/);
    expect(miss.header("etag") ?? tag).toBe(tag);
    const hit = await site.visit("/", { headers: { "if-none-match": tag } });
    expect([hit.status, hit.body.length, hit.isHit]).toEqual([304, 0, true]);
  });

  it("are put to the handler when the page is stale, and its 304 makes the page fresh again", async () => {
    const asked: (string | undefined)[] = [];
    const site = await openSite(adapter, {
      options: { ttl: 60 },
      handler: ({ req }) => {
        asked.push(req.headers["if-none-match"]);
        return req.headers["if-none-match"] === '"v1"'
          ? { status: 304, headers: { ETag: '"v1"', "X-Checked": "yes" } }
          : PAGE;
      },
    });
    await site.visit("/");
    site.clock.advance(61);
    const validated = await site.visit("/");
    expect([validated.status, validated.text, validated.header("x-checked")]).toEqual([200, "version 1", "yes"]);
    expect(validated.cacheStatus).toBe("diskcache; fwd=stale; fwd-status=304; stored");
    const hit = await site.visit("/");
    expect([hit.text, hit.isHit, hit.header("age"), hit.header("x-checked")]).toEqual(["version 1", true, "0", "yes"]);
    expect(asked).toEqual([undefined, '"v1"']);
  });

  it("are put to the handler instead of the client's own, who still gets its 304", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60 },
      handler: ({ req }) =>
        req.headers["if-none-match"] === '"v1"' ? { status: 304, headers: { ETag: '"v1"' } } : PAGE,
    });
    await site.visit("/");
    site.clock.advance(61);
    expect((await site.visit("/", { headers: { "if-none-match": '"v0"' } })).text).toBe("version 1");
    site.clock.advance(61);
    expect((await site.visit("/", { headers: { "if-none-match": '"v1"' } })).status).toBe(304);
  });

  it("of a stale page are honoured for clients that ask for it, where that is allowed", async () => {
    const site = await openSite(adapter, { options: { ttl: 60, honourRequest: true } });
    await site.visit("/");
    const reloaded = await site.visit("/", { headers: { "cache-control": "no-cache" } });
    expect([reloaded.text, reloaded.cacheStatus]).toEqual(["render 2", expect.stringContaining("fwd=request")]);
    const elsewhere = await site.visit("/other", { headers: { "cache-control": "only-if-cached" } });
    expect([elsewhere.status, elsewhere.cacheStatus]).toEqual([504, "diskcache; detail=only-if-cached"]);
    const unheard = await openSite(adapter, { options: { ttl: 60, honourRequest: false } });
    await unheard.visit("/");
    expect((await unheard.visit("/", { headers: { "cache-control": "no-cache" } })).text).toBe("render 1");
  });

  it.each([
    { environment: "development", renders: "render 2" },
    { environment: "production", renders: "render 1" },
  ])("of a reload that leaves out caches are honoured in $environment: $renders", async ({ environment, renders }) => {
    vi.stubEnv("NODE_ENV", environment);
    const site = await openSite(adapter, { options: { ttl: 60 } });
    vi.unstubAllEnvs();
    await site.visit("/");
    const others = ["max-age=0", "no-store", "only-if-cached", "min-fresh=100"];
    for (const field of others)
      expect((await site.visit("/", { headers: { "cache-control": field } })).text).toBe("render 1");
    const reload = { headers: { "cache-control": "no-cache", pragma: "no-cache" } };
    expect((await site.visit("/", reload)).text).toBe(renders);
    expect((await site.visit("/")).text).toBe(renders);
    expect((await site.visit("/", { headers: { pragma: "no-cache" } })).isHit).toBe(environment === "production");
  });
});
