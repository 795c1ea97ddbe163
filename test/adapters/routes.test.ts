/** A policy for one route: beside the cache before all routes, or without one; as middleware, wrapper and decorator. */
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { tally } from "../support/barrier.js";
import { EVERY_ADAPTER, incoming } from "./adapters.js";
import { openSite } from "./site.js";

const WAYS = [
  { way: "route() with the cache before all routes", global: true, cached: undefined },
  { way: "route() alone", global: false, cached: undefined },
  { way: "cached() around the handler", global: false, cached: "wrapper" },
  { way: "cached() around the handler, with the cache before all routes", global: true, cached: "wrapper" },
  { way: "cached() as a decorator", global: false, cached: "decorator" },
  { way: "cached() as a decorator of TypeScript's older kind", global: false, cached: "legacy-decorator" },
] as const;

// node:http has no controllers to decorate.
const PAIRS = EVERY_ADAPTER.flatMap((adapter) =>
  WAYS.filter(({ cached }) => adapter.name !== "node:http" || cached === undefined || cached === "wrapper").map(
    (way) => ({ adapter, ...way, framework: adapter.name }),
  ),
);

describe.each(PAIRS)("$framework: a policy through $way", ({ adapter, global, cached }) => {
  it("caches the route for as long as it says", async () => {
    const site = await openSite(adapter, { options: {}, policy: "90s", global, cached });
    const miss = await site.visit("/");
    const hit = await site.visit("/");
    expect([miss.text, miss.isStored, hit.text, hit.cacheStatus]).toEqual([
      "render 1",
      true,
      "render 1",
      "diskcache; hit; ttl=90",
    ]);
    site.clock.advance(90);
    expect((await site.visit("/")).text).toBe("render 2");
  });

  it("gives the page its tags", async () => {
    const tags = (native: unknown) => [`at:${incoming(native).url}`];
    const site = await openSite(adapter, { options: {}, policy: { ttl: 60, tags }, global, cached });
    await site.visit("/a");
    await site.visit("/b");
    await site.cache.purge({ tag: "at:/a" });
    expect([(await site.visit("/a")).isHit, (await site.visit("/b")).isHit]).toEqual([false, true]);
  });

  it("has its pages purged by any URL that asks for them", async () => {
    const site = await openSite(adapter, {
      options: { key: { query: { ignore: ["id"] } } },
      policy: { ttl: 60, key: { query: { only: ["id"] } } },
      global,
      cached,
    });
    await site.visit("/?id=1&utm_source=a");
    await site.visit("/?id=2");
    await site.cache.purge("/?utm_source=b&id=1");
    expect([(await site.visit("/?id=1")).isHit, (await site.visit("/?id=2")).isHit]).toEqual([false, true]);
  });

  it("keeps apart what its partition keeps apart", async () => {
    const partition = (native: unknown) => incoming(native).headers["x-user"] as string | undefined;
    const site = await openSite(adapter, { options: { ttl: "1h" }, policy: { ttl: 60, partition }, global, cached });
    const texts = [];
    for (const user of ["ann", "bob", "ann", "bob"])
      texts.push((await site.visit("/", { headers: { "x-user": user, cookie: `session=${user}` } })).text);
    expect(texts).toEqual(["render 1", "render 2", "render 1", "render 2"]);
  });

  it("puts together what its key puts together", async () => {
    const site = await openSite(adapter, {
      options: { ttl: "1h" },
      policy: { ttl: 60, key: { query: { only: ["id"] } } },
      global,
      cached,
    });
    await site.visit("/?id=1&x=1");
    expect((await site.visit("/?id=1&x=2")).text).toBe("render 1");
    expect((await site.visit("/?id=2")).text).toBe("render 2");
  });

  it("leaves alone what it skips, whatever was stored before", async () => {
    const skip = (native: unknown) => incoming(native).headers["x-preview"] !== undefined;
    const site = await openSite(adapter, { options: { ttl: "1h" }, policy: { ttl: 60, skip }, global, cached });
    await site.visit("/");
    const preview = await site.visit("/", { headers: { "x-preview": "1" } });
    expect([preview.text, preview.isHit]).toEqual(["render 2", false]);
    expect((await site.visit("/")).text).toBe("render 1");
  });

  it("has a last word on what is kept", async () => {
    const shouldStore = (_native: unknown, { rawHeaders }: { readonly rawHeaders: readonly string[] }) =>
      !rawHeaders.some((name) => name.toLowerCase() === "x-draft");
    const site = await openSite(adapter, {
      options: {},
      policy: { ttl: 60, shouldStore },
      global,
      cached,
      handler: ({ req }) => ({ headers: req.url === "/draft" ? { "X-Draft": "1" } : {}, body: "x" }),
    });
    for (const target of ["/draft", "/final"]) await site.visit(target);
    expect((await site.visit("/draft")).cacheStatus).toContain("detail=should-store");
    expect((await site.visit("/final")).isHit).toBe(true);
  });
});

describe.each(EVERY_ADAPTER)("$name: a route's policy over the one before all routes", (adapter) => {
  it("wins where both say something, and adds its tags", async () => {
    const site = await openSite(adapter, {
      options: { ttl: "1h", tags: ["site"] },
      policy: { ttl: 30, tags: ["page"] },
    });
    await site.visit("/");
    expect((await site.visit("/")).cacheStatus).toBe("diskcache; hit; ttl=30");
    for (const tag of ["site", "page"]) {
      await site.cache.purge({ tag });
      expect((await site.visit("/")).isHit).toBe(false);
      expect((await site.visit("/")).isHit).toBe(true);
    }
  });

  it("takes nothing away from an outer skip", async () => {
    const skip = (native: unknown) => incoming(native).headers["x-skip"] !== undefined;
    const site = await openSite(adapter, { options: { ttl: "1h", skip }, policy: 30 });
    for (const _ of [1, 2]) expect((await site.visit("/", { headers: { "x-skip": "1" } })).isHit).toBe(false);
  });

  it.each([
    { given: "a duration that is none", policy: { ttl: "soon" }, message: /`ttl`.*"soon"/ },
    { given: "an option of the whole cache", policy: { memory: "1mb" }, message: /`memory`/ },
    {
      given: "a partition that is no function",
      policy: { partition: "role" },
      message: /`partition`.*function.*"role"/,
    },
  ])("is refused when it is made with $given", async ({ policy, message }) => {
    const open = openSite(adapter, { policy: policy as never });
    await expect(open).rejects.toThrow(message);
    await expect(open).rejects.toMatchObject({ code: "ERR_DISKCACHE_OPTION" });
  });
});

const USER = (native: unknown) => incoming(native).headers["x-user"] as string | undefined;
const TENANT = (native: unknown) => incoming(native).headers["x-tenant"] as string | undefined;

describe.each(EVERY_ADAPTER)("$name: routes inside routes", (adapter) => {
  it.each([{ global: true }, { global: false }])(
    "lay their policies over one another, the innermost last (cache before all routes: $global)",
    async ({ global }) => {
      const site = await openSite(adapter, {
        options: {},
        global,
        around: [{ ttl: "1h", tags: ["outer"] }, { grace: "1m" }],
        policy: { ttl: 30, tags: ["inner"] },
      });
      const stored = tally();
      site.cache.on("stored", () => stored.add());
      await site.visit("/");
      expect((await site.visit("/")).cacheStatus).toBe("diskcache; hit; ttl=30");
      site.clock.advance(31);
      expect((await site.visit("/")).cacheStatus).toContain("hit; ttl=-1");
      await stored.reaches(2); // rendered again behind it, and before the purge
      await site.cache.purgeTag("outer");
      expect((await site.visit("/")).isHit).toBe(false);
    },
  );

  it("divide by all their partitions", async () => {
    const site = await openSite(adapter, {
      options: { partition: TENANT },
      around: [{ ttl: 60 }],
      policy: { partition: USER },
    });
    const texts = [];
    for (const [tenant, user] of ["aa", "ab", "bb", "aa", "ab", "bb"])
      texts.push((await site.visit("/", { headers: { "x-tenant": tenant!, "x-user": user! } })).text);
    expect(texts).toEqual(["render 1", "render 2", "render 3", "render 1", "render 2", "render 3"]);
  });

  it("never answer from a page that a route further in would not have given", async () => {
    const site = await openSite(adapter, {
      options: {},
      around: [{ ttl: 60, partition: () => "all" }],
      policy: { skip: (native: unknown) => USER(native) !== undefined },
    });
    expect((await site.visit("/")).isStored).toBe(true);
    expect((await site.visit("/", { headers: { "x-user": "ann" } })).text).toBe("render 2");
    expect((await site.visit("/")).text).toBe("render 1");
  });

  it("have a stale page rendered again behind the client, under the route's own key", async () => {
    const site = await openSite(adapter, {
      options: {},
      policy: { ttl: 60, staleWhileRevalidate: "1h", key: { query: { only: ["id"] } } },
    });
    await site.visit("/?id=1");
    site.clock.advance(61);
    const stored = new Promise((resolve) => site.cache.on("stored", resolve));
    expect((await site.visit("/?id=1&x")).text).toBe("render 1");
    await stored;
    expect((await site.visit("/?id=1")).text).toBe("render 2");
  });
});

describe.each(EVERY_ADAPTER)("$name: the methods of a route", (adapter) => {
  const body = ({ req }: { readonly req: NodeJS.ReadableStream }) => text(req);

  it.each([{ global: true }, { global: false }])(
    "let it be asked by content, which the handler gets all the same (cache before all routes: $global)",
    async ({ global }) => {
      const site = await openSite(adapter, {
        options: {},
        policy: { ttl: 60, methods: ["QUERY"] },
        global,
        handler: async (asked) => ({ body: `${await body(asked)} ${site.renders}` }),
      });
      const ask = (content: string) => site.visit("/", { method: "QUERY", body: content });
      expect([(await ask("a")).text, (await ask("b")).text, (await ask("a")).text]).toEqual(["a 1", "b 2", "a 1"]);
      expect((await site.visit("/")).isHit).toBe(false);
      expect((await site.visit("/")).isHit).toBe(false);
    },
  );

  it("take away what the cache would keep otherwise", async () => {
    const site = await openSite(adapter, {
      options: { methods: ["GET", "QUERY"] },
      policy: { ttl: 60, methods: ["GET"] },
    });
    for (const _ of [1, 2]) {
      const answer = await site.visit("/", { method: "QUERY", body: "a" });
      expect([answer.isHit, answer.isStored]).toEqual([false, false]);
    }
    await site.visit("/");
    expect((await site.visit("/")).isHit).toBe(true);
  });

  it("do not make the answer to a POST one to a GET", async () => {
    const site = await openSite(adapter, {
      options: { relaxed: { postAnswersGet: true } },
      policy: { ttl: 60, methods: ["GET", "POST"] },
      handler: ({ req }) => ({ body: `${req.method} ${site.renders}` }),
    });
    await site.visit("/", { method: "POST", body: "a" });
    expect((await site.visit("/")).text).toBe("GET 2");
    expect((await site.visit("/", { method: "POST", body: "a" })).text).toBe("POST 1");
  });
});
