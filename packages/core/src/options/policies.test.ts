import { describe, expect, it } from "vitest";
import type { DiskCacheOptions } from "./options.js";
import { Policies } from "./policies.js";
import { resolveOptions } from "./resolve-options.js";
import { resolvePolicy } from "./resolve-policy.js";

function policies(rules: DiskCacheOptions["rules"] = []): Policies {
  return new Policies(resolveOptions({ dir: "cache", ttl: 60, tags: ["site"], rules }));
}

describe("the policy of a request", () => {
  it("is that of the cache where no rule matches", () => {
    expect(policies([{ path: "/a", ttl: 1 }]).under("/b").ttl).toBe(60);
  });

  it("has every rule that matches laid over it, the later over the earlier, and the route's own over all", () => {
    const table = policies([
      { path: "/reports/**", ttl: 1, grace: 1, tags: ["reports"] },
      { path: "/reports/*", ttl: 2, grace: 2, tags: ["report"] },
      { path: "/other", ttl: 9 },
    ]);
    const policy = table.under("/reports/7", resolvePolicy({ ttl: 3, tags: ["own"] }));
    expect(policy).toMatchObject({ ttl: 3, grace: 2 });
    expect(policy.tags.flatMap((labels) => labels(undefined))).toEqual(["site", "reports", "report", "own"]);
  });

  it("is the same object for the same rules, so that nothing is merged twice", () => {
    const table = policies([{ path: "/a/*", ttl: 1 }]);
    const route = resolvePolicy({ ttl: 2 });
    expect(table.under("/a/1", route)).toBe(table.under("/a/2", route));
    expect(table.under("/b")).toBe(table.under("/c"));
  });

  it("goes with any of a rule's patterns, once", () => {
    const table = policies([{ path: ["/a", "/*"], tags: ["x"] }]);
    expect(table.under("/a").tags).toHaveLength(2);
  });

  it("is remembered for no more combinations of rules than a bounded number, and right all the same", () => {
    const rules = Array.from({ length: 12 }, (_, bit) => ({ path: `/**/b${bit}/**`, tags: [`t${bit}`] }));
    const table = policies(rules);
    const sets = Array.from({ length: 2 ** 12 }, (_, set) =>
      rules.flatMap((_rule, bit) => ((set & (1 << bit)) === 0 ? [] : [bit])),
    );
    const tagsOf = (bits: readonly number[]) => table.under(`/${bits.map((bit) => `b${bit}`).join("/")}`).tags;
    expect(sets.filter((bits) => tagsOf(bits).length !== bits.length + 1)).toEqual([]);
  });
});

describe("a never", () => {
  const table = policies([
    { path: "/admin/**", never: true },
    { path: "/live/*", ttl: 1 },
    { path: "/admin/logo.png", ttl: "1d" },
  ]);

  it.each([
    "/admin",
    "/admin/",
    "/admin?x",
    "/ADMIN/users",
    "//admin//users",
    "/%61dmin/users",
    "/admin%2fusers",
    "/admin%5Cusers",
    "/admin\\users",
    "/x/../admin/users",
    "/x/%2e%2e/admin/users",
    "/x/%252e%252e/admin/users",
    "/x%2f..%2fadmin/users",
    "/admin/../x",
    "/./admin",
    "/admin/.",
    "/admin/logo.png",
    `/%${"25".repeat(9)}61dmin`,
  ])("holds for %s, whatever route it comes to", (target) => {
    expect(table.under(target, resolvePolicy("1h")).leave).toBeDefined();
  });

  it.each(["/administrators", "/x/admin", "/adm%C3%AEn", "/a%2fb", "/a/../b"])("leaves %s as it is", (target) => {
    expect(table.under(target).leave).toBeUndefined();
  });

  it.each(["/live/..", "/live%2fx", "/a/../live/x"])("is what %s gets, which may come under another rule", (target) => {
    expect(table.under(target).leave).toBe("path");
  });
});
