import zlib from "node:zlib";
import { describe, expect, it } from "vitest";
import type { CachePolicy } from "./policy-options.js";
import { mergePolicies, resolvePolicy } from "./resolve-policy.js";
import type { WholePolicy } from "./resolve-policy.js";

function whole(given: CachePolicy): WholePolicy {
  return { ...resolvePolicy(given), methods: given.methods ?? ["GET"] };
}

function merged(outer: CachePolicy, inner: CachePolicy): WholePolicy {
  return mergePolicies(whole(outer), resolvePolicy(inner));
}

/** The table of docs/routes.md, a row each. */
describe("a policy over another", () => {
  it.each(["ttl", "staleWhileRevalidate", "staleIfError", "timeout", "grace", "keep"] as const)(
    "wins with its %s, 0 included, and leaves the outer one where it has none",
    (name) => {
      expect(merged({ [name]: "1h" }, { [name]: 0 })[name]).toBe(0);
      expect(merged({ [name]: "1h" }, {})[name]).toBe(3600);
    },
  );

  it("says with `stale` both how long a page is refreshed behind and how long it stands in, unless they are named", () => {
    const windows = ({ staleWhileRevalidate, staleIfError }: WholePolicy) => [staleWhileRevalidate, staleIfError];
    expect(windows(whole({ stale: "1d" }))).toEqual([86_400, 86_400]);
    expect(windows(whole({ stale: "1d", staleWhileRevalidate: 0 }))).toEqual([0, 86_400]);
    expect(windows(merged({ stale: "1d" }, { staleIfError: "1h" }))).toEqual([86_400, 3600]);
    expect(windows(merged({ staleWhileRevalidate: "1h" }, { stale: 0 }))).toEqual([0, 0]);
  });

  it("wins with what browsers are told", () => {
    expect(merged({ clientCacheControl: true }, { clientCacheControl: false }).clientCacheControl).toBe(false);
    expect(merged({ clientCacheControl: "max-age=9" }, {}).clientCacheControl).toBe("max-age=9");
  });

  it("wins with its lifetime of a status, and leaves those of others", () => {
    const { statusTtl } = merged({ statusTtl: { 404: 1, 301: 2 } }, { statusTtl: { 404: 9 } });
    expect(Object.fromEntries(statusTtl)).toEqual({ 301: 2, 404: 9 });
  });

  it("wins with its methods", () => {
    expect(merged({ methods: ["GET", "QUERY"] }, { methods: ["QUERY"] }).methods).toEqual(["QUERY"]);
    expect(merged({ methods: ["GET", "QUERY"] }, {}).methods).toEqual(["GET", "QUERY"]);
  });

  it("adds its tags", () => {
    const { tags } = merged({ tags: ["site"] }, { tags: () => ["page"] });
    expect(tags.flatMap((labels) => labels(undefined))).toEqual(["site", "page"]);
  });

  it("adds the fields it varies on, and those in its key, each once", () => {
    const outer = { vary: ["accept"], key: { headers: ["x-tenant"] } };
    const inner = { vary: ["Accept", "X-Plan"], key: { headers: ["X-Tenant", "x-shop"] } };
    expect(merged(outer, inner)).toMatchObject({ vary: ["accept", "x-plan"], keyHeaders: ["x-tenant", "x-shop"] });
  });

  it("says with its key function or its query rules what stands for path and query", () => {
    const key = (): string => "outer";
    const own = (): string => "inner";
    const query = { ignore: ["utm_*"] };
    expect(merged({ key }, { key: own }).keyFunction).toBe(own);
    expect(merged({ key: { query } }, { key: own }).keyFunction).toBe(own);
    expect(merged({ key }, { key: { query } })).toMatchObject({ keyFunction: undefined, query });
    expect(merged({ key: { query: { only: ["id"] } } }, { key: { query } }).query).toMatchObject({ only: undefined });
    expect(merged({ key: { query } }, { key: { headers: ["x-shop"] } }).query).toMatchObject(query);
    expect(merged({ key }, { ttl: 1 }).keyFunction).toBe(key);
  });

  it("divides by its partition what the outer one has divided already", () => {
    const { partitions } = merged({ partition: () => "staff" }, { partition: () => "tenant 7" });
    expect(partitions.map((of) => of(undefined))).toEqual(["staff", "tenant 7"]);
  });

  it("has one more say in what is skipped and what is kept", () => {
    const both = merged({ skip: () => false, shouldStore: () => false }, { skip: () => true, shouldStore: () => true });
    expect(both.skip.map((skips) => skips(undefined))).toEqual([false, true]);
    expect(both.shouldStore).toHaveLength(2);
  });

  it.each([{ key: {} }, { key: () => "a" }, { partition: () => "a" }, { skip: () => false }])(
    "counts once more where it decides who gets which page: %o",
    (guard) => {
      expect(merged(guard, guard).guards).toBe(2);
      expect(merged(guard, { ttl: 1 }).guards).toBe(1);
    },
  );

  it("does not lift a never", () => {
    const never = { ...whole({}), leave: "never" as const };
    expect(mergePolicies(never, resolvePolicy("1h")).leave).toBe("never");
    expect(mergePolicies(whole({}), never).leave).toBe("never");
  });

  it("may be a lifetime alone", () => {
    expect([resolvePolicy("5m").ttl, resolvePolicy(7).ttl]).toEqual([300, 7]);
  });
});

describe("the option `compress`", () => {
  const zstd = "createZstdCompress" in zlib;

  it.each([
    { given: true, codings: zstd ? ["br", "zstd", "gzip"] : ["br", "gzip"] },
    { given: false, codings: [] },
    { given: undefined, codings: undefined },
    { given: ["gzip", "br"] as const, codings: ["gzip", "br"] },
    { given: ["gzip", "gzip"] as const, codings: ["gzip"] },
  ])("$given offers $codings", ({ given, codings }) => {
    expect(resolvePolicy(given === undefined ? {} : { compress: given }).compress).toEqual(codings);
  });

  it("of a route wins over that of the cache", () => {
    expect(merged({ compress: ["gzip"] }, { compress: false }).compress).toEqual([]);
    expect(merged({ compress: false }, { compress: ["gzip"] }).compress).toEqual(["gzip"]);
    expect(merged({ compress: ["gzip"] }, {}).compress).toEqual(["gzip"]);
  });

  it.each([{ given: "br" }, { given: [] }, { given: ["br", "deflate"] }, { given: 11 }, { given: null }])(
    "is refused when it is $given",
    ({ given }) => {
      expect(() => resolvePolicy({ compress: given as never })).toThrow(
        /^option `compress`: expected true, false or a list of "br", .*"gzip"/,
      );
    },
  );

  it.runIf(!zstd)("is refused when it names what this Node does not have", () => {
    expect(() => resolvePolicy({ compress: ["zstd"] })).toThrow(
      'option `compress`: expected true, false or a list of "br", "gzip" (what this Node has), got "zstd"',
    );
  });
});
