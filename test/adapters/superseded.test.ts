/** A stored page whose handler now gives what may not be stored: the page is over, and what says nothing of it leaves
 * it alone. */
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { DiskCacheOptions } from "@diskcache/core";
import { written } from "../security/crafted.js";
import { barrier } from "../support/barrier.js";
import { EVERY_ADAPTER, incoming } from "./adapters.js";
import type { Adapter, Page } from "./adapters.js";
import { openSite } from "./site.js";
import type { Site } from "./site.js";

const PLAIN = { "Content-Type": "text/plain" };
const KEPT: Page = { headers: PLAIN, body: "page" };

const NOT_STORABLE: readonly { readonly now: string; readonly page: () => Page }[] = [
  { now: "404", page: () => ({ status: 404, headers: { ...PLAIN, "Cache-Control": "no-store" }, body: "gone" }) },
  { now: "a 302 that names no lifetime", page: () => ({ status: 302, headers: { Location: "/login" }, body: "gone" }) },
  { now: "401", page: () => ({ status: 401, headers: { ...PLAIN, "WWW-Authenticate": "Basic" }, body: "gone" }) },
  { now: "a private page", page: () => ({ headers: { ...PLAIN, "Cache-Control": "private" }, body: "gone" }) },
  { now: "a no-store page", page: () => ({ headers: { ...PLAIN, "Cache-Control": "no-store" }, body: "gone" }) },
  { now: "a page that sets a cookie", page: () => ({ headers: { ...PLAIN, "Set-Cookie": "a=1" }, body: "gone" }) },
  { now: "a page that varies by all", page: () => ({ headers: { ...PLAIN, Vary: "*" }, body: "gone" }) },
  { now: "too long a page", page: () => ({ headers: PLAIN, body: "gone".padEnd(5000) }) },
  {
    now: "a page that turns out too long",
    page: () => ({ headers: PLAIN, body: Readable.from(["gone", Buffer.alloc(3000), Buffer.alloc(3000)]) }),
  },
];

const SAYING_NOTHING: readonly { readonly what: string; readonly page: () => Page }[] = [
  { what: "500", page: () => ({ status: 500, headers: PLAIN, body: "down" }) },
  { what: "503", page: () => ({ status: 503, headers: PLAIN, body: "down" }) },
  { what: "429", page: () => ({ status: 429, headers: PLAIN, body: "slower" }) },
];

function notStored(site: Site): Promise<unknown> {
  return new Promise((resolve) => site.cache.on("not-stored", resolve));
}

/** A site that has stored its page, whose handler then gives what `next` holds. */
async function changing(adapter: Adapter, options: Partial<DiskCacheOptions>, first: Page = KEPT) {
  const next: { page: () => Page | Promise<Page> } = { page: () => first };
  const site = await openSite(adapter, {
    options: { ttl: 10, maxBody: "4kb", ...options },
    handler: () => next.page(),
  });
  await site.visit("/");
  expect((await site.visit("/")).isHit).toBe(true);
  // Until then the lock of the page is held, and nothing refreshes it.
  await written(site.cache);
  return { site, next };
}

/** What middleware outside the cache adds while the head of a 304, and with it the stored page, leaves. */
const ADDED_LATE = [
  { field: "Cache-Control: private", add: ["Cache-Control", "private"], reason: "private" },
  { field: "Cache-Control: no-store", add: ["Cache-Control", "max-age=60, no-store"], reason: "no-store" },
  { field: "Set-Cookie", add: ["Set-Cookie", "id=1"], reason: "set-cookie" },
  { field: "Vary: *", add: ["Vary", "*"], reason: "late-vary" },
  { field: "Vary: Cookie", add: ["Vary", "Cookie"], reason: "late-vary" },
] as const;

/** Adds a field to every head from now on, as it leaves. */
function addLate(site: Site, [name, value]: readonly [string, string]): void {
  site.onRequest((_, res) => {
    const { writeHead } = res;
    res.writeHead = function (this: typeof res, ...given: unknown[]) {
      this.setHeader(name, value);
      return Reflect.apply(writeHead, this, given);
    } as typeof writeHead;
  });
}

describe.each(EVERY_ADAPTER)("$name: a stored page", (adapter) => {
  it.each(NOT_STORABLE)("is over when a refresh behind it brings $now", async ({ page }) => {
    const { site, next } = await changing(adapter, { staleWhileRevalidate: "1h" });
    next.page = page;
    site.clock.advance(15);
    const told = notStored(site);
    expect((await site.visit("/")).text).toBe("page");
    await told;
    const later = await site.visit("/");
    expect([later.isHit, later.text.slice(0, 4)]).toEqual([false, "gone"]);
  });

  it.each(NOT_STORABLE)("is over when a reload that is honoured brings $now", async ({ page }) => {
    const { site, next } = await changing(adapter, { honourRequest: true });
    next.page = page;
    await site.visit("/", { headers: { "cache-control": "no-cache" } });
    const later = await site.visit("/");
    expect([later.isHit, later.text.slice(0, 4)]).toEqual([false, "gone"]);
  });

  it.each([
    { how: "refresh()", ask: (site: Site) => site.cache.refresh(`${site.origin}/`) },
    {
      how: "warm(), which finds it stale",
      ask: async (site: Site) => {
        site.clock.advance(11);
        await site.cache.warm([`${site.origin}/`]);
      },
    },
  ])("is over when $how brings what may not be stored", async ({ ask }) => {
    const { site, next } = await changing(adapter, { keep: "1h", honourRequest: true });
    next.page = () => ({ headers: { ...PLAIN, "Cache-Control": "private" }, body: "gone" });
    await ask(site);
    const later = await site.visit("/", { headers: { "cache-control": "max-stale=60" } });
    expect([later.isHit, later.text]).toEqual([false, "gone"]);
  });

  it("is over when middleware outside calls the new one private as it leaves", async () => {
    const { site, next } = await changing(adapter, { staleWhileRevalidate: "1h" });
    next.page = () => ({ headers: PLAIN, body: "another page" });
    site.onRequest((_, res) => {
      const { writeHead } = res;
      res.writeHead = function (this: typeof res, ...given: unknown[]) {
        this.setHeader("Cache-Control", "private");
        return Reflect.apply(writeHead, this, given);
      } as typeof writeHead;
    });
    site.clock.advance(15);
    const told = notStored(site);
    expect((await site.visit("/")).isHit).toBe(true);
    await told;
    expect((await site.visit("/")).isHit).toBe(false);
  });

  it.each(SAYING_NOTHING)("stays when a reload that is honoured brings $what", async ({ page }) => {
    const { site, next } = await changing(adapter, { honourRequest: true });
    next.page = page;
    await site.visit("/", { headers: { "cache-control": "no-cache" } });
    const later = await site.visit("/");
    expect([later.isHit, later.text]).toEqual([true, "page"]);
  });

  it("stays when a reload that is honoured brings less than it announces", async () => {
    const { site, next } = await changing(adapter, { honourRequest: true });
    next.page = () => ({ headers: { ...PLAIN, "Content-Length": "100" }, body: Readable.from(["short"]) });
    const told = notStored(site);
    const answer = await site.begin("/", { headers: { "cache-control": "no-cache" } });
    expect(await told).toMatchObject({ reason: "length" });
    answer.on("error", () => undefined).destroy();
    const later = await site.visit("/");
    expect([later.isHit, later.text]).toEqual([true, "page"]);
  });

  it.each([
    { whom: "cookies of its own", headers: { cookie: "session=1" } },
    { whom: "Authorization", headers: { authorization: "Bearer a" } },
    { whom: "an API key", headers: { "x-api-key": "a" } },
  ])("stays when a client with $whom is given something else", async ({ headers }) => {
    const first = { headers: { ...PLAIN, "Cache-Control": "public, max-age=10" }, body: "page" };
    const { site, next } = await changing(adapter, { honourRequest: true }, first);
    next.page = () => ({ headers: { ...PLAIN, "Cache-Control": "private" }, body: "gone" });
    const own = await site.visit("/", { headers: { ...headers, "cache-control": "no-cache" } });
    expect(own.text).toBe("gone");
    const later = await site.visit("/");
    expect([later.isHit, later.text]).toEqual([true, "page"]);
  });

  it("stays when a client of another partition is given what may not be stored", async () => {
    const { site, next } = await changing(adapter, {
      honourRequest: true,
      partition: (req) => String(incoming(req).headers["x-shop"]),
    });
    next.page = () => ({ headers: { ...PLAIN, "Cache-Control": "private" }, body: "gone" });
    await site.visit("/", { headers: { "x-shop": "b", "cache-control": "no-cache" } });
    const later = await site.visit("/");
    expect([later.isHit, later.text]).toEqual([true, "page"]);
  });

  it("is over when an answer to HEAD says that it is private", async () => {
    const { site, next } = await changing(adapter, { honourRequest: true });
    next.page = () => ({ headers: { ...PLAIN, "Cache-Control": "private" }, body: "gone" });
    await site.visit("/", { method: "HEAD", headers: { "cache-control": "no-cache" } });
    expect((await site.visit("/")).text).toBe("gone");
  });

  it("is over when the handler's 304 says that it is private", async () => {
    const tagged = { headers: { ...PLAIN, ETag: '"1"' }, body: "page" };
    const { site, next } = await changing(adapter, {}, tagged);
    site.clock.advance(15);
    next.page = () => ({ status: 304, headers: { ETag: '"1"', "Cache-Control": "private" } });
    await site.visit("/");
    next.page = () => ({ headers: { ...PLAIN, "Cache-Control": "private" }, body: "gone" });
    expect((await site.visit("/")).text).toBe("gone");
  });
});

describe.each(EVERY_ADAPTER)("$name: a stored page of which the answer to a HEAD tells", (adapter) => {
  const RELOAD = { method: "HEAD", headers: { "cache-control": "no-cache" } };
  const ANOTHER: Page = { headers: PLAIN, body: "gone" };

  /** What a GET has after a HEAD that the handler answered by `told`. */
  async function afterHead(
    site: Site,
    next: { page: () => Page | Promise<Page> },
    told: () => Page,
    ask: object = RELOAD,
  ) {
    next.page = told;
    await site.visit("/", ask);
    next.page = () => ANOTHER;
    const { isHit, text } = await site.visit("/");
    return [isHit, text];
  }

  it.each([
    ...NOT_STORABLE.filter(({ now }) => !now.includes("too long")),
    { now: "410", page: () => ({ status: 410, headers: PLAIN }) },
    { now: "a redirect to the page's new place", page: () => ({ status: 301, headers: { Location: "/new" } }) },
  ])("is over when that is $now", async ({ page }) => {
    const { site, next } = await changing(adapter, { honourRequest: true });
    expect(await afterHead(site, next, page)).toEqual([false, "gone"]);
  });

  it("is over when that is 200 and the page a 404", async () => {
    const missing: Page = { status: 404, headers: { ...PLAIN, "Cache-Control": "max-age=60" }, body: "none" };
    const { site, next } = await changing(adapter, { honourRequest: true }, missing);
    expect(await afterHead(site, next, () => ({ headers: PLAIN }))).toEqual([false, "gone"]);
  });

  it.each([
    ...SAYING_NOTHING,
    { what: "405", page: () => ({ status: 405 }) },
    { what: "501", page: () => ({ status: 501 }) },
  ])("stays when that is $what", async ({ page }) => {
    const { site, next } = await changing(adapter, { honourRequest: true });
    expect(await afterHead(site, next, page)).toEqual([true, "page"]);
  });

  it.each(ADDED_LATE)("is over where middleware outside adds $field as that leaves", async ({ add }) => {
    const { site, next } = await changing(adapter, { honourRequest: true });
    addLate(site, add);
    expect(await afterHead(site, next, () => KEPT)).toEqual([false, "gone"]);
  });

  it.each(ADDED_LATE)(
    "is not made fresh again where middleware outside adds $field as that leaves",
    async ({ add }) => {
      const tagged: Page = { headers: { ...PLAIN, ETag: '"1"' }, body: "page" };
      const { site, next } = await changing(adapter, { keep: "1h" }, tagged);
      site.clock.advance(15);
      addLate(site, add);
      expect(await afterHead(site, next, () => tagged, { method: "HEAD" })).toEqual([false, "gone"]);
    },
  );

  it("is over where a 304 to the client's own condition sets a cookie", async () => {
    const tagged: Page = { headers: { ...PLAIN, ETag: '"1"' }, body: "page" };
    const { site, next } = await changing(adapter, { honourRequest: true }, tagged);
    const ask = { method: "HEAD", headers: { "cache-control": "no-cache", "if-none-match": '"1"' } };
    const told = () => ({ status: 304, headers: { ETag: '"1"', "Set-Cookie": "a=1" } });
    expect(await afterHead(site, next, told, ask)).toEqual([false, "gone"]);
  });

  it("is fresh again by the fields of that", async () => {
    const tagged: Page = { headers: { ...PLAIN, ETag: '"1"' }, body: "page" };
    const { site, next } = await changing(adapter, {}, tagged);
    site.clock.advance(15);
    expect(await afterHead(site, next, () => tagged, { method: "HEAD" })).toEqual([true, "page"]);
  });

  it.each([
    { whom: "cookies of its own", headers: { cookie: "session=1" } },
    { whom: "Authorization", headers: { authorization: "Bearer a" } },
  ])("stays when a client with $whom is told of another one", async ({ headers }) => {
    const first = { headers: { ...PLAIN, ETag: '"1"', "Cache-Control": "public, max-age=10" }, body: "page" };
    const { site, next } = await changing(adapter, { honourRequest: true }, first);
    const told = () => ({ headers: { ...PLAIN, ETag: '"2"', "Cache-Control": "public, max-age=10" } });
    const ask = { method: "HEAD", headers: { ...headers, "cache-control": "no-cache" } };
    expect(await afterHead(site, next, told, ask)).toEqual([true, "page"]);
  });
});

describe.each(EVERY_ADAPTER)("$name: a stored page that a 304 makes fresh again", (adapter) => {
  const TAGGED = { ...PLAIN, ETag: '"1"' };
  const NOT_MODIFIED: Page = { status: 304, headers: { ETag: '"1"' } };
  const BODIES = [
    { size: "short", body: "page" },
    { size: "long", body: "page".padEnd(100_000) },
  ] as const;

  async function stale(body: string, options: Partial<DiskCacheOptions> = {}) {
    const { site, next } = await changing(adapter, { maxBody: "1mb", ...options }, { headers: TAGGED, body });
    next.page = () => NOT_MODIFIED;
    site.clock.advance(15);
    return { site, next };
  }

  it.each(BODIES)("is stored as that ($size)", async ({ body }) => {
    const { site } = await stale(body);
    const answer = await site.visit("/");
    expect([answer.status, answer.text]).toEqual([200, body]);
    expect(answer.cacheStatus).toContain("fwd=stale; fwd-status=304; stor");
    await written(site.cache);
    expect((await site.visit("/")).isHit).toBe(true);
  });

  describe.each(BODIES)("($size)", ({ body }) => {
    it.each(ADDED_LATE)("is over where middleware outside adds $field as it leaves", async ({ add, reason }) => {
      const { site, next } = await stale(body);
      addLate(site, add);
      const told = notStored(site);
      const answer = await site.visit("/");
      expect([answer.status, answer.text]).toEqual([200, body]);
      expect(answer.cacheStatus).toBe(`diskcache; fwd=stale; fwd-status=304; detail=${reason}`);
      expect(await told).toMatchObject({ reason });
      await written(site.cache);
      next.page = () => ({ headers: PLAIN, body: "gone" });
      expect((await site.visit("/")).text).toBe("gone");
      expect((await site.cache.stats()).stored).toBe(1);
    });
  });

  it.each(ADDED_LATE)("is over where a refresh behind it finds $field added as it leaves", async ({ add, reason }) => {
    const { site, next } = await stale("page", { staleWhileRevalidate: "1h" });
    addLate(site, add);
    const told = notStored(site);
    expect((await site.visit("/")).isHit).toBe(true);
    expect(await told).toMatchObject({ reason });
    next.page = () => ({ headers: PLAIN, body: "gone" });
    expect((await site.visit("/")).text).toBe("gone");
  });

  it("is over where that sets a cookie, which its client gets", async () => {
    const { site, next } = await stale("page");
    next.page = () => ({ status: 304, headers: { ETag: '"1"', "Set-Cookie": ["id=1", "b=2"] } });
    const answer = await site.visit("/");
    expect([answer.status, answer.text, answer.header("set-cookie")]).toEqual([200, "page", "id=1, b=2"]);
    expect(answer.cacheStatus).toBe("diskcache; fwd=stale; fwd-status=304; detail=set-cookie");
    next.page = () => ({ headers: PLAIN, body: "gone" });
    expect((await site.visit("/")).text).toBe("gone");
  });

  it("stays where cookies are replayed, with the newer one", async () => {
    const options = { relaxed: { setCookie: true } };
    const { site, next } = await stale("page", options);
    next.page = () => ({ status: 304, headers: { ETag: '"1"', "Set-Cookie": "id=1" } });
    expect((await site.visit("/")).cacheStatus).toContain("fwd-status=304; stored");
    await written(site.cache);
    expect((await site.visit("/")).isHit).toBe(true);
  });

  it("is not given to clients that wait for it where middleware outside sets a cookie as it leaves", async () => {
    const release = barrier();
    const { site, next } = await stale("page");
    addLate(site, ["Set-Cookie", "id=1"]);
    next.page = async () => {
      await release.opened;
      return NOT_MODIFIED;
    };
    const before = site.renders;
    const first = site.visit("/");
    await site.arrivals.reaches(3);
    const second = site.visit("/");
    await site.waiting(1);
    next.page = () => ({ headers: PLAIN, body: "of its own" });
    release.open();
    expect([(await first).text, (await second).text]).toEqual(["page", "of its own"]);
    expect(site.renders - before).toBe(2);
  });
});
