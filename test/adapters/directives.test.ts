/** What a handler says about its own page: through the request object, or in plain header fields. */
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { WITH_NEST, incoming } from "./adapters.js";
import { openSite } from "./site.js";

describe.each(WITH_NEST)("$name: a handler", (adapter) => {
  it("keeps its page for as long as it says, whatever the browser is told", async () => {
    const site = await openSite(adapter, {
      options: { ttl: "1h" },
      handler: ({ directives }) => {
        directives.ttl("10s");
        return { headers: { "Cache-Control": "max-age=0" }, body: `render ${site.renders}` };
      },
    });
    const miss = await site.visit("/");
    const hit = await site.visit("/");
    expect([hit.cacheStatus, miss.header("cache-control"), hit.header("cache-control")]).toEqual([
      "diskcache; hit; ttl=10",
      "max-age=0",
      "max-age=0",
    ]);
    site.clock.advance(10);
    expect((await site.visit("/")).text).toBe("render 2");
  });

  it("cannot make a private page public by its lifetime", async () => {
    const site = await openSite(adapter, {
      handler: ({ directives }) => {
        directives.ttl("1h");
        return { headers: { "Cache-Control": "private" }, body: "mine" };
      },
    });
    await site.visit("/");
    expect((await site.visit("/")).cacheStatus).toContain("detail=private");
  });

  it("keeps its page out of the cache, and says why", async () => {
    const site = await openSite(adapter, {
      handler: ({ directives }) => {
        directives.skip("preview");
        return { body: `render ${site.renders}` };
      },
    });
    await site.visit("/");
    const second = await site.visit("/");
    expect([second.text, second.cacheStatus]).toEqual(["render 2", "diskcache; fwd=uri-miss; detail=preview"]);
  });

  it("keeps its page out of the cache when it says so only while it writes", async () => {
    const site = await openSite(adapter, {
      handler: ({ directives }) => {
        async function* pieces() {
          yield "first, ";
          await new Promise(setImmediate);
          directives.skip("incomplete");
          yield `render ${site.renders}`;
        }
        return { headers: { "Content-Type": "text/plain" }, body: Readable.from(pieces()) };
      },
    });
    const reasons: string[] = [];
    site.cache.on("not-stored", ({ reason }) => reasons.push(reason));
    for (const render of [1, 2]) expect((await site.visit("/")).text).toBe(`first, render ${render}`);
    expect(reasons).toEqual(["incomplete", "incomplete"]);
  });

  it("keeps a page that it says is one partition's only where the partition was known before", async () => {
    const partition = (native: unknown) => incoming(native).headers["x-role"] as string | undefined;
    const site = await openSite(adapter, {
      options: { ttl: 60, partition },
      handler: ({ directives }) => {
        directives.partition("staff");
        return { body: `render ${site.renders}` };
      },
    });
    const ask = (headers: Record<string, string>) => site.visit("/", { headers });
    expect([(await ask({ "x-role": "staff" })).text, (await ask({ "x-role": "staff" })).text]).toEqual([
      "render 1",
      "render 1",
    ]);
    for (const headers of [{}, { "x-role": "guest" }]) {
      for (const _ of [1, 2]) {
        const { isHit, cacheStatus } = await ask(headers);
        expect([isHit, cacheStatus]).toEqual([false, "diskcache; fwd=uri-miss; detail=partition"]);
      }
    }
  });

  it("labels its page in every way there is, and none of the labels that are only ours leaves the server", async () => {
    const headers = { "Cache-Tag": "a, b", "Surrogate-Key": "c d", "Cache-Groups": '"e"' };
    const site = await openSite(adapter, {
      handler: ({ directives }) => {
        directives.tag("f", "g");
        return { headers, body: `render ${site.renders}` };
      },
    });
    for (const tag of ["a", "b", "c", "d", "e", "f", "g"]) {
      const miss = await site.visit("/");
      const hit = await site.visit("/");
      expect([miss.isHit, hit.isHit]).toEqual([false, true]);
      for (const answer of [miss, hit]) {
        expect([answer.header("cache-tag"), answer.header("surrogate-key"), answer.header("cache-groups")]).toEqual([
          undefined,
          undefined,
          '"e"',
        ]);
      }
      await site.cache.purgeTag(tag);
    }
  });

  it("has its labels taken off what is not kept, too", async () => {
    const site = await openSite(adapter, {
      handler: () => ({ headers: { "Cache-Tag": "a", "Cache-Control": "no-store" }, body: "x" }),
    });
    expect((await site.visit("/")).header("cache-tag")).toBeUndefined();
    expect((await site.visit("/", { method: "POST" })).header("cache-tag")).toBeUndefined();
  });

  it("is told at once when it says something impossible, and the client gets what the framework makes of it", async () => {
    const site = await openSite(adapter, {
      handler: ({ directives }) => {
        directives.ttl("soon");
        return { body: "never" };
      },
    });
    expect((await site.visit("/")).status).toBe(500);
  });

  it("ends the pages of a group with a successful unsafe request", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60 },
      handler: ({ req }) => ({
        headers: req.method === "POST" ? { "Cache-Group-Invalidation": '"news"' } : { "Cache-Groups": '"news"' },
        body: `render ${site.renders}`,
      }),
    });
    await site.visit("/a");
    await site.visit("/elsewhere", { method: "POST", body: "x" });
    expect((await site.visit("/a")).isHit).toBe(false);
  });
});
