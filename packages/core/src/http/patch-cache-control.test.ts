import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCacheControl } from "./cache-control.js";
import { patchCacheControl, resolveCacheControl } from "./patch-cache-control.js";
import type { CacheControlDirectives } from "./patch-cache-control.js";

function patched(given: string | readonly string[], directives: CacheControlDirectives, status = 200): string {
  return patchCacheControl([given].flat(), resolveCacheControl(directives), status);
}

describe("directives added to a handler's Cache-Control", () => {
  it.each<{ given: string | readonly string[]; add: CacheControlDirectives; becomes: string }>([
    { given: [], add: { public: true, maxAge: "5m" }, becomes: "public, max-age=300" },
    { given: "no-transform", add: { maxAge: 1.5, immutable: true }, becomes: "no-transform, max-age=1, immutable" },
    { given: "max-age=60", add: { maxAge: "5m" }, becomes: "max-age=60" },
    { given: "max-age=600", add: { maxAge: "5m" }, becomes: "max-age=300" },
    { given: "max-age=soon", add: { maxAge: "5m" }, becomes: "max-age=soon" },
    {
      given: 's-maxage="60"',
      add: { sMaxage: 90, staleIfError: "1d" },
      becomes: 's-maxage="60", stale-if-error=86400',
    },
    { given: "stale-while-revalidate=9", add: { staleWhileRevalidate: 5 }, becomes: "stale-while-revalidate=5" },
    { given: "private", add: { public: true, maxAge: 60 }, becomes: "private, max-age=60" },
    { given: "no-store", add: { public: true }, becomes: "no-store" },
    { given: "public, s-maxage=9", add: { private: true }, becomes: "private" },
    { given: "public, max-age=60", add: { noStore: true }, becomes: "max-age=60, no-store" },
    { given: 'private="x-user"', add: { private: true, noCache: true }, becomes: "private, no-cache" },
    { given: "PUBLIC, Max-Age=9", add: { maxAge: 5, public: true }, becomes: "public, max-age=5" },
    { given: ["a=b", 'c="d, e"'], add: { mustRevalidate: true }, becomes: 'a=b, c="d, e", must-revalidate' },
    { given: "max-age=1", add: { public: false, noStore: false }, becomes: "max-age=1" },
    {
      given: "max-age=1",
      add: { mustUnderstand: true, proxyRevalidate: true, noTransform: true },
      becomes: "max-age=1, must-understand, proxy-revalidate, no-transform",
    },
    { given: [], add: {}, becomes: "" },
  ])("$given with $add is $becomes", ({ given, add, becomes }) => {
    expect(patched(given, add)).toBe(becomes);
  });

  it("leave an error as short-lived as it was", () => {
    const add = { public: true, maxAge: 60, sMaxage: 60, staleIfError: 60, immutable: true, mustRevalidate: true };
    expect([patched([], add, 404), patched("max-age=1", add, 500)]).toEqual([
      "must-revalidate",
      "max-age=1, must-revalidate",
    ]);
    expect(patched([], { noStore: true, private: true }, 404)).toBe("no-store, private");
  });

  it("allow nothing that the handler has forbidden, and never longer than it said", () => {
    const directives = fc.record(
      {
        public: fc.boolean(),
        noCache: fc.boolean(),
        noStore: fc.boolean(),
        mustRevalidate: fc.boolean(),
        maxAge: fc.nat(9),
        sMaxage: fc.nat(9),
      },
      { requiredKeys: [] },
    );
    const member = fc.constantFrom(
      "public",
      "private",
      "no-store",
      "no-cache",
      "must-revalidate",
      "max-age=5",
      "s-maxage=5",
    );
    fc.assert(
      fc.property(fc.uniqueArray(member), directives, (members, add) => {
        const before = parseCacheControl(members);
        const after = parseCacheControl([patched(members, add)]);
        for (const name of ["private", "noStore", "noCache", "mustRevalidate"] as const)
          if (before[name]) expect(after[name]).toBe(true);
        if (before.private || before.noStore) expect(after.public).toBe(false);
        expect(after.maxAge ?? 0).toBeLessThanOrEqual(before.maxAge ?? 9);
        if (!before.private) expect(after.sMaxage ?? 0).toBeLessThanOrEqual(before.sMaxage ?? 9);
      }),
    );
  });

  it.each([
    { given: { maxage: 1 }, message: /`cacheControl\.maxage`: expected one of public, .*got "maxage"/ },
    { given: { maxAge: "soon" }, message: /`cacheControl\.maxAge`: expected a duration.*"soon"/ },
    { given: { public: "yes" }, message: /`cacheControl\.public`: expected true or false.*"yes"/ },
    { given: { public: true, private: true }, message: /either public or private/ },
    { given: "public", message: /`cacheControl`: expected an object.*"public"/ },
  ])("are refused: $given", ({ given, message }) => {
    expect(() => resolveCacheControl(given as never)).toThrow(message);
  });
});
