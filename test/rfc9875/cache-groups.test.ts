/** RFC 9875: groups of stored responses, ended together. */
import { describe, expect, it } from "vitest";
import { ADAPTERS } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";

describe.each(ADAPTERS)("$name: RFC 9875 Cache-Group-Invalidation", (adapter) => {
  it.each([
    { by: "a POST", method: "POST", status: 200, field: '"news"', ended: true },
    { by: "a DELETE that answers 303", method: "DELETE", status: 303, field: '"other", "news"', ended: true },
    { by: "a POST that failed", method: "POST", status: 400, field: '"news"', ended: false },
    { by: "another group", method: "POST", status: 200, field: '"News"', ended: false },
    { by: "a field that is no list of strings", method: "POST", status: 200, field: "news", ended: false },
    { by: "a safe method", method: "OPTIONS", status: 200, field: '"news"', ended: false },
  ])("by $by ends the group: $ended", async ({ method, status, field, ended }) => {
    const site = await openSite(adapter, {
      handler: ({ req }) =>
        req.method === "GET"
          ? { headers: { "Cache-Groups": '"news", "front"' }, body: "x" }
          : { status, headers: { "Cache-Group-Invalidation": field }, body: "done" },
    });
    const first = await site.visit("/a");
    expect(first.header("cache-groups")).toBe('"news", "front"');
    await site.visit("/b", { method });
    expect((await site.visit("/a")).isHit).toBe(!ended);
  });

  it("ends nothing on another host", async () => {
    const site = await openSite(adapter, {
      handler: ({ req }) =>
        req.method === "GET"
          ? { headers: { "Cache-Groups": '"news"' }, body: "x" }
          : { headers: { "Cache-Group-Invalidation": '"news"' }, body: "done" },
    });
    await site.visit("/a");
    await site.visit("/a", { method: "POST", headers: { host: "elsewhere.example" } });
    expect((await site.visit("/a")).isHit).toBe(true);
  });
});
