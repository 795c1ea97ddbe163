/** What the operator holds in his hand: events, counters, explanations, and an end. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { ADAPTERS } from "./adapters.js";
import { openSite } from "./site.js";

describe.each(ADAPTERS)("$name: the handle", (adapter) => {
  it("tells of everything that happens, in order, and counts it", async () => {
    const site = await openSite(adapter, {
      handler: ({ req }) => ({
        headers: req.url === "/secret" ? { "Cache-Control": "no-store" } : {},
        body: "0123456789",
      }),
    });
    const told: unknown[] = [];
    for (const name of ["hit", "forward", "stored", "not-stored", "purge"] as const)
      site.cache.on(name, (event) => told.push({ name, ...event }));
    for (const target of ["/", "/", "/secret"]) await site.visit(target);
    await site.cache.purge("/");
    expect(told).toEqual([
      { name: "forward", url: "/", reason: "uri-miss", detail: undefined },
      { name: "stored", url: "/", bytes: 10 },
      { name: "hit", url: "/", stale: false },
      { name: "forward", url: "/secret", reason: "uri-miss", detail: undefined },
      { name: "not-stored", url: "/secret", reason: "no-store" },
      { name: "purge", what: '{"url":"/"}', soft: false },
    ]);
    expect(await site.cache.stats()).toMatchObject({
      hits: 1,
      staleHits: 0,
      forwards: 2,
      collapsed: 0,
      stored: 1,
      notStored: 1,
      purges: 1,
      errors: 0,
    });
  });

  it("tells diagnostics_channel the same, and nobody after off()", async () => {
    const site = await openSite(adapter);
    const published: unknown[] = [];
    const heard: unknown[] = [];
    const subscriber = (message: unknown) => published.push((message as { readonly name: string }).name);
    const listener = (event: unknown) => heard.push(event);
    subscribe("diskcache", subscriber);
    onTestFinished(() => void unsubscribe("diskcache", subscriber));
    site.cache.on("hit", listener);
    for (const _ of [1, 2]) await site.visit("/");
    site.cache.off("hit", listener);
    await site.visit("/");
    expect(published).toEqual(["forward", "stored", "hit", "hit"]);
    expect(heard).toHaveLength(1);
  });

  it("counts entries and bytes, and knows nothing is left after clear()", async () => {
    const site = await openSite(adapter);
    for (const target of ["/a", "/b", "/c"]) await site.visit(target);
    let full = await site.cache.stats();
    // They are counted once they are on disk.
    while (full.entries < 3 || full.pendingWrites > 0) {
      await new Promise(setImmediate);
      full = await site.cache.stats();
    }
    expect([full.entries, full.memoryEntries, full.memoryBytes > 0]).toEqual([3, 3, true]);
    await site.cache.clear();
    for (const target of ["/a", "/b", "/c"]) expect((await site.visit(target)).isHit).toBe(false);
  });

  it("explains what it would do with a request, and does nothing", async () => {
    const site = await openSite(adapter, { options: { ttl: 60 } });
    const ask = (method: string, headers: Record<string, string> = {}) =>
      site.cache.explain(request(site.origin, method, "/page", headers));
    expect(await ask("GET")).toMatchObject({ outcome: "forward", reason: "uri-miss", url: "/page", stored: undefined });
    await site.visit("/page");
    site.clock.advance(10);
    expect(await ask("GET")).toMatchObject({
      outcome: "hit",
      stored: { status: 200, freshFor: 50, age: 10 },
      key: { target: "/page", partitioned: false },
    });
    expect(await ask("POST")).toMatchObject({ outcome: "forward", reason: "method", key: undefined });
    expect(await ask("GET", { cookie: "a=1" })).toMatchObject({
      outcome: "forward",
      reason: "bypass",
      detail: "cookie",
    });
    site.clock.advance(60);
    expect(await ask("GET")).toMatchObject({
      outcome: "forward",
      reason: expect.stringMatching(/stale|uri-miss/) as string,
    });
    expect([site.renders, (await site.cache.stats()).hits]).toEqual([1, 0]);
  });

  it("forwards everything once it is closed, and says so to those who ask it for more", async () => {
    const site = await openSite(adapter);
    await site.visit("/");
    await site.cache.close();
    await site.cache.close();
    for (const n of [2, 3]) {
      const answer = await site.visit("/");
      expect([answer.text, answer.cacheStatus]).toEqual([`render ${n}`, "diskcache; fwd=bypass; detail=closed"]);
    }
    for (const call of [
      site.cache.purge("/"),
      site.cache.purgeTag("t"),
      site.cache.clear(),
      site.cache.explain(request(site.origin, "GET", "/", {})),
      site.cache.warm(["/"]),
      site.cache.refresh("/"),
    ]) {
      await expect(call).rejects.toMatchObject({ code: "ERR_DISKCACHE_CLOSED" });
    }
    // What it has done is told to the last.
    expect(await site.cache.stats()).toMatchObject({ forwards: 3, stored: 1 });
  });

  it.each(["/", undefined, {}, { req: "/" }])("explains requests, and refuses %j", async (given) => {
    const { cache } = await openSite(adapter);
    await expect(cache.explain(given as never)).rejects.toMatchObject({
      code: "ERR_DISKCACHE_OPTION",
      message: expect.stringMatching(
        /^option `request`: expected a (?:request, as a handler .*|web Request), got /,
      ) as string,
    });
  });

  it("may be closed while a page is made: the client gets it", async () => {
    const site = await openSite(adapter, {
      handler: async () => {
        await site.cache.close();
        return { body: "made" };
      },
    });
    expect((await site.visit("/")).text).toBe("made");
  });

  it.each([
    { given: "enabled: false", options: { ttl: 60, enabled: false } },
    { given: "a route that is not the cache's", options: { ttl: 60, skip: () => true } },
  ])("stands aside with $given", async ({ options }) => {
    const site = await openSite(adapter, { options });
    for (const n of [1, 2]) expect(await site.visit("/")).toMatchObject({ text: `render ${n}`, isHit: false });
    expect((await site.cache.stats()).entries).toBe(0);
  });

  it("touches no disk until the first request", async () => {
    const dir = `${temporaryDirectory()}/later`;
    const site = await openSite(adapter, { options: { ttl: 60, dir } });
    expect(site.errors).toEqual([]);
    await site.visit("/");
    expect((await site.visit("/")).isHit).toBe(true);
  });

  it("keeps nothing longer than maxBody, and delivers it whole", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, maxBody: "1kb" },
      handler: ({ req }) => ({ body: "x".repeat(Number(req.url!.slice(1))) }),
    });
    for (const target of ["/1024", "/1025", "/200000"]) {
      const miss = await site.visit(target);
      const second = await site.visit(target);
      expect([miss.text.length, second.text.length, second.isHit]).toEqual([
        Number(target.slice(1)),
        Number(target.slice(1)),
        target === "/1024",
      ]);
    }
  });

  it("keeps the files within maxSize", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, maxSize: "256kb", minFree: 0 },
      handler: () => ({ body: "x".repeat(20_000) }),
    });
    for (let n = 0; n < 60; n++) await site.visit(`/${n}`);
    // Eviction runs behind the clients; when all is written and swept, the files are within the bound.
    let { pendingWrites, bytes } = await site.cache.stats();
    while (pendingWrites > 0 || bytes > 256 * 1024) {
      await new Promise(setImmediate);
      ({ pendingWrites, bytes } = await site.cache.stats());
    }
    expect(bytes).toBeGreaterThan(0);
    expect((await site.visit("/new")).status).toBe(200);
  });
});

/** A request nobody sent. */
function request(origin: string, method: string, target: string, headers: Record<string, string>): IncomingMessage {
  const req = new IncomingMessage(new Socket());
  req.method = method;
  req.url = target;
  req.headers = { host: new URL(origin).host, ...headers };
  req.rawHeaders = Object.entries(req.headers).flat() as string[];
  return req;
}
