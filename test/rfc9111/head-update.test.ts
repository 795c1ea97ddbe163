/** RFC 9111 §4.3.5: what a forwarded HEAD tells about the stored GET. */
import { describe, expect, it } from "vitest";
import { ADAPTERS } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";

const OLD = { "Cache-Control": "max-age=60", ETag: '"v1"', "X-Version": "1", "Content-Length": "4" };

describe.each(ADAPTERS)("$name: RFC 9111 §4.3.5 a HEAD that is forwarded", (adapter) => {
  it.each([
    { says: "the stored tag", fields: { ...OLD, "X-Version": "2" }, next: "hit", version: "2" },
    { says: "another tag", fields: { ...OLD, ETag: '"v2"' }, next: "uri-miss", version: "1" },
    { says: "another length", fields: { ...OLD, "Content-Length": "5" }, next: "uri-miss", version: "1" },
    {
      says: "no validator",
      fields: { "Cache-Control": "max-age=60", "Content-Length": "4" },
      next: "stale",
      version: "1",
    },
    {
      says: "that it must not be kept",
      fields: { ...OLD, "Cache-Control": "no-store" },
      next: "uri-miss",
      version: "1",
    },
  ])("and says $says makes the next GET a $next", async ({ fields, next, version }) => {
    const site = await openSite(adapter, {
      options: {},
      handler: ({ req }) => ({
        headers: req.method === "HEAD" ? fields : OLD,
        body: req.method === "HEAD" ? undefined! : "page",
      }),
    });
    await site.visit("/");
    site.clock.advance(61);
    const head = await site.visit("/", { method: "HEAD" });
    expect([head.status, head.header("etag")]).toEqual([200, "ETag" in fields ? fields.ETag : undefined]);
    const got = await site.visit("/");
    expect([got.cacheStatus.includes(next), got.text, got.header("x-version")]).toEqual([true, "page", version]);
  });

  it.each([
    // The page would answer so, too (RFC 9110 §9.3.2).
    { status: 404, next: "uri-miss" },
    { status: 410, next: "uri-miss" },
    { status: 405, next: "stale" },
    { status: 429, next: "stale" },
    { status: 500, next: "stale" },
  ])("and answers $status makes the next GET a $next", async ({ status, next }) => {
    const site = await openSite(adapter, {
      options: {},
      handler: ({ req }) => (req.method === "HEAD" ? { status } : { headers: OLD, body: "page" }),
    });
    await site.visit("/");
    site.clock.advance(61);
    expect((await site.visit("/", { method: "HEAD" })).status).toBe(status);
    expect((await site.visit("/")).cacheStatus).toContain(`fwd=${next}`);
  });
});
