/** The developer is told, unasked, that nothing is answered from the cache, and what cures it. */
import { parseCacheStatus, remedyFor } from "@diskcache/core";
import type { CacheEvents } from "@diskcache/core";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ADAPTERS } from "./adapters.js";
import type { Page } from "./adapters.js";
import { openSite } from "./site.js";
import type { Site } from "./site.js";

const COOKIES = { headers: { cookie: "connect.sid=s%3A1; _ga=GA1.2" } };
const PAGE: Page = { body: "hello" };

describe.each(ADAPTERS)("$name: a developer", (adapter) => {
  let warnings: { message: string; code: unknown }[];

  beforeEach(() => {
    warnings = [];
    vi.spyOn(process, "emitWarning").mockImplementation(((message: string, { code }: { code: unknown }) => {
      if (code !== "DISKCACHE_AUDIT") warnings.push({ message, code });
    }) as typeof process.emitWarning);
    return () => vi.restoreAllMocks();
  });

  async function open(page: Page = PAGE, options: object = {}): Promise<Site> {
    return openSite(adapter, { options: { ttl: 60, audit: "off", ...options }, handler: () => page });
  }

  async function visits(site: Site, count: number, init: object = {}): Promise<void> {
    for (let n = 0; n < count; n++) await site.visit("/", init);
  }

  it("reads the reason, the names and the cure after twenty requests without a hit, once", async () => {
    const site = await open();
    await visits(site, 19, COOKIES);
    expect(warnings).toEqual([]);
    await visits(site, 21, COOKIES);
    const [first, ...more] = warnings;
    expect([first?.code, more]).toEqual(["DISKCACHE_NO_HITS", []]);
    expect(first?.message).toContain(`20 × cookie (\`connect.sid\`, \`_ga\`): ${remedyFor("cookie")}`);
    expect(first?.message).not.toContain("GA1.2");
  });

  it("reads all reasons, the most frequent first", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, audit: "off" },
      handler: ({ req }) =>
        req.url === "/" ? { headers: { "Set-Cookie": "sid=1; Path=/" }, body: "" } : { headers: NO_STORE, body: "" },
    });
    for (let n = 0; n < 4; n++) await site.visit("/other");
    await visits(site, 16);
    expect(warnings[0]?.message.split("\n").slice(1)).toEqual([
      expect.stringMatching(/^ {2}16 × set-cookie \(`sid`\): Do not set cookies on pages\./),
      expect.stringMatching(/^ {2}4 × no-store: /),
    ]);
  });

  it("reads that a page is stored under another key each time", async () => {
    let count = 0;
    const site = await open(PAGE, { key: () => String(count++), ttl: 60 });
    await visits(site, 21);
    expect(warnings[0]?.message).toContain("20 × stored again: ");
  });

  it.each([
    { when: "once there was a hit", page: PAGE, options: {}, init: {} },
    { when: "in production", page: PAGE, options: {}, init: COOKIES, env: "production" },
    { when: "where the cache is off", page: PAGE, options: { enabled: false }, init: COOKIES },
  ])("reads nothing $when", async ({ page, options, init, env = "development" }) => {
    vi.stubEnv("NODE_ENV", env);
    const site = await open(page, options);
    await visits(site, 2, init);
    await visits(site, 40, COOKIES);
    expect(warnings).toEqual([]);
    vi.unstubAllEnvs();
  });

  it("reads nothing of pages that are each asked for once, nor of what the cache asks for itself", async () => {
    const site = await open();
    await site.visit("/first");
    for (let n = 0; n < 30; n++) await site.visit(`/${n}`);
    await site.cache.warm(Array.from({ length: 30 }, (_, n) => `/${n}`));
    expect(warnings).toEqual([]);
  });

  it("finds the names in events and in explain(), with values nowhere", async () => {
    const heard: (CacheEvents["forward"] | CacheEvents["not-stored"])[] = [];
    const site = await open({ headers: { "Set-Cookie": ["sid=secret", "lang=de; Path=/"] }, body: "" });
    site.cache.on("forward", (event) => heard.push(event));
    site.cache.on("not-stored", (event) => heard.push(event));
    await site.visit("/cookies", COOKIES);
    await site.visit("/set");
    await site.visit("/key", { headers: { "x-api-key": "secret", authorization: "secret" } });
    const names = ["connect.sid", "_ga"];
    expect(heard).toEqual([
      { url: "/cookies", reason: "uri-miss", detail: undefined },
      { url: "/cookies", reason: "set-cookie", names: ["sid", "lang"] },
      { url: "/set", reason: "uri-miss", detail: undefined },
      { url: "/set", reason: "set-cookie", names: ["sid", "lang"] },
      { url: "/key", reason: "uri-miss", detail: undefined },
      { url: "/key", reason: "set-cookie", names: ["sid", "lang"] },
    ]);
    heard.length = 0;
    const plain = await open();
    plain.cache.on("forward", (event) => heard.push(event));
    expect(parseCacheStatus((await plain.visit("/", COOKIES)).header("cache-status")!)[0]?.detail).toBe("cookie");
    await plain.visit("/", { headers: { "x-api-key": "secret", authorization: "secret" } });
    // The web's Headers are sorted.
    const fields = ["x-api-key", "authorization"];
    expect(heard).toStrictEqual([
      { url: "/", reason: "bypass", detail: "cookie", names },
      { url: "/", reason: "bypass", detail: "authorization", names: adapter.web ? fields.sort() : fields },
    ]);
  });
});

const NO_STORE = { "Cache-Control": "no-store" };
