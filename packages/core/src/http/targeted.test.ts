import { describe, expect, it } from "vitest";
import type { CacheControl } from "./cache-control.js";
import { targetedCacheControl } from "./targeted.js";

const NOTHING: CacheControl = {
  maxAge: undefined,
  sMaxage: undefined,
  staleWhileRevalidate: undefined,
  staleIfError: undefined,
  noStore: false,
  noCache: false,
  private: false,
  public: false,
  mustRevalidate: false,
  proxyRevalidate: false,
  mustUnderstand: false,
  immutable: false,
  noTransform: false,
  malformed: false,
};
const CDN = ["cdn-cache-control"];

describe("RFC 9213 §2.1 syntax", () => {
  it.each<{ value: string; says: Partial<CacheControl> }>([
    { value: "max-age=3600", says: { maxAge: 3600 } },
    { value: "max-age=99999999999", says: { maxAge: 2 ** 31 } },
    { value: "foobar, max-age=3600", says: { maxAge: 3600 } },
    { value: "max-age=60;ext=1", says: { maxAge: 60 } },
    { value: "max-age=1, max-age=60", says: { maxAge: 60 } },
    { value: "no-store", says: { noStore: true } },
    { value: "no-store=?0", says: { noStore: true } },
    { value: 'private="x"', says: { private: true } },
    { value: 'no-cache="a, b", max-age=60', says: { noCache: true, maxAge: 60 } },
    { value: "must-revalidate, public, s-maxage=5", says: { mustRevalidate: true, public: true, sMaxage: 5 } },
    { value: "public=?0, max-age=60", says: { maxAge: 60 } },
    { value: "max-age=-5", says: { maxAge: 0 } },
    { value: "none", says: {} },
  ])("reads $value", ({ value, says }) => {
    expect(targetedCacheControl(["CDN-Cache-Control", value], CDN)).toEqual({ ...NOTHING, ...says });
  });

  it.each([
    { fault: "nothing in it", value: "" },
    { fault: "a member that does not parse", value: "max-age=10000, &&&&&" },
    { fault: "a name in capitals", value: "MaX-aGe=3600" },
    { fault: "space before =", value: "max-age =100" },
    { fault: "space after =", value: "max-age= 100" },
    { fault: "a string for an integer", value: 'max-age="10000"' },
    { fault: "a decimal for an integer", value: "max-age=60.5" },
    { fault: "a token for an integer", value: "max-age=long" },
    { fault: "no value for an integer", value: "max-age" },
    { fault: "an inner list for an integer", value: "max-age=(60)" },
    { fault: "an integer for a flag", value: "public=1, max-age=60" },
  ])("takes the field for absent with $fault", ({ value }) => {
    expect(targetedCacheControl(["CDN-Cache-Control", value], CDN)).toBeUndefined();
  });

  it.each(['no-store, max-age="60"', 'private, max-age="60"', "no-store=1"])(
    "obeys what %s clearly forbids",
    (value) => {
      const cacheControl = targetedCacheControl(["CDN-Cache-Control", value], CDN);
      expect(cacheControl?.noStore === true || cacheControl?.private === true).toBe(true);
    },
  );
});

describe("RFC 9213 §2.2 target list", () => {
  const raw = ["CDN-Cache-Control", "max-age=1", "Surrogate-Control", "max-age=2", "Cache-Control", "max-age=3"];

  it.each([
    { list: ["surrogate-control", "cdn-cache-control"], maxAge: 2 },
    { list: ["cdn-cache-control", "surrogate-control"], maxAge: 1 },
    { list: ["x-cache-control", "cdn-cache-control"], maxAge: 1 },
    { list: [], maxAge: undefined },
  ])("takes the first of $list that is there", ({ list, maxAge }) => {
    expect(targetedCacheControl(raw, list)?.maxAge).toBe(maxAge);
  });

  it("passes over a field that is not valid", () => {
    const fields = ["A-Cache-Control", "???", "CDN-Cache-Control", "max-age=1"];
    expect(targetedCacheControl(fields, ["a-cache-control", "cdn-cache-control"])?.maxAge).toBe(1);
  });

  it("combines the lines of a field", () => {
    const fields = ["CDN-Cache-Control", "max-age=1", "CDN-Cache-Control", "no-cache"];
    expect(targetedCacheControl(fields, CDN)).toMatchObject({ maxAge: 1, noCache: true });
  });
});
