/** A table of paths and policies: known before the application runs, and not to be got round by another spelling of a
 * path. */
import { describe, expect, it } from "vitest";
import { ADAPTERS, incoming } from "./adapters.js";
import { openSite } from "./site.js";

describe.each(ADAPTERS)("$name: rules", (adapter) => {
  it.each([{ front: false }, { front: true }])("give paths their policies (front: $front)", async ({ front }) => {
    const site = await openSite(adapter, {
      front,
      options: {
        ttl: "5m",
        rules: [
          { path: "/reports/**", ttl: "1h", tags: ["reports"] },
          { path: ["/live/*", "/reports/today"], ttl: 10 },
          { path: "/search", key: { query: { only: ["q"] } } },
        ],
      },
    });
    const secondVisit = async (target: string) => {
      await site.visit(target);
      return (await site.visit(target)).cacheStatus;
    };
    expect(await secondVisit("/")).toBe("diskcache; hit; ttl=300");
    expect(await secondVisit("/reports/7?page=2")).toBe("diskcache; hit; ttl=3600");
    expect(await secondVisit("/live/now")).toBe("diskcache; hit; ttl=10");
    expect(await secondVisit("/reports/today")).toBe("diskcache; hit; ttl=10");
    await site.visit("/search?q=1&utm=2");
    expect((await site.visit("/search?utm=3&q=1")).isHit).toBe(true);
    await site.cache.purgeTag("reports");
    expect((await site.visit("/reports/today")).isHit).toBe(false);
    expect((await site.visit("/live/now")).isHit).toBe(true);
  });

  it("have URLs purged by the part of the query that names a page of theirs", async () => {
    const site = await openSite(adapter, {
      options: { ttl: 60, rules: [{ path: "/search", key: { query: { only: ["q"] } } }] },
    });
    await site.visit("/search?q=1&x=1");
    await site.cache.purge("/search?q=1&x=2");
    expect((await site.visit("/search?q=1")).isHit).toBe(false);
    await site.visit("/search?q=1&x=3", { method: "POST" });
    expect((await site.visit("/search?q=1")).isHit).toBe(false);
  });

  it.each([{ front: false }, { front: true }])(
    "keep nothing of what is never to be kept, however its path is spelled (front: $front)",
    async ({ front }) => {
      const site = await openSite(adapter, {
        front,
        options: { rules: [{ path: "/admin/**", never: true }] },
        policy: "1h",
        handler: () => ({ headers: { "Cache-Control": "public, max-age=60" }, body: `render ${site.renders}` }),
      });
      const spellings = [
        "/admin",
        "/ADMIN/x",
        "//admin/x",
        "/%61dmin/x",
        "/x/%2e%2e/admin",
        "/admin%2fx",
        "/a/../admin",
      ];
      for (const target of spellings) {
        for (const _ of [1, 2]) {
          const { isHit, cacheStatus } = await site.visit(target);
          expect([target, isHit, cacheStatus]).toEqual([target, false, "diskcache; fwd=bypass; detail=never"]);
        }
      }
      expect(site.renders).toBe(2 * spellings.length);
      await site.visit("/administrators");
      expect((await site.visit("/administrators")).isHit).toBe(true);
    },
  );

  it("leave alone a path that may come under another rule", async () => {
    const site = await openSite(adapter, { options: { ttl: 60, rules: [{ path: "/live/*", ttl: 1 }] } });
    await site.visit("/live%2fnow");
    expect((await site.visit("/live%2fnow")).cacheStatus).toBe("diskcache; fwd=bypass; detail=path");
  });

  it("may ask the application, which a cache in front of it cannot, and it is asked", async () => {
    const site = await openSite(adapter, {
      front: true,
      options: {
        ttl: 60,
        rules: [{ path: "/mine", partition: (native) => incoming(native).headers["x-user"] as string | undefined }],
      },
    });
    const texts = [];
    for (const user of ["ann", "bob", "ann"])
      texts.push((await site.visit("/mine", { headers: { "x-user": user, cookie: `session=${user}` } })).text);
    expect(texts).toEqual(["render 1", "render 2", "render 1"]);
  });
});
