/** Pages that are rendered before anybody asks, or because somebody knows that they have changed. */
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { ADAPTERS, isOwn } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";
import { barrier } from "../support/barrier.js";
import { temporaryDirectory } from "../support/temporary-directory.js";

describe.each(ADAPTERS)("$name: warming up", (adapter) => {
  it("renders pages for those who come later, and leaves alone what is there", async () => {
    const site = await openSite(adapter);
    await site.visit("/0");
    const told: string[] = [];
    const urls = ["/0", "/1", "/2", "/3"];
    const summary = await site.cache.warm(urls, {
      concurrency: 2,
      onProgress: ({ url, done }) => told.push(`${url} ${done}`),
    });
    expect([summary, told.length, site.renders]).toEqual([{ done: 4, stored: 3, hits: 1, failed: 0 }, 4, 4]);
    for (const url of urls) expect((await site.visit(url)).isHit).toBe(true);
  });

  it.each([
    { given: {}, headers: { "accept-encoding": "gzip, deflate, br, zstd" }, as: "what browsers accept" },
    { given: { "Accept-ENCODING": "br" }, headers: { "accept-encoding": "br" }, as: "what it is told to accept" },
  ])("stores pages that vary on their coding for $as", async ({ given, headers }) => {
    const site = await openSite(adapter, {
      handler: ({ req }) => ({ headers: { Vary: "Accept-Encoding" }, body: `for ${req.headers["accept-encoding"]}` }),
    });
    await site.visit("/first");
    await site.cache.warm(["/"], { headers: given });
    const answer = await site.visit("/", { headers });
    expect([answer.isHit, answer.text]).toEqual([true, `for ${headers["accept-encoding"]}`]);
  });

  it("says stored only of what is stored, also where a page comes in pieces", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, maxBody: 6 },
      handler: ({ req }) => ({ body: Readable.from(req.url === "/long" ? ["page", "page"] : ["page"]) }),
    });
    await site.visit("/");
    expect(await site.cache.warm(["/short", "/long"])).toMatchObject({ done: 2, stored: 1, failed: 0 });
    expect([await site.cache.refresh("/short"), await site.cache.refresh("/long")]).toMatchObject([
      { stored: true },
      { stored: false },
    ]);
  });

  it("can be told from a client by the application", async () => {
    const told: (readonly [url: string, own: boolean, refresh: boolean])[] = [];
    const site = await openSite(adapter, {
      handler: (asked) => {
        told.push([asked.req.url!, isOwn(asked), asked.directives.refresh]);
        return { body: "page" };
      },
    });
    await site.visit("/client");
    await site.cache.warm(["/warm"]);
    await site.cache.refresh("/refresh");
    expect(told).toEqual([
      ["/client", false, false],
      ["/warm", true, true],
      ["/refresh", true, true],
    ]);
  });

  it("asks for no more pages at a time than it is told", async () => {
    const release = barrier();
    const full = barrier();
    let inside = 0;
    let most = 0;
    const site = await openSite(adapter, {
      handler: async ({ req }) => {
        if (req.url === "/") return { body: "first" };
        most = Math.max(most, ++inside);
        if (inside === 3) full.open();
        await release.opened;
        inside--;
        return { body: "page" };
      },
    });
    await site.visit("/");
    const warmed = site.cache.warm(
      Array.from({ length: 9 }, (_, n) => `/${n}`),
      { concurrency: 3 },
    );
    await full.opened;
    release.open();
    expect([(await warmed).stored, most]).toEqual([9, 3]);
  });

  it("counts what fails, and stops when told to", async () => {
    const controller = new AbortController();
    const site = await openSite(adapter, {
      handler: ({ req }) => (req.url === "/bad" ? { status: 500, body: "down" } : { body: "page" }),
    });
    await site.visit("/");
    expect(await site.cache.warm(["/bad", "/good"])).toEqual({ done: 2, stored: 1, hits: 0, failed: 1 });
    const warmed = site.cache.warm(["/a", "/b", "/c"], {
      concurrency: 1,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(warmed).rejects.toMatchObject({ name: "AbortError" });
    expect((await site.visit("/c")).isHit).toBe(false);
  });

  it("renders one page anew when asked to", async () => {
    const site = await openSite(adapter);
    expect((await site.visit("/")).text).toBe("render 1");
    expect(await site.cache.refresh("/")).toMatchObject({ url: "/", status: 200, stored: true });
    expect(await site.visit("/")).toMatchObject({ text: "render 2", isHit: true });
  });

  it("takes the server it is given, and whole URLs", async () => {
    const { cache, listen } = adapter.create({ dir: temporaryDirectory(), ttl: 60 });
    const server = createServer(listen({ handler: ({ req }) => ({ body: `${req.headers.host}` }) }));
    expect(await cache.refresh("http://www.example.com/x?y=1", { server })).toMatchObject({
      status: 200,
      stored: true,
    });
    expect(await cache.warm(["http://www.example.com/x?y=1"], { server })).toMatchObject({ hits: 1 });
    await cache.close();
  });

  it.each([
    {
      given: "a misspelt option",
      options: { concurency: 2 },
      message: "`warm.concurency`: expected a known name (did you",
    },
    {
      given: "an option of another call",
      options: { ttl: 1 },
      message: "`warm.ttl`: expected one of concurrency, headers",
    },
    { given: "something else than options", options: 4, message: "`warm options`: expected an object, got 4" },
    { given: "nobody at a time", options: { concurrency: 0 }, message: "`warm.concurrency`: expected a whole number" },
    {
      given: "a URL in place of a server",
      options: { server: "http://x" },
      message: "`warm.server`: expected a server",
    },
    { given: "a header of no text", options: { headers: { a: 1 } }, message: "`warm.headers`: expected an object of" },
    { given: "a controller for a signal", options: { signal: new AbortController() }, message: "`warm.signal`: exp" },
    { given: "no function to call", options: { onProgress: true }, message: "`warm.onProgress`: expected a function" },
    { given: "one path", urls: "/", message: '`urls`: expected a list of URLs or paths, got "/"' },
    { given: "nothing", urls: null, message: "`urls`: expected a list of URLs or paths, got null" },
    {
      given: "a number for a path",
      urls: [7],
      message: '`url`: expected a URL or a path such as "/reports/7", without a user, got 7',
    },
  ])("is refused with $given", async ({ urls = ["/"], options, message }) => {
    const site = await openSite(adapter);
    await site.visit("/");
    await expect(site.cache.warm(urls as string[], options as object)).rejects.toMatchObject({
      code: "ERR_DISKCACHE_OPTION",
      message: expect.stringContaining(message) as string,
    });
  });

  it("of one page refuses what it does not know, too", async () => {
    const site = await openSite(adapter);
    await expect(site.cache.refresh("/", { onProgress: () => {} } as object)).rejects.toThrow(
      "`refresh.onProgress`: expected one of headers, server, signal",
    );
  });

  it("says so when it does not know through which server, or for which host", async () => {
    const { cache, listen } = adapter.create({ dir: temporaryDirectory(), ttl: 60 });
    await expect(cache.warm(["/"])).rejects.toMatchObject({ code: "ERR_DISKCACHE_SERVER" });
    await expect(cache.refresh("/")).rejects.toMatchObject({ code: "ERR_DISKCACHE_SERVER" });
    const server = createServer(listen({ handler: () => ({ body: "x" }) }));
    await expect(cache.refresh("/", { server })).rejects.toMatchObject({ code: "ERR_DISKCACHE_SERVER" });
    await expect(cache.warm([], { concurrency: 0 })).rejects.toMatchObject({ code: "ERR_DISKCACHE_OPTION" });
    await cache.close();
  });
});
