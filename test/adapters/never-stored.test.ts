/** Whose page it is comes first: what is never kept for others, and what only looks as if it were so. */
import { describe, expect, it } from "vitest";
import { ADAPTERS } from "./adapters.js";
import type { Page } from "./adapters.js";
import { openSite } from "./site.js";

interface Case {
  readonly given: string;
  readonly page?: Page;
  readonly visit?: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string };
  readonly reason: string;
  readonly fwd?: string;
}

const FRESH = { "Cache-Control": "max-age=60" };
const PUBLIC = { "Cache-Control": "public, max-age=60" };
const SHARED = { "Cache-Control": "s-maxage=60" };
const COOKIE = { cookie: "session=7" };
const LOGIN = { authorization: "Basic dXNlcjpwYXNz" };

const REFUSED: readonly Case[] = [
  { given: "a response with Set-Cookie", page: { headers: { ...PUBLIC, "Set-Cookie": "a=1" } }, reason: "set-cookie" },
  {
    given: "a response with two Set-Cookie lines",
    page: { headers: { ...PUBLIC, "Set-Cookie": ["a=1", "b=2"] } },
    reason: "set-cookie",
  },
  { given: "private", page: { headers: { "Cache-Control": "private, max-age=60" } }, reason: "private" },
  {
    given: "private with an empty list",
    page: { headers: { "Cache-Control": 'max-age=60, private=""' } },
    reason: "private",
  },
  {
    given: "private of one field",
    page: { headers: { "Cache-Control": 'private, max-age=60, private="x-name"' } },
    reason: "private",
  },
  { given: "PRIVATE in capitals", page: { headers: { "Cache-Control": "Max-Age=60, PRIVATE" } }, reason: "private" },
  {
    given: "private on a second line",
    page: { headers: { "Cache-Control": ["max-age=60", "private"] } },
    reason: "private",
  },
  {
    given: "no-store beside public",
    page: { headers: { "Cache-Control": "public, max-age=60, no-store" } },
    reason: "no-store",
  },
  {
    given: "an event stream",
    page: { headers: { ...FRESH, "Content-Type": "text/event-stream; charset=utf-8" } },
    reason: "event-stream",
  },
  { given: "Vary: *", page: { headers: { ...FRESH, Vary: "*" } }, reason: "vary-star" },
  { given: "* among other members of Vary", page: { headers: { ...FRESH, Vary: "accept, *" } }, reason: "vary-star" },
  {
    given: "206 nobody asked for",
    page: { status: 206, headers: { ...FRESH, "Content-Range": "bytes 0-0/10" } },
    reason: "partial",
  },
  { given: "500 with ttl", page: { status: 500 }, reason: "no-freshness" },
  { given: "503 with ttl", page: { status: 503 }, reason: "no-freshness" },
  { given: "403 with ttl", page: { status: 403 }, reason: "no-freshness" },
  { given: "404 with ttl", page: { status: 404 }, reason: "no-freshness" },
  { given: "410 with ttl", page: { status: 410 }, reason: "no-freshness" },
  { given: "302 with ttl", page: { status: 302, headers: { Location: "/other" } }, reason: "no-freshness" },
  { given: "POST", page: { headers: PUBLIC }, visit: { method: "POST", body: "a=1" }, reason: "method", fwd: "method" },
  { given: "PUT", page: { headers: PUBLIC }, visit: { method: "PUT", body: "a=1" }, reason: "method", fwd: "method" },
  { given: "OPTIONS", page: { headers: PUBLIC }, visit: { method: "OPTIONS" }, reason: "method", fwd: "method" },
  {
    given: "GET with a body",
    page: { headers: PUBLIC },
    visit: { headers: { "content-length": "3" }, body: "a=1" },
    reason: "body",
    fwd: "bypass",
  },
  {
    given: "X-Original-URL",
    page: { headers: PUBLIC },
    visit: { headers: { "x-original-url": "/admin" } },
    reason: "url-override",
    fwd: "bypass",
  },
  {
    given: "X-Rewrite-URL",
    page: { headers: PUBLIC },
    visit: { headers: { "x-rewrite-url": "/admin" } },
    reason: "url-override",
    fwd: "bypass",
  },
  {
    given: "a method override",
    page: { headers: PUBLIC },
    visit: { headers: { "x-http-method-override": "DELETE" } },
    reason: "method-override",
    fwd: "bypass",
  },
  {
    given: "Authorization",
    page: { headers: FRESH },
    visit: { headers: LOGIN },
    reason: "authorization",
    fwd: "bypass",
  },
  { given: "Authorization with ttl alone", visit: { headers: LOGIN }, reason: "authorization", fwd: "bypass" },
  {
    given: "a cookie nobody declared",
    page: { headers: FRESH },
    visit: { headers: COOKIE },
    reason: "cookie",
    fwd: "bypass",
  },
  { given: "a cookie with ttl alone", visit: { headers: COOKIE }, reason: "cookie", fwd: "bypass" },
  {
    given: "a cookie without a name",
    page: { headers: FRESH },
    visit: { headers: { cookie: "lonely" } },
    reason: "cookie",
    fwd: "bypass",
  },
];

const KEPT: readonly Omit<Case, "reason">[] = [
  { given: "Authorization and public", page: { headers: PUBLIC }, visit: { headers: LOGIN } },
  { given: "Authorization and s-maxage", page: { headers: SHARED }, visit: { headers: LOGIN } },
  {
    given: "Authorization and must-revalidate",
    page: { headers: { "Cache-Control": "max-age=60, must-revalidate" } },
    visit: { headers: LOGIN },
  },
  { given: "a cookie and public", page: { headers: PUBLIC }, visit: { headers: COOKIE } },
  { given: "a cookie and s-maxage", page: { headers: SHARED }, visit: { headers: COOKIE } },
  {
    given: "no-store inside a quoted value",
    page: { headers: { "Cache-Control": 'max-age=60, note="no-store, private"' } },
  },
  { given: "a directive nobody knows", page: { headers: { "Cache-Control": "max-age=60, privately" } } },
  {
    given: 'no-cache="set-cookie" and a validator',
    page: { headers: { "Cache-Control": 'max-age=60, no-cache="set-cookie"', ETag: '"v1"' } },
  },
  { given: "404 with explicit freshness", page: { status: 404, headers: FRESH } },
  { given: "301 with ttl", page: { status: 301, headers: { Location: "/other" } } },
  { given: "410 with explicit freshness", page: { status: 410, headers: FRESH } },
  { given: "Content-Length: 0 on a GET", page: { headers: PUBLIC }, visit: { headers: { "content-length": "0" } } },
];

describe.each(ADAPTERS)("$name: never someone else's page", (adapter) => {
  it.each(REFUSED)("is not kept: $given ($reason)", async ({ page = {}, visit = {}, reason, fwd = "uri-miss" }) => {
    const site = await openSite(adapter, { handler: () => ({ body: `render ${site.renders}`, ...page }) });
    const first = await site.visit("/", visit);
    const second = await site.visit("/", visit);
    expect(site.renders).toBe(2);
    expect([first.isStored, second.isHit, second.isStored]).toEqual([false, false, false]);
    expect(second.cacheStatus).toBe(`diskcache; fwd=${fwd}; detail=${reason}`);
    // Nor is it given to somebody with a plain request.
    expect((await site.visit("/")).isHit).toBe(false);
    expect(site.renders).toBe(3);
  });

  it.each(KEPT)("is kept: $given", async ({ page = {}, visit = {} }) => {
    const site = await openSite(adapter, { handler: () => ({ body: "page", ...page }) });
    const first = await site.visit("/", visit);
    expect(first.isStored).toBe(true);
    // To be validated before each use, or reused as it is.
    const second = await site.visit("/", visit);
    expect([second.text, second.cacheStatus]).toEqual([first.text, expect.stringMatching(/hit|fwd=stale/)]);
  });

  it("gives a page kept for everybody to nobody with a login of his own, unless it says so", async () => {
    const site = await openSite(adapter);
    await site.visit("/");
    const known = await site.visit("/", { headers: LOGIN });
    expect([known.text, known.cacheStatus]).toEqual(["render 2", "diskcache; fwd=bypass; detail=authorization"]);
    const withCookie = await site.visit("/", { headers: COOKIE });
    expect([withCookie.text, withCookie.isHit]).toEqual(["render 3", false]);
    expect((await site.visit("/")).text).toBe("render 1");
  });

  it("gives a page marked public to those with logins and cookies too", async () => {
    const site = await openSite(adapter, { handler: () => ({ headers: PUBLIC, body: `render ${site.renders}` }) });
    await site.visit("/");
    expect((await site.visit("/", { headers: { ...LOGIN, ...COOKIE } })).isHit).toBe(true);
    expect(site.renders).toBe(1);
  });

  it("does not answer GET with what POST was answered", async () => {
    const site = await openSite(adapter, { handler: ({ req }) => ({ headers: PUBLIC, body: req.method! }) });
    expect((await site.visit("/", { method: "POST" })).text).toBe("POST");
    expect((await site.visit("/")).text).toBe("GET");
    expect((await site.visit("/", { method: "POST" })).text).toBe("POST");
  });

  it("keeps the whole page when the first client asked for ten bytes of it", async () => {
    const site = await openSite(adapter, {
      handler: () => ({ headers: { "Content-Type": "text/plain", "Content-Length": "16" }, body: "0123456789abcdef" }),
    });
    const part = await site.visit("/", { headers: { range: "bytes=0-9" } });
    expect([part.status, part.text]).toEqual([206, "0123456789"]);
    const whole = await site.visit("/");
    expect([whole.status, whole.text, whole.isHit]).toEqual([200, "0123456789abcdef", true]);
  });

  it.each([
    { status: 204, explicit: false },
    { status: 204, explicit: true },
  ])("keeps $status as it is (explicit freshness: $explicit)", async ({ status, explicit }) => {
    const site = await openSite(adapter, { handler: () => ({ status, headers: explicit ? PUBLIC : {} }) });
    for (const _ of [1, 2]) {
      const { status: got, body } = await site.visit("/");
      expect([got, body.length]).toEqual([status, 0]);
    }
  });

  it("keeps what the operator's status lifetimes name, and nothing of those named 0", async () => {
    const statusTtl = { 404: "30s", "5xx": 0, 302: 10 };
    const site = await openSite(adapter, {
      options: { ttl: "5m", statusTtl },
      handler: ({ req }) => ({ status: Number(req.url!.slice(1)), headers: { Location: "/" }, body: "x" }),
    });
    const stored: Record<string, boolean> = {};
    for (const status of ["200", "302", "404", "500"]) {
      await site.visit(`/${status}`);
      stored[status] = (await site.visit(`/${status}`)).isHit;
    }
    expect(stored).toEqual({ 200: true, 302: true, 404: true, 500: false });
  });
});
