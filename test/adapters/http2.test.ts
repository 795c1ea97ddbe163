/** HTTP/2 by Node's compatibility API, cleartext and TLS: what comes over it is cached as over HTTP/1.1. */
import { once } from "node:events";
import { Readable } from "node:stream";
import { isRefresh } from "@diskcache/http";
import { describe, expect, it } from "vitest";
import { barrier } from "../support/barrier.js";
import { openSite, SPEAKING_BY_KIND } from "./http2-site.js";

const PLAIN = { "Content-Type": "text/plain" };
const LONG = Buffer.alloc(3_000_000, "a long page, in many pieces. ");

describe.each(SPEAKING_BY_KIND)("$name over HTTP/2, $kind:", ({ adapter, kind }) => {
  it.each([
    { from: "memory", options: {}, front: false },
    { from: "the disk", options: { memory: 0 }, front: false },
    { from: "before the framework", options: {}, front: true },
  ])("a hit is what the miss was, $from", async ({ options, front }) => {
    const handler = (): object => ({ headers: { ...PLAIN, "X-Twice": ["one", "two"], ETag: '"v1"' }, body: "page" });
    const site = await openSite(adapter, kind, handler, { options, front });
    const miss = await site.visit("/");
    const hit = await site.visit("/");
    expect([miss.keptStatus, hit.cacheStatus]).toEqual(["diskcache; fwd=uri-miss; stored", "diskcache; hit; ttl=300"]);
    expect([hit.status, hit.text, hit.lines("x-twice")]).toEqual([200, "page", ["one", "two"]]);
    expect([miss.text, miss.lines("x-twice"), miss.header("content-type")]).toEqual([
      hit.text,
      hit.lines("x-twice"),
      hit.header("content-type"),
    ]);
    expect(hit.fields.map(([name]) => name).filter((name) => name !== name.toLowerCase())).toEqual([]);
  });

  it("a long body is recorded while it streams, and streams as a hit", async () => {
    const site = await openSite(adapter, kind, () => ({
      headers: PLAIN,
      body: Readable.from([LONG.subarray(0, 999), LONG.subarray(999)]),
    }));
    const [first, follower] = await Promise.all([site.visit("/"), site.visit("/")]);
    const hit = await site.visit("/");
    expect([first.body.equals(LONG), follower.body.equals(LONG), hit.body.equals(LONG)]).toEqual([true, true, true]);
    expect([hit.isHit, site.renders.count]).toEqual([true, 1]);
  });

  it("HEAD, conditions and ranges have their answers", async () => {
    const site = await openSite(adapter, kind, () => ({
      headers: { ...PLAIN, ETag: '"v1"', "Content-Length": "10" },
      body: "0123456789",
    }));
    for (const state of ["miss", "hit"]) {
      const part = await site.visit(`/${state}`, { headers: { range: "bytes=2-4" } });
      expect([part.status, part.text, part.header("content-range")]).toEqual([206, "234", "bytes 2-4/10"]);
      const unchanged = await site.visit(`/${state}`, { headers: { "if-none-match": '"v1"' } });
      expect([unchanged.status, unchanged.body.length]).toEqual([304, 0]);
    }
    expect((await site.visit("/wrong", { headers: { range: "bytes=90-" } })).status).toBe(416);
  });

  // Koa 2 by itself does not answer HEAD over HTTP/2.
  it.skipIf(adapter.name === "koa 2")("HEAD has the fields of GET, miss and hit", async () => {
    const headers = { ...PLAIN, "Content-Length": "10" };
    const site = await openSite(adapter, kind, () => ({ headers, body: "0123456789" }));
    const miss = await site.visit("/", { method: "HEAD" });
    expect(miss.cacheStatus).toMatch(/^diskcache; fwd=uri-miss/);
    await site.visit("/");
    const hit = await site.visit("/", { method: "HEAD" });
    for (const head of [miss, hit])
      expect([head.status, head.header("content-length"), head.body.length]).toEqual([200, "10", 0]);
    expect(hit.isHit).toBe(true);
  });

  it("a page without content is a hit, too", async () => {
    const site = await openSite(adapter, kind, () => ({ status: 204 }));
    await site.visit("/");
    const hit = await site.visit("/");
    expect([hit.status, hit.isHit, hit.body.length]).toEqual([204, true, 0]);
  });

  it("`Vary` and hosts tell pages apart as over HTTP/1.1", async () => {
    const site = await openSite(adapter, kind, ({ req }) => ({
      headers: { ...PLAIN, Vary: "Accept-Language" },
      body: `${req.headers["accept-language"]} ${req.headers[":authority"] as string}`,
    }));
    for (const language of ["de", "en"])
      for (const host of ["one.example", "two.example"]) {
        const headers = { "accept-language": language, ":authority": host };
        const [miss, hit] = [await site.visit("/", { headers }), await site.visit("/", { headers })];
        expect([miss.text, hit.text, hit.isHit]).toEqual([`${language} ${host}`, `${language} ${host}`, true]);
      }
  });

  it("a stale page is refreshed behind the client that gets it", async () => {
    const own: boolean[] = [];
    const site = await openSite(
      adapter,
      kind,
      ({ req }) => {
        own.push(isRefresh(req));
        return {
          headers: { ...PLAIN, Vary: "Accept-Language" },
          body: `${own.length} ${req.headers["accept-language"]}`,
        };
      },
      { options: { staleWhileRevalidate: "1h", ttl: 60 } },
    );
    const headers = { "accept-language": "de" };
    await site.visit("/", { headers });
    site.clock.advance(61);
    const stored = new Promise((resolve) => site.cache.on("stored", resolve));
    expect((await site.visit("/", { headers })).text).toBe("1 de");
    await stored;
    const hit = await site.visit("/", { headers });
    expect([hit.text, hit.isHit, own]).toEqual(["2 de", true, [false, true]]);
  });

  it("pages are warmed and refreshed before anybody asks", async () => {
    const site = await openSite(adapter, kind, () => ({ headers: PLAIN, body: `render ${site.renders.count}` }));
    await site.visit("/first");
    expect(await site.cache.warm(["/warm", `${site.origin}/whole`])).toMatchObject({ done: 2, stored: 2, failed: 0 });
    expect((await site.visit("/warm")).isHit).toBe(true);
    expect((await site.visit("/whole")).isHit).toBe(true);
    expect(await site.cache.refresh("/first", { server: site.server })).toMatchObject({ status: 200, stored: true });
    expect((await site.visit("/first")).text).toBe("render 4");
  });

  it("a client that resets its stream while a hit is on its way ends that hit alone", async () => {
    const site = await openSite(adapter, kind, () => ({ headers: PLAIN, body: LONG }), { options: { memory: 0 } });
    await site.visit("/");
    for (const code of [0, 8]) {
      const session = site.connect();
      const leaving = site.begin("/", {}, session);
      await once(leaving, "response");
      leaving.close(code);
      // Some versions of Node close a stream only once it has been read.
      leaving.resume();
      await once(leaving, "close");
    }
    const hit = await site.visit("/");
    expect([hit.isHit, hit.body.equals(LONG)]).toEqual([true, true]);
  });

  it("a client that resets its stream while its page is made leaves no torn page", async () => {
    const begun = barrier();
    const rest = barrier();
    const site = await openSite(adapter, kind, () => {
      async function* pieces(): AsyncGenerator<string> {
        yield "one ";
        begun.open();
        await rest.opened;
        yield "two";
      }
      return { headers: PLAIN, body: Readable.from(pieces()) };
    });
    const leaving = site.begin("/", {}, site.connect());
    await begun.opened;
    leaving.close(8);
    await once(leaving, "close");
    rest.open();
    expect((await site.visit("/")).text).toBe("one two");
    expect((await site.visit("/")).text).toBe("one two");
  });
});
