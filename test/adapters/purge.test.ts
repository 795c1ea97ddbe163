/** A purge is a purge: what it names is not served again, not even what was being rendered when it came. */
import { describe, expect, it } from "vitest";
import { barrier } from "../support/barrier.js";
import type { PurgeTargets } from "@diskcache/core";
import type { CacheHandle } from "@diskcache/http";
import { ADAPTERS } from "./adapters.js";
import { openSite } from "./site.js";
import type { Site } from "./site.js";

const A = "a.example";
const B = "b.example";

/** Host and target of every page there is, and its tags. */
const PAGES: readonly { readonly host: string; readonly target: string; readonly tags?: string }[] = [
  { host: A, target: "/news" },
  { host: B, target: "/news" },
  { host: A, target: "/news?page=2" },
  { host: A, target: "/news/7", tags: "article:7, news" },
  { host: A, target: "/newsletter", tags: "news" },
  { host: A, target: "/about", tags: "article:77" },
];

const PURGES: readonly {
  readonly named: string;
  readonly purge: (cache: CacheHandle) => Promise<void>;
  readonly gone: readonly string[];
}[] = [
  { named: "a path", purge: (cache) => cache.purge("/news"), gone: ["a.example/news", "b.example/news"] },
  { named: "a path with its query", purge: (cache) => cache.purge("/news?page=2"), gone: ["a.example/news?page=2"] },
  { named: "a URL", purge: (cache) => cache.purge({ url: "http://B.example/news" }), gone: ["b.example/news"] },
  { named: "a prefix", purge: (cache) => cache.purge({ prefix: "/news/" }), gone: ["a.example/news/7"] },
  {
    named: "a prefix within one host",
    purge: (cache) => cache.purge({ prefix: "http://a.example/news" }),
    gone: ["a.example/news", "a.example/news?page=2", "a.example/news/7", "a.example/newsletter"],
  },
  { named: "a tag", purge: (cache) => cache.purge({ tag: "article:7" }), gone: ["a.example/news/7"] },
  {
    named: "tags",
    purge: (cache) => cache.purge({ tags: ["article:77", "news", "nobody's"] }),
    gone: ["a.example/news/7", "a.example/newsletter", "a.example/about"],
  },
  {
    named: "a tag by its own method",
    purge: (cache) => cache.purgeTag("news"),
    gone: ["a.example/news/7", "a.example/newsletter"],
  },
  {
    named: "tags by its own method",
    purge: (cache) => cache.purgeTag(["article:7", "article:77"]),
    gone: ["a.example/news/7", "a.example/about"],
  },
  {
    named: "a pattern of one segment",
    purge: (cache) => cache.purge({ path: "/news/*" }),
    gone: ["a.example/news/7"],
  },
  {
    named: "a pattern of everything below, every query of it too",
    purge: (cache) => cache.purge({ path: "/News/**" }),
    gone: ["a.example/news", "b.example/news", "a.example/news?page=2", "a.example/news/7"],
  },
  {
    named: "a pattern within one host",
    purge: (cache) => cache.purge({ path: "https://a.example/n*" }),
    gone: ["a.example/news", "a.example/news?page=2", "a.example/newsletter"],
  },
  {
    named: "several patterns",
    purge: (cache) => cache.purge({ path: ["/*letter", "/a*t"] }),
    gone: ["a.example/newsletter", "a.example/about"],
  },
  {
    named: "a list",
    purge: (cache) => cache.purge(["/about", "http://b.example/news", { tag: "article:7" }]),
    gone: ["b.example/news", "a.example/news/7", "a.example/about"],
  },
  { named: "an empty list", purge: (cache) => cache.purge([]), gone: [] },
  { named: "a host", purge: (cache) => cache.purge({ host: "B.EXAMPLE" }), gone: ["b.example/news"] },
  { named: "all", purge: (cache) => cache.purge({ all: true }), gone: PAGES.map(({ host, target }) => host + target) },
  { named: "clear()", purge: (cache) => cache.clear(), gone: PAGES.map(({ host, target }) => host + target) },
  { named: "a page that is not there", purge: (cache) => cache.purge("/nowhere"), gone: [] },
];

interface Purging {
  purge(target: unknown, options?: unknown): Promise<void>;
  purgeTag(tag: unknown, options?: unknown): Promise<void>;
}

const ONE = "expected a path, a URL, or an object with one of url, prefix, path, tag, tags, host, all";
const HOST = 'expected a host such as "www.example.com"';

const MISTAKES: readonly {
  readonly given: string;
  readonly purge: (cache: Purging) => Promise<void>;
  readonly message: string;
}[] = [
  { given: "of nothing", purge: (it) => it.purge(undefined), message: `\`purge\`: ${ONE}, got undefined` },
  {
    given: "of an empty path",
    purge: (it) => it.purge(""),
    message: '`purge.url`: expected a non-empty string, got ""',
  },
  { given: "of an empty object", purge: (it) => it.purge({}), message: `\`purge\`: ${ONE}, got an object` },
  { given: "of a list in a list", purge: (it) => it.purge([["/"]]), message: `\`purge[0]\`: ${ONE}, got an array` },
  {
    given: "of a list with something else in it",
    purge: (it) => it.purge(["/", { tag: "x" }, 7]),
    message: `\`purge[2]\`: ${ONE}, got 7`,
  },
  {
    given: "of a text with a star, which may be a pattern",
    purge: (it) => it.purge("/news/*"),
    message: '`purge`: expected `{ path: "/news/*" }` for a pattern, or `{ url: "/news/*" }` for a page with a star',
  },
  {
    given: "of a prefix with a star at its end",
    purge: (it) => it.purge({ prefix: "/news/*" }),
    message: "`purge.prefix`: expected the characters that a path begins with; a pattern goes into `path`",
  },
  {
    given: "of a pattern with a query",
    purge: (it) => it.purge({ path: "/news?page=*" }),
    message: "`purge.path`: expected a pattern of a whole path",
  },
  {
    given: "of a route in the place of a pattern",
    purge: (it) => it.purge({ path: "/news/:id" }),
    message: "`purge.path`: expected a pattern of a whole path",
  },
  {
    given: "of two things at once",
    purge: (it) => it.purge({ tag: "x", url: "/" }),
    message: `\`purge\`: ${ONE}, got "url and tag"`,
  },
  {
    given: "of what is not defined",
    purge: (it) => it.purge({ tag: undefined }),
    message: "`purge.tag`: expected a non-empty string, got undefined",
  },
  {
    given: "of a misspelt word",
    purge: (it) => it.purge({ tg: "x" }),
    message: "`purge.tg`: expected a known name (did",
  },
  {
    given: "of a word nobody knows",
    purge: (it) => it.purge({ pathname: "/" }),
    message: "`purge.pathname`: expected one of all, count, host, path, prefix, soft, tag, tags, url",
  },
  {
    given: "of a URL that is none",
    purge: (it) => it.purge("news"),
    message: "`purge.url`: expected a path beginning",
  },
  {
    given: "of tags that are no list",
    purge: (it) => it.purge({ tags: "news" }),
    message: "`purge.tags`: expected a list",
  },
  {
    given: "of a tag that is none",
    purge: (it) => it.purgeTag(7),
    message: "`purge.tag`: expected a non-empty string, got 7",
  },
  { given: "of the URL of a host", purge: (it) => it.purge({ host: "http://x" }), message: `\`purge.host\`: ${HOST}` },
  { given: "of all: false", purge: (it) => it.purge({ all: false }), message: "`purge.all`: expected true, got false" },
  {
    given: "that is said to be soft in a text",
    purge: (it) => it.purge({ url: "/", soft: "no" }),
    message: '`purge.soft`: expected true or false, got "no"',
  },
  {
    given: "that is to be counted in a text",
    purge: (it) => it.purge("/", { count: "yes" }),
    message: '`purge.count`: expected true or false, got "yes"',
  },
  {
    given: "with a misspelt option",
    purge: (it) => it.purge("/", { sotf: true }),
    message: "`purge.sotf`: expected a known name (did you mean `soft`?)",
  },
  {
    given: "of a tag with a misspelt option",
    purge: (it) => it.purgeTag("t", { Soft: true }),
    message: "`purge.Soft`: expected a known name (did you mean `soft`?)",
  },
  {
    given: "with something else than options",
    purge: (it) => it.purge("/", true),
    message: "`purge options`: expected an object, got true",
  },
];

describe.each(ADAPTERS)("$name: a purge", (adapter) => {
  const tagged = () =>
    openSite(adapter, {
      options: { ttl: "1h", staleIfError: "1h" },
      handler: ({ req }) => {
        const tags = PAGES.find(({ target }) => target === req.url)?.tags;
        return {
          headers: { "Content-Type": "text/plain", ...(tags && { "Cache-Tag": tags }) },
          body: `${req.headers.host}${req.url}`,
        };
      },
    });

  it.each(PURGES)("of $named ends that and nothing else", async ({ purge, gone }) => {
    const site = await tagged();
    for (const { host, target } of PAGES) await site.visit(target, { headers: { host } });
    await purge(site.cache);
    expect(await missing(site)).toEqual(gone);
    // What is rendered after the purge is kept again.
    expect(await missing(site)).toEqual([]);
  });

  it.each(PURGES.filter(({ named }) => named !== "clear()"))(
    "of $named tells how many pages that is, if asked",
    async ({ purge, gone }) => {
      const site = await tagged();
      for (const { host, target } of PAGES) await site.visit(target, { headers: { host } });
      const { cache } = site;
      const told: unknown[] = [];
      const counting = {
        purge: async (target: PurgeTargets) => void told.push(await cache.purge(target, { count: true })),
        purgeTag: async (tag: string | string[]) => void told.push(await cache.purgeTag(tag, { count: true })),
      };
      await purge(counting as unknown as CacheHandle);
      await purge(counting as unknown as CacheHandle);
      expect(told).toEqual([{ named: gone.length }, { named: 0 }]);
      expect(await missing(site)).toEqual(gone);
      expect(await cache.purge("/news")).toBeUndefined();
    },
  );

  it("counts every variant of a page, and neither records, coded bodies nor fragments", async () => {
    const site = await openSite(adapter, {
      options: { ttl: "1h", staleWhileRevalidate: "1h", compress: true, keep: 0 },
      handler: async ({ req, directives }) => {
        const part = await directives.fragment("part", "", { ttl: "1h", tags: ["t"] }, () => "part");
        const headers = { "Content-Type": "text/plain", Vary: "Accept-Language", "Cache-Tag": "t" };
        return { headers, body: `${part} ${req.headers["accept-language"]} `.repeat(200) };
      },
    });
    const visitAll = async () => {
      for (const language of ["de", "en"])
        for (let n = 0; n < 3; n++)
          await site.visit("/", { headers: { "accept-language": language, "accept-encoding": "gzip" } });
    };
    await visitAll();
    const count = async (soft: boolean) => (await site.cache.purge({ tag: "t" }, { count: true, soft })).named;
    expect([await count(true), await count(true), await count(false), await count(false)]).toEqual([2, 2, 2, 0]);
    await visitAll();
    site.clock.advance(2 * 3600 + 1);
    expect(await count(false)).toBe(0);
  });

  it("of a list is soft for those that are said to be", async () => {
    const site = await openSite(adapter, {
      options: { ttl: "1h", staleWhileRevalidate: "1h" },
      handler: ({ req }) => ({ body: `${req.url} ${site.renders}` }),
    });
    for (const target of ["/a", "/b", "/c"]) await site.visit(target);
    await site.cache.purge(["/a", { url: "/b", soft: true }]);
    expect((await site.visit("/b")).text).toBe("/b 2");
    expect((await site.visit("/a")).isHit).toBe(false);
    expect((await site.visit("/c")).text).toBe("/c 3");
  });

  it("of which one is a mistake purges nothing of the list", async () => {
    const site = await tagged();
    for (const { host, target } of PAGES) await site.visit(target, { headers: { host } });
    await expect(site.cache.purge(["/about", { path: "about" }])).rejects.toMatchObject({
      code: "ERR_DISKCACHE_OPTION",
    });
    expect(await missing(site)).toEqual([]);
  });

  it("of a URL with a star, named as one, ends that page alone", async () => {
    const site = await openSite(adapter, { options: { ttl: "1h" }, handler: ({ req }) => ({ body: req.url ?? "" }) });
    for (const target of ["/a*", "/ab"]) await site.visit(target);
    await site.cache.purge({ url: "/a*" });
    expect([(await site.visit("/ab")).isHit, (await site.visit("/a*")).isHit]).toEqual([true, false]);
  });

  it("that is soft leaves a stale page for when the application fails", async () => {
    let down = false;
    const site = await openSite(adapter, {
      options: { ttl: "1h", staleIfError: "1h" },
      handler: () =>
        down ? { status: 503, body: "down" } : { headers: { "Cache-Tag": "t" }, body: `render ${site.renders}` },
    });
    await site.visit("/");
    await site.cache.purge({ tag: "t", soft: true });
    expect((await site.visit("/")).text).toBe("render 2");
    await site.cache.purgeTag("t", { soft: true });
    down = true;
    const hidden = await site.visit("/");
    expect([hidden.text, hidden.cacheStatus]).toEqual(["render 2", expect.stringContaining("stale-if-error")]);
    await site.cache.purge("/");
    expect((await site.visit("/")).text).toBe("down");
  });

  it("that is soft puts the stored validators to the handler", async () => {
    const site = await openSite(adapter, {
      options: { ttl: "1h" },
      handler: ({ req }) =>
        req.headers["if-none-match"] === '"v1"'
          ? { status: 304, headers: { ETag: '"v1"' } }
          : { headers: { ETag: '"v1"' }, body: "version 1" },
    });
    await site.visit("/");
    await site.cache.purge("/", { soft: true });
    const validated = await site.visit("/");
    expect([validated.text, validated.cacheStatus]).toEqual([
      "version 1",
      "diskcache; fwd=stale; fwd-status=304; stored",
    ]);
    expect((await site.visit("/")).isHit).toBe(true);
  });

  it("wins over a page whose rendering had begun", async () => {
    const begun = barrier();
    const release = barrier();
    const site = await openSite(adapter, {
      handler: async ({ directives }) => {
        const text = `render ${site.renders}`;
        directives.tag("t");
        begun.open();
        await release.opened;
        return { body: text };
      },
    });
    for (const purge of [() => site.cache.purge("/"), () => site.cache.purgeTag("t"), () => site.cache.clear()]) {
      const renders = site.renders;
      const under = site.visit("/");
      await begun.opened;
      while (site.renders === renders) await new Promise(setImmediate);
      await purge();
      release.open();
      expect((await under).text).toBe(`render ${renders + 1}`);
      expect((await site.visit("/")).isHit).toBe(false);
      await site.cache.clear();
    }
  });

  it("made between a render's beginning and the next request is not answered by that render", async () => {
    const first = barrier();
    const site = await openSite(adapter, {
      options: { ttl: "5m", flight: { timeout: "1m" } },
      handler: async () => {
        const turn = site.renders;
        if (turn === 1) await first.opened;
        return { body: `render ${turn}` };
      },
    });
    const before = site.visit("/");
    while (site.renders === 0) await new Promise(setImmediate);
    await site.cache.purge("/");
    expect((await site.visit("/")).text).toBe("render 2");
    first.open();
    expect((await before).text).toBe("render 1");
    expect((await site.visit("/")).text).toBe("render 2");
  });

  it("follows a successful unsafe request to the same URL, and none that failed", async () => {
    const site = await openSite(adapter, {
      options: { ttl: "1h" },
      handler: ({ req }) => ({
        status: req.headers["x-fail"] ? 422 : 200,
        headers: { "Content-Location": "/list" },
        body: `${req.method} ${site.renders}`,
      }),
    });
    const visitAll = async () => [
      (await site.visit("/item")).text,
      (await site.visit("/list")).text,
      (await site.visit("/other")).text,
    ];
    const before = await visitAll();
    await site.visit("/item", { method: "PUT", body: "x", headers: { "x-fail": "1" } });
    expect(await visitAll()).toEqual(before);
    await site.visit("/item", { method: "PUT", body: "x" });
    const [item, list, other] = await visitAll();
    expect([item === before[0], list === before[1], other === before[2]]).toEqual([false, false, true]);
  });

  it.each(MISTAKES)("$given is refused with what was expected, and nothing is lost", async ({ purge, message }) => {
    const site = await openSite(adapter);
    await site.visit("/");
    await expect(purge(site.cache as never)).rejects.toMatchObject({
      name: "DiskCacheError",
      code: "ERR_DISKCACHE_OPTION",
      message: expect.stringContaining(message) as string,
    });
    expect((await site.visit("/")).isHit).toBe(true);
  });
});

async function missing(site: Site): Promise<string[]> {
  const gone: string[] = [];
  for (const { host, target } of PAGES)
    if (!(await site.visit(target, { headers: { host } })).isHit) gone.push(host + target);
  return gone;
}
