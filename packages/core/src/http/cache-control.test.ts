import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCacheControl } from "./cache-control.js";
import type { CacheControl } from "./cache-control.js";

const expectAlways = fc.assert;
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

describe("RFC 9111 §5.2.2 response directives", () => {
  it.each<{ given: string; lines: string[]; says: Partial<CacheControl> }>([
    { given: "nothing", lines: [""], says: {} },
    { given: "max-age", lines: ["max-age=60"], says: { maxAge: 60 } },
    { given: "max-age=0", lines: ["max-age=0"], says: { maxAge: 0 } },
    { given: "a directive in any letter case", lines: ["MaX-aGe=60, nO-StOrE"], says: { maxAge: 60, noStore: true } },
    { given: "a quoted argument (§5.2)", lines: ['max-age="3600"'], says: { maxAge: 3600 } },
    { given: "an escape in a quoted argument", lines: ['max-age="36\\00"'], says: { maxAge: 3600 } },
    { given: "leading zeros", lines: ["max-age=003600"], says: { maxAge: 3600 } },
    { given: "a huge value (§1.2.2)", lines: ["max-age=99999999999"], says: { maxAge: 2 ** 31 } },
    { given: "s-maxage beside max-age", lines: ["max-age=60, s-maxage=10"], says: { maxAge: 60, sMaxage: 10 } },
    { given: "several lines", lines: ["public", "max-age=60"], says: { public: true, maxAge: 60 } },
    {
      given: "RFC 5861",
      lines: ["stale-while-revalidate=1, stale-if-error=2"],
      says: { staleWhileRevalidate: 1, staleIfError: 2 },
    },
    { given: "RFC 8246", lines: ["immutable"], says: { immutable: true } },
    { given: "must-understand", lines: ["no-store, must-understand"], says: { noStore: true, mustUnderstand: true } },
    {
      given: "the revalidate directives",
      lines: ["must-revalidate,proxy-revalidate"],
      says: { mustRevalidate: true, proxyRevalidate: true },
    },
    { given: "no-transform", lines: ["no-transform"], says: { noTransform: true } },
    { given: "an unknown directive", lines: ['foobar, ext=1, ext="a, b", max-age=60'], says: { maxAge: 60 } },
    { given: "names of Object.prototype", lines: ["__proto__=1, constructor, toString=2"], says: {} },
    {
      given: "a directive inside a quoted string, before",
      lines: ['extension="max-age=3600", max-age=1'],
      says: { maxAge: 1 },
    },
    {
      given: "a directive inside a quoted string, after",
      lines: ['max-age=1, extension="max-age=3600, public"'],
      says: { maxAge: 1 },
    },
    {
      given: "an escaped quote inside a quoted string",
      lines: ['ext="\\", no-store, \\"", max-age=1'],
      says: { maxAge: 1 },
    },
  ])("reads $given", ({ lines, says }) => {
    expect(parseCacheControl(lines)).toEqual({ ...NOTHING, ...says });
  });

  it.each<{ reading: string; lines: string[]; says: Partial<CacheControl> }>([
    { reading: "a qualified no-cache as no-cache", lines: ['no-cache="set-cookie"'], says: { noCache: true } },
    { reading: "a qualified private as private", lines: ['private="x-user"'], says: { private: true } },
    { reading: "an emptily qualified private as private", lines: ['private=""'], says: { private: true } },
    { reading: "no-store with an argument as no-store", lines: ["no-store=0"], says: { noStore: true } },
    {
      reading: "must-revalidate with an argument as must-revalidate",
      lines: ["must-revalidate=false"],
      says: { mustRevalidate: true },
    },
    { reading: "public with an argument as nothing", lines: ["public=1"], says: {} },
    { reading: "must-understand with an argument as nothing", lines: ['must-understand="x"'], says: {} },
    { reading: "immutable with an argument as nothing", lines: ["immutable=1"], says: {} },
    { reading: "max-age without a value as 0 (§4.2.1)", lines: ["max-age"], says: { maxAge: 0 } },
    { reading: "max-age in letters as 0", lines: ["max-age=a3600"], says: { maxAge: 0 } },
    { reading: "max-age with a letter as 0", lines: ["max-age=3600a"], says: { maxAge: 0 } },
    { reading: "a decimal max-age as 0", lines: ["max-age=3600.0"], says: { maxAge: 0 } },
    { reading: "a negative max-age as 0", lines: ["max-age=-100"], says: { maxAge: 0 } },
    { reading: "a single-quoted max-age as 0", lines: ["max-age='3600'"], says: { maxAge: 0 } },
    { reading: "an emptily quoted max-age as 0", lines: ['max-age=""'], says: { maxAge: 0 } },
    {
      reading: "a bad s-maxage as 0, not as absent",
      lines: ["s-maxage=x, max-age=60"],
      says: { sMaxage: 0, maxAge: 60 },
    },
    {
      reading: "a bad stale-while-revalidate as 0",
      lines: ["stale-while-revalidate=soon"],
      says: { staleWhileRevalidate: 0 },
    },
    { reading: "two values that differ as 0, fresh first", lines: ["max-age=1800, max-age=1"], says: { maxAge: 0 } },
    { reading: "two values that differ as 0, on two lines", lines: ["max-age=1", "max-age=1800"], says: { maxAge: 0 } },
    {
      reading: "a third value after two that differ as 0",
      lines: ["max-age=1, max-age=2, max-age=1"],
      says: { maxAge: 0 },
    },
    { reading: "two equal values as one", lines: ["max-age=60", "max-age=60"], says: { maxAge: 60 } },
  ])("takes $reading", ({ lines, says }) => {
    expect(parseCacheControl(lines)).toEqual({ ...NOTHING, ...says });
  });

  it.each([
    { fault: "semicolons for commas", lines: ["no-store; private"] },
    { fault: "semicolons after an argument", lines: ["max-age=60; no-store"] },
    { fault: "no commas", lines: ["private max-age=60"] },
    { fault: "space before =", lines: ["max-age =60"] },
    { fault: "space after =", lines: ["max-age= 60"] },
    { fault: "no name", lines: ["=60"] },
    { fault: "no argument after =", lines: ["max-age="] },
    { fault: "a quoted string that never ends", lines: ['ext="a, no-store'] },
    { fault: "a quote inside a token", lines: ['max-age=6"0'] },
    { fault: "text after a quoted string", lines: ['ext="a"b, max-age=60'] },
    { fault: "characters outside ASCII", lines: ["max-age=60, no‑store"] },
    { fault: "one bad member on another line", lines: ["max-age=60", "a b"] },
  ])("says when it is malformed: $fault", ({ lines }) => {
    expect(parseCacheControl(lines).malformed).toBe(true);
  });

  it("never throws, and always answers in the same shape", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) })),
        (lines) => {
          const cacheControl = parseCacheControl(lines);
          expect(Object.keys(cacheControl)).toEqual(Object.keys(NOTHING));
          for (const seconds of [cacheControl.maxAge, cacheControl.sMaxage, cacheControl.staleIfError]) {
            expect(seconds === undefined || (Number.isInteger(seconds) && seconds >= 0 && seconds <= 2 ** 31)).toBe(
              true,
            );
          }
        },
      ),
    );
  });

  it("forbids no less when more is said", () => {
    const member = fc.constantFrom(
      "no-store",
      "private",
      "no-cache",
      "max-age=5",
      "public",
      'ext="a, b"',
      "must-revalidate",
      "max-age=x",
    );
    expectAlways(
      fc.property(fc.array(member), fc.array(member), (some, more) => {
        const less = parseCacheControl([some.join(", ")]);
        const all = parseCacheControl([[...some, ...more].join(", ")]);
        const flags = ["noStore", "private", "noCache", "mustRevalidate"] as const;
        const shorter = less.maxAge === undefined || (all.maxAge !== undefined && all.maxAge <= less.maxAge);
        return shorter && flags.every((flag) => all[flag] || !less[flag]);
      }),
    );
  });
});
