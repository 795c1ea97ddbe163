/** RFC 9111 §4.2.2: a tenth of the time since Last-Modified, where `heuristic` asks for it. */
import { describe, expect, it } from "vitest";
import { ADAPTERS } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";

/** Made at 03:04:05 and changed 100 seconds before, so that a guess is 10 seconds. */
const CHANGED = { Date: "Fri, 02 Jan 2026 03:04:05 GMT", "Last-Modified": "Fri, 02 Jan 2026 03:02:25 GMT" };

describe.each(ADAPTERS)("$name: RFC 9111 §4.2.2 heuristic freshness", (adapter) => {
  it.each([
    { given: "a page that names no freshness", heuristic: true, status: 200, fields: {}, after: 9, hit: true },
    { given: "the same a second later", heuristic: true, status: 200, fields: {}, after: 10, hit: false },
    { given: "no option", heuristic: false, status: 200, fields: {}, after: 1, hit: false },
    {
      given: "freshness of its own",
      heuristic: true,
      status: 200,
      fields: { "Cache-Control": "max-age=5" },
      after: 6,
      hit: false,
    },
    { given: "a status nobody guesses for", heuristic: true, status: 403, fields: {}, after: 1, hit: false },
    {
      given: "a status that says public",
      heuristic: true,
      status: 403,
      fields: { "Cache-Control": "public" },
      after: 1,
      hit: true,
    },
    { given: "Pragma: no-cache", heuristic: true, status: 200, fields: { Pragma: "no-cache" }, after: 1, hit: false },
  ])("$given, after $after s: $hit", async ({ heuristic, status, fields, after, hit }) => {
    const site = await openSite(adapter, {
      options: { heuristic },
      handler: () => ({ status, headers: { ...CHANGED, ...fields }, body: "x" }),
    });
    await site.visit("/");
    site.clock.advance(after);
    expect((await site.visit("/")).isHit).toBe(hit);
  });
});
