import { describe, expect, it } from "vitest";
import { mergePolicies, resolvePolicy } from "./resolve-policy.js";

describe("a policy over another", () => {
  const outer = resolvePolicy({
    ttl: "1h",
    keep: 1,
    tags: ["site"],
    vary: ["accept"],
    statusTtl: { 404: 1, 301: 2 },
    skip: () => false,
  });

  it("wins where it says something, and leaves the rest", () => {
    const merged = mergePolicies(outer, resolvePolicy({ ttl: 0, statusTtl: { 404: 9 } }));
    expect(merged).toMatchObject({ ttl: 0, keep: 1 });
    expect(Object.fromEntries(merged.statusTtl)).toEqual({ 301: 2, 404: 9 });
  });

  it("adds its tags and fields, and has one more say in what is skipped", () => {
    const merged = mergePolicies(
      outer,
      resolvePolicy({ tags: () => ["page"], vary: ["Accept", "X-Plan"], skip: () => true }),
    );
    expect(merged.tags.flatMap((labels) => labels(undefined))).toEqual(["site", "page"]);
    expect([merged.vary, merged.skip.length]).toEqual([["accept", "x-plan"], 2]);
  });

  it("may be a lifetime alone", () => {
    expect([resolvePolicy("5m").ttl, resolvePolicy(7).ttl]).toEqual([300, 7]);
  });
});
