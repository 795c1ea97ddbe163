import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRequestDirectives } from "./request-directives.js";
import type { RequestDirectives } from "./request-directives.js";

const NOTHING: RequestDirectives = {
  noCache: false,
  noStore: false,
  onlyIfCached: false,
  maxAge: undefined,
  minFresh: undefined,
  maxStale: undefined,
};

const expectAlways = fc.assert;

describe("RFC 9111 §5.2.1 request directives", () => {
  it.each<{ raw: string[]; asks: Partial<RequestDirectives> }>([
    { raw: [], asks: {} },
    { raw: ["Cache-Control", "nothing-to-see-here", "Pragma", "foo"], asks: {} },
    { raw: ["cache-control", "No-Cache"], asks: { noCache: true } },
    { raw: ["Cache-Control", "no-store, only-if-cached"], asks: { noStore: true, onlyIfCached: true } },
    { raw: ["Cache-Control", "max-age=0"], asks: { maxAge: 0 } },
    { raw: ["Cache-Control", 'max-age="5"'], asks: { maxAge: 5 } },
    { raw: ["Cache-Control", "max-age=60, max-age=5"], asks: { maxAge: 5 } },
    { raw: ["Cache-Control", "max-age=x, min-fresh, max-stale=y"], asks: {} },
    { raw: ["Cache-Control", "min-fresh=5", "Cache-Control", "min-fresh=60"], asks: { minFresh: 60 } },
    { raw: ["Cache-Control", "max-stale"], asks: { maxStale: Infinity } },
    { raw: ["Cache-Control", "max-stale, max-stale=7"], asks: { maxStale: 7 } },
    { raw: ["Pragma", "no-cache"], asks: { noCache: true } },
    { raw: ["Pragma", "x, NO-CACHE"], asks: { noCache: true } },
    { raw: ["Pragma", "no-cache", "Cache-Control", "max-age=60"], asks: { maxAge: 60 } },
  ])("$raw", ({ raw, asks }) => {
    expect(parseRequestDirectives(raw)).toEqual({ ...NOTHING, ...asks });
  });

  it("never throws", () => {
    expectAlways(
      fc.property(
        fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) }),
        (value) => {
          parseRequestDirectives(["Cache-Control", value, "Pragma", value]);
        },
      ),
    );
  });
});
