/** Holes: one stored page, filled for each client on its way out, and never anything of the one for the other. */
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import type { DiskCacheOptions } from "@diskcache/core";
import { describe, expect, it } from "vitest";
import { barrier } from "../support/barrier.js";
import type { Answer, VisitOptions } from "../support/visit.js";
import { WITH_NEST, ANSWERED, TAPPED, incoming } from "./adapters.js";
import type { Handler, Page } from "./adapters.js";
import { openSite } from "./site.js";
import type { SiteDescription } from "./site.js";

const MARKER = /hole[0-9a-f]{32}/;
const HTML = { "Content-Type": "text/html; charset=utf-8" };

const as = (user: string, more: VisitOptions = {}): VisitOptions => ({
  ...more,
  headers: { host: "www.example.com", ...(more.headers as Record<string, string>), "x-user": user },
});

/** A page with the client's name in it, as the handler sees it: with a hole. */
const greeting: Handler = ({ directives }) => ({ headers: HTML, body: `<p>Hello ${directives.hole("user")}!</p>` });

describe.each(WITH_NEST)("$name: a page with holes", (adapter) => {
  async function open(handler: Handler, options: Partial<DiskCacheOptions> = {}, rest: Partial<SiteDescription> = {}) {
    const site = await openSite(adapter, { options: { ttl: "5m", ...options }, handler, ...rest });
    site.cache.hole("user", (native) => incoming(native).headers["x-user"] as string);
    return site;
  }

  it("is stored once and filled for everybody, with the length it has then", async () => {
    const site = await open(greeting);
    const answers: Answer[] = [];
    for (const user of ["Ann", "Bartholomew", "Ann", "Ünal"]) answers.push(await site.visit("/", as(encodeURI(user))));
    expect(answers.map(({ text }) => text)).toEqual([
      "<p>Hello Ann!</p>",
      "<p>Hello Bartholomew!</p>",
      "<p>Hello Ann!</p>",
      "<p>Hello %C3%9Cnal!</p>",
    ]);
    expect(answers.map(({ isHit }) => isHit)).toEqual([false, true, true, true]);
    expect(answers[0]!.isStored).toBe(true);
    for (const answer of answers) expect(answer.header("content-length")).toBe(String(answer.body.length));
    expect(site.renders).toBe(1);
  });

  it("is nobody's to keep between here and the client, and has no validators, parts or 304s", async () => {
    const site = await open(({ directives }) => ({
      headers: {
        ...HTML,
        ETag: '"v1"',
        "Last-Modified": new Date(0).toUTCString(),
        "Cache-Control": "public, max-age=60",
      },
      body: directives.hole("user"),
    }));
    for (const headers of [{}, { "if-none-match": '"v1"' }, { "if-none-match": "*" }, { range: "bytes=0-1" }]) {
      const answer = await site.visit("/", as("Ann", { headers }));
      expect([answer.status, answer.text, answer.header("cache-control")]).toEqual([200, "Ann", "private, max-age=60"]);
      for (const name of ["etag", "last-modified", "accept-ranges", "content-range"])
        expect(answer.header(name)).toBeUndefined();
    }
    expect(site.renders).toBe(1);
  });

  it("tells HEAD what GET would get", async () => {
    const site = await open(greeting);
    const cold = await site.visit("/", as("Ann", { method: "HEAD" }));
    expect([cold.status, cold.body.length]).toEqual([200, 0]);
    expect(cold.fields.flat().some((text) => MARKER.test(text))).toBe(false);
    await site.visit("/", as("Ann"));
    const warm = await site.visit("/", as("Bartholomew", { method: "HEAD" }));
    expect([warm.status, warm.isHit, warm.header("content-length")]).toEqual([200, true, "25"]);
  });

  it("has the same value in fields and body, made once for each client", async () => {
    let made = 0;
    const site = await open(({ directives }) => ({
      headers: { ...HTML, "Content-Security-Policy": `script-src 'nonce-${directives.hole("nonce")}'` },
      body: `<script nonce="${directives.hole("nonce")}"></script>${directives.hole("nonce")}`,
    }));
    site.cache.hole("nonce", async () => `n${++made}`);
    for (const nonce of ["n1", "n2"]) {
      const answer = await site.visit("/");
      expect([answer.header("content-security-policy"), answer.text]).toEqual([
        `script-src 'nonce-${nonce}'`,
        `<script nonce="${nonce}"></script>${nonce}`,
      ]);
    }
  });

  it("fills nothing that only looks like one", async () => {
    const guess = `hole${"0".repeat(34)}`;
    const seen: string[] = [];
    const site = await open(({ directives, req }) => {
      seen.push(directives.hole("user"));
      return { headers: HTML, body: `${directives.hole("user")} ${guess} ${decodeURIComponent(req.url!)}` };
    });
    await site.visit("/first", as("Ann"));
    const target = `/${seen[0]}`;
    for (const user of ["Ann", "Bob"])
      expect((await site.visit(target, as(user))).text).toBe(`${user} ${guess} ${target}`);
  });

  it("goes to the application when a filler fails, which may have something else to say", async () => {
    const site = await open(({ directives, req }) =>
      req.headers["x-user"] === "nobody"
        ? { status: 302, headers: { Location: "/login" } }
        : { headers: HTML, body: directives.hole("user") },
    );
    site.cache.hole("user", (native) => {
      const name = incoming(native).headers["x-user"] as string;
      if (name === "nobody") throw new Error("no session");
      return name;
    });
    await site.visit("/", as("Ann"));
    const redirected = await site.visit("/", as("nobody"));
    expect([redirected.status, redirected.cacheStatus]).toEqual([302, "diskcache; fwd=bypass; detail=hole-failed"]);
    expect((await site.visit("/", as("Bob"))).text).toBe("Bob");
    expect(site.errors.map(({ code }) => code)).toEqual(["ERR_DISKCACHE_HOOK"]);
  });

  it.each([
    { filler: "throws", fill: () => Promise.reject(new Error("no")) },
    { filler: "gives no text", fill: () => 5 as unknown as string },
    { filler: "gives lines to a field", fill: () => "a\r\nX-Injected: 1" },
  ])("is an error, and never a page with a marker, when its filler $filler while it is made", async ({ fill }) => {
    const site = await open(({ directives }) => ({
      headers: { ...HTML, "X-User": directives.hole("user") },
      body: directives.hole("user"),
    }));
    site.cache.hole("user", fill);
    const answer = await site.visit("/");
    expect([answer.status, answer.text, answer.header("x-user"), answer.header("x-injected")]).toEqual([
      500,
      "Internal Server Error",
      undefined,
      undefined,
    ]);
    expect(site.errors).toHaveLength(1);
    site.cache.hole("user", () => "fine");
    expect((await site.visit("/")).text).toBe("fine");
  });

  it("is there after a restart where its filler is, and is none where it is not", async () => {
    const before = await open(greeting);
    await before.visit("/", as("Ann"));
    await before.close();
    const after = await open(greeting, { dir: before.dir });
    expect(await after.visit("/", as("Bob"))).toMatchObject({ text: "<p>Hello Bob!</p>", isHit: true });
    await after.close();
    const without = await openSite(adapter, {
      options: { ttl: "5m", dir: before.dir },
      handler: () => ({ body: "plain" }),
    });
    expect(await without.visit("/", as("Bob"))).toMatchObject({ text: "plain", isHit: false });
  });

  it.each([
    {
      body: "a stream",
      page: (hole: string): Page => ({
        headers: HTML,
        body: Readable.from([`<p>${hole.slice(0, 9)}`, `${hole.slice(9)}</p>`]),
      }),
    },
    {
      body: "a long text",
      page: (hole: string): Page => ({ headers: HTML, body: `<p>${hole}</p>${"x".repeat(3_000_000)}` }),
    },
    {
      body: "a page that is not found",
      page: (hole: string): Page => ({
        status: 404,
        headers: { ...HTML, "Cache-Control": "max-age=60" },
        body: `<p>${hole}</p>`,
      }),
    },
  ])("may be $body", async ({ page }) => {
    const site = await open(({ directives }) => page(directives.hole("user")));
    for (const user of ["Ann", "Bob"]) {
      const { text } = await site.visit("/", as(user));
      expect([text.slice(0, 10), MARKER.test(text)]).toEqual([`<p>${user}</p>`, false]);
    }
    expect(site.renders).toBe(1);
  });

  it("that was compressed on its way to the cache is filled, and not kept", async () => {
    const site = await open(({ directives }) => ({
      headers: { ...HTML, "Content-Encoding": "gzip" },
      body: gzipSync(`<p>${directives.hole("user")}</p>`),
    }));
    for (const user of ["Ann", "Bob"]) {
      const answer = await site.visit("/", as(user));
      expect([answer.text, answer.header("content-encoding"), answer.cacheStatus]).toEqual([
        `<p>${user}</p>`,
        undefined,
        "diskcache; fwd=uri-miss; detail=hole-encoded",
      ]);
    }
  });

  it("is filled where it is not kept, too", async () => {
    const off = await open(greeting, { enabled: false });
    const bypassed = await open(greeting);
    for (const user of ["Ann", "Bob"]) {
      expect((await off.visit("/", as(user))).text).toBe(`<p>Hello ${user}!</p>`);
      expect((await bypassed.visit("/", as(user, { method: "POST" }))).text).toBe(`<p>Hello ${user}!</p>`);
    }
  });

  it("is rendered once for clients that come together, each with its own", async () => {
    const goOn = barrier();
    const site = await open(async (asked) => {
      await goOn.opened;
      return greeting(asked);
    });
    const users = ["Ann", "Bob", "Cid"];
    const visits = users.map((user) => site.visit("/", as(user)));
    await site.arrivals.reaches(users.length);
    goOn.open();
    expect((await Promise.all(visits)).map(({ text }) => text)).toEqual(users.map((user) => `<p>Hello ${user}!</p>`));
    expect(site.renders).toBe(1);
  });

  it("is rendered again behind a stale one, with nobody to fill it for", async () => {
    const site = await open(greeting, { ttl: 60, staleWhileRevalidate: "1h" });
    await site.visit("/", as("Ann"));
    site.clock.advance(61);
    const stored = new Promise((resolve) => site.cache.on("stored", resolve));
    expect((await site.visit("/", as("Bob"))).text).toBe("<p>Hello Bob!</p>");
    await stored;
    expect(await site.visit("/", as("Cid"))).toMatchObject({ text: "<p>Hello Cid!</p>", isHit: true });
    expect([site.renders, site.errors]).toEqual([2, []]);
  });

  it("is filled behind `front()` and under a route's own key", async () => {
    const fronted = await open(greeting, {}, { front: true });
    const routed = await open(greeting, {}, { policy: { partition: () => "all" } });
    for (const site of [fronted, routed])
      for (const user of ["Ann", "Bob"]) expect((await site.visit("/", as(user))).text).toBe(`<p>Hello ${user}!</p>`);
    expect([fronted.renders, routed.renders]).toEqual([1, 1]);
  });

  it("has none that nothing fills, none in a fragment", async () => {
    const messages: string[] = [];
    const site = await open(async ({ directives }) => {
      try {
        directives.hole("other");
      } catch (error) {
        messages.push((error as Error).message);
      }
      await directives
        .fragment("a", [], "1h", () => `<b>${directives.hole("user")}</b>`)
        .catch((error: Error) => messages.push(error.message));
      return { headers: HTML, body: directives.hole("user") };
    });
    expect((await site.visit("/", as("Ann"))).text).toBe("Ann");
    expect(messages).toEqual([
      "hole: nothing fills `other`: register it with cache.hole()",
      "hole: a fragment is for many pages: put the hole into the page",
    ]);
  });
});

describe.each(TAPPED)("$name: a response with holes", (adapter) => {
  it("may be written piece by piece, and has no hole that comes after its beginning", async () => {
    let late: unknown;
    const site = await openSite(adapter, {
      handler: ({ res, directives }) => {
        res.setHeader("Content-Type", "text/html");
        res.write(`<p>${directives.hole("user")}`);
        res.flushHeaders();
        try {
          directives.hole("late");
        } catch (error) {
          late = error;
        }
        res.end(`${directives.hole("user")}</p>`);
        return ANSWERED;
      },
    });
    site.cache.hole("user", (native) => incoming(native).headers["x-user"] as string);
    site.cache.hole("late", () => "late");
    for (const user of ["Ann", "Bob"]) expect((await site.visit("/", as(user))).text).toBe(`<p>${user}${user}</p>`);
    expect(late).toMatchObject({ code: "ERR_DISKCACHE_HOLE" });
  });
});
