/** Purging over HTTP: closed to everybody who does not bring the token, in every framework. */
import { describe, expect, it } from "vitest";
import type { DiskCacheOptions } from "@diskcache/core";
import type { Answer } from "../support/visit.js";
import { ADAPTERS } from "./adapters.js";
import type { Adapter } from "./adapters.js";
import { openSite } from "./site.js";
import type { Site, SiteDescription } from "./site.js";

const TOKEN = "0123456789abcdef-0123";
const BEARER = `Bearer ${TOKEN}`;

const STRANGERS: readonly { readonly given: string; readonly authorization: string }[] = [
  { given: "no token", authorization: "" },
  { given: "another token", authorization: "Bearer 0123456789abcdef-0124" },
  { given: "a part of the token", authorization: "Bearer 0123456789abcdef" },
  { given: "more than the token", authorization: `${BEARER}x` },
  { given: "the token and another", authorization: `${BEARER} x` },
  { given: "the token in another scheme", authorization: `Basic ${TOKEN}` },
  { given: "the bare token", authorization: TOKEN },
  { given: "the name of the scheme", authorization: "Bearer " },
  { given: "very much", authorization: `Bearer ${"x".repeat(8000)}` },
];

const MISTAKES: readonly {
  readonly given: string;
  readonly content: string;
  readonly status?: number;
  readonly error?: string;
}[] = [
  { given: "nothing", content: "" },
  { given: "what is not JSON", content: "{all:true}" },
  { given: "a list", content: "[]" },
  { given: "a text", content: '"/a"' },
  { given: "null", content: "null" },
  { given: "an empty object", content: "{}" },
  { given: "two names", content: '{"tag":"a","all":true}' },
  { given: "a name of the wrong type", content: '{"tag":1}' },
  { given: "a name that is not one", content: '{"__proto__":{"all":true}}' },
  { given: "another one beside it", content: '{"all":true,"constructor":1}' },
  { given: "soft as a text", content: '{"all":true,"soft":"no"}' },
  { given: "count as a text", content: '{"all":true,"count":"yes"}' },
  {
    given: "no tag at all",
    content: '{"tags":[]}',
    error: "`purge.tags`: expected one tag at least, got an empty array",
  },
  {
    given: "no pattern at all",
    content: '{"path":[]}',
    error: "`purge.path`: expected one pattern at least, got an empty array",
  },
  {
    given: "a star in a URL",
    content: '{"url":"/a/*"}',
    error: '`purge.url`: expected a URL; {"path":"/a/*"} is a pattern',
  },
  { given: "a list with nothing in it", content: "[{}]", error: "`purge[0]`: expected a path" },
  { given: "the URL of a host", content: '{"host":"http://x"}', error: "`purge.host`: expected a host such as" },
  { given: "deep nesting", content: `{"tag":${"[".repeat(20_000)}${"]".repeat(20_000)}}` },
  { given: "more than 64 KiB", content: JSON.stringify({ tag: "t".repeat(65_536) }), status: 413 },
];

function open(adapter: Adapter, more: SiteDescription = {}, options: Partial<DiskCacheOptions> = {}): Promise<Site> {
  return openSite(adapter, {
    options: { ttl: "1h", staleIfError: "1h", ...options },
    handler: ({ req }) => ({ headers: { "Cache-Tag": `tag:${req.url}` }, body: `page ${req.url}` }),
    purger: { token: TOKEN },
    ...more,
  });
}

function ask(site: Site, target: unknown, authorization: string | undefined = BEARER): Promise<Answer> {
  return site.visit("/_purge", {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(authorization !== undefined && { authorization }) },
    body: typeof target === "string" ? target : JSON.stringify(target),
  });
}

/** Which of the pages are still served from the cache. */
async function kept(site: Site): Promise<string[]> {
  const hits: string[] = [];
  for (const target of ["/a", "/a/b", "/c"]) if ((await site.visit(target)).isHit) hits.push(target);
  return hits;
}

describe.each(ADAPTERS)("$name: a purge over HTTP", (adapter) => {
  it.each([
    { target: { url: "/a" }, left: ["/a/b", "/c"] },
    { target: { prefix: "/a" }, left: ["/c"] },
    { target: { tag: "tag:/c" }, left: ["/a", "/a/b"] },
    { target: { tags: ["tag:/c", "tag:/a"] }, left: ["/a/b"] },
    { target: { path: "/a/**" }, left: ["/c"] },
    { target: { path: ["/a", "/c"] }, left: ["/a/b"] },
    { target: [{ url: "/a" }, { tag: "tag:/c" }], left: ["/a/b"] },
    { target: { host: "127.0.0.1" }, left: ["/a", "/a/b", "/c"] },
    { target: { all: true }, left: [] },
    { target: { url: "/a", soft: false }, left: ["/a/b", "/c"] },
  ])("with the token ends $target", async ({ target, left }) => {
    const site = await open(adapter);
    await kept(site);
    const answer = await ask(site, target);
    expect([answer.status, answer.text, answer.header("cache-control")]).toEqual([204, "", "no-store"]);
    expect(await kept(site)).toEqual(left);
  });

  it.each([
    { target: { tag: "tag:/c", count: true }, named: 1 },
    { target: { path: "/a/**", count: true, soft: true }, named: 2 },
    { target: [{ url: "/a" }, { path: "/a/**", count: true }, { tag: "none" }], named: 2 },
    { target: { url: "/nowhere", count: true }, named: 0 },
  ])("is counted where it says so: $target", async ({ target, named }) => {
    const site = await open(adapter);
    await kept(site);
    const answer = await ask(site, target);
    expect([answer.status, answer.text, answer.header("content-type"), answer.header("cache-control")]).toEqual([
      200,
      JSON.stringify({ named }),
      "application/json",
      "no-store",
    ]);
  });

  it("is soft where it says so", async () => {
    let down = false;
    const site = await open(adapter, { handler: () => (down ? { status: 503, body: "down" } : { body: "up" }) });
    await site.visit("/a");
    down = true;
    expect((await ask(site, { url: "/a", soft: true })).status).toBe(204);
    expect((await site.visit("/a")).text).toBe("up");
    expect((await ask(site, { url: "/a" })).status).toBe(204);
    expect((await site.visit("/a")).text).toBe("down");
  });

  it("without the token is refused, whatever it asks for, and nothing ends", async () => {
    const site = await open(adapter);
    await kept(site);
    for (const { given, authorization } of STRANGERS) {
      for (const target of [{ all: true }, "not JSON"]) {
        const answer = await ask(site, target, authorization);
        const fields = ["www-authenticate", "cache-control"].map((name) => answer.header(name));
        expect([answer.status, answer.text, ...fields], `with ${given}`).toEqual([
          401,
          '{"error":"a token is needed"}',
          'Bearer realm="diskcache"',
          "no-store",
        ]);
      }
      expect((await site.visit("/_purge", { headers: { authorization } })).status, `with ${given}`).toBe(401);
    }
    expect(await kept(site)).toEqual(["/a", "/a/b", "/c"]);
  });

  it("is not taken where nobody opened it", async () => {
    const site = await open(adapter, { purger: undefined });
    await kept(site);
    await ask(site, { all: true });
    for (const method of ["PURGE", "BAN", "DELETE"])
      await site.visit("/_purge", { method, headers: { authorization: BEARER } });
    expect(await kept(site)).toEqual(["/a", "/a/b", "/c"]);
  });

  it("by another method than POST is refused", async () => {
    const site = await open(adapter);
    await kept(site);
    for (const method of ["GET", "HEAD", "PUT", "DELETE", "PURGE"]) {
      const answer = await site.visit("/_purge", { method, headers: { authorization: BEARER } });
      const fields = ["allow", "cache-control"].map((name) => answer.header(name));
      expect([answer.status, ...fields], `by ${method}`).toEqual([405, "POST", "no-store"]);
    }
    expect(await kept(site)).toEqual(["/a", "/a/b", "/c"]);
  });

  it("that names nothing, or in a way that nobody understands, is told so, and nothing ends", async () => {
    const site = await open(adapter);
    await kept(site);
    for (const { given, content, status = 400, error = "" } of MISTAKES) {
      const answer = await ask(site, content);
      expect([answer.status, answer.header("cache-control")], `with ${given}`).toEqual([status, "no-store"]);
      expect(JSON.parse(answer.text), `with ${given}`).toEqual({
        error: expect.stringContaining(error) as string,
      });
    }
    expect(await kept(site)).toEqual(["/a", "/a/b", "/c"]);
  });

  it("is understood where somebody has parsed it before", async () => {
    const site = await open(adapter, { parsed: true });
    await kept(site);
    expect((await ask(site, { url: "/c" })).status).toBe(204);
    expect(await kept(site)).toEqual(["/a", "/a/b"]);
  });

  it("is done each time, where POST is cached too", async () => {
    const site = await open(adapter, {}, { methods: ["GET", "POST"] });
    for (const _ of [1, 2]) {
      await kept(site);
      expect((await ask(site, { url: "/c" })).status).toBe(204);
      expect(await kept(site)).toEqual(["/a", "/a/b"]);
    }
  });

  it("is taken with each token of a list", async () => {
    const site = await open(adapter, { purger: { token: ["another-token-of-mine", TOKEN] } });
    for (const token of ["another-token-of-mine", TOKEN])
      expect((await ask(site, { all: true }, `bearer  ${token}`)).status).toBe(204);
    expect((await ask(site, { all: true }, "Bearer another-token-of-his")).status).toBe(401);
  });

  it.each([
    { given: "a short token", purger: { token: "0123456789abcde" } },
    { given: "a short token in a list", purger: { token: [TOKEN, "short"] } },
    { given: "no token", purger: {} },
    { given: "an empty list", purger: { token: [] } },
    { given: "a token that no field can carry", purger: { token: `${TOKEN}\r\nX: y` } },
    { given: "a misspelt option", purger: { token: TOKEN, tokens: TOKEN } },
    { given: "nothing", purger: null },
  ])("cannot be opened with $given", async ({ purger }) => {
    const { listen } = adapter.create({ dir: "/nowhere", ttl: 1 });
    const opening = () => listen({ handler: () => ({}), purger: purger as { readonly token: string } });
    expect(opening).toThrow(expect.objectContaining({ code: "ERR_DISKCACHE_OPTION" }));
    expect(opening).not.toThrow(TOKEN.slice(0, 15));
  });
});
