/** `admission: "second-request"`: a page is kept when somebody asks for it again, so that a flood of one-off URLs fills
 * nothing. */
import { describe, expect, it } from "vitest";
import { ADAPTERS } from "./adapters.js";
import { openSite } from "./site.js";

describe.each(ADAPTERS)("$name: with admission by the second request", (adapter) => {
  it("keeps a page from the second request on", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, admission: "second-request" },
      handler: () => ({ body: "a page" }),
    });
    const first = await site.visit("/");
    const second = await site.visit("/");
    const third = await site.visit("/");
    expect(first.cacheStatus).toContain("detail=admission");
    expect([first.isHit, second.isHit, third.isHit]).toEqual([false, false, true]);
    expect(second.isStored).toBe(true);
  });

  it("keeps nothing of what is asked for once", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, admission: "second-request" },
      handler: () => ({ body: "a page" }),
    });
    for (let n = 0; n < 20; n++) await site.visit(`/?n=${n}`);
    expect((await site.cache.stats()).stored).toBe(0);
  });
});
