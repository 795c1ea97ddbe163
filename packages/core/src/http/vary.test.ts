import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normaliseVaryValue, varyFields, varyWith } from "./vary.js";

describe("RFC 9110 §12.5.5 Vary", () => {
  it.each([
    { lines: [], fields: [] },
    { lines: [""], fields: [] },
    { lines: ["Accept-Encoding"], fields: ["accept-encoding"] },
    { lines: ["Foo, bar", "BAR,Accept"], fields: ["accept", "bar", "foo"] },
    { lines: [", Foo,,"], fields: ["foo"] },
  ])("$lines names $fields", ({ lines, fields }) => {
    expect(varyFields(lines)).toEqual(fields);
  });

  it.each([
    [["*"]],
    [["*, *"]],
    [["*", "*"]],
    [[", *"]],
    [["", "*"]],
    [["*, Foo"]],
    [["Foo, *"]],
    [["Foo", " * "]],
    [["Accept Encoding"]],
    [['"Foo"']],
    [["Föö"]],
  ])("%j never matches", (lines) => {
    expect(varyFields(lines)).toBe("*");
  });
});

describe("RFC 9111 §4.1 values that match", () => {
  it.each([
    { name: "foo", one: ["1,2"], other: [" 1, 2 "] },
    { name: "foo", one: ["1, 2"], other: ["1", "2"] },
    { name: "foo", one: ['a="x, y" ,b'], other: ['a="x, y",b'] },
    { name: "accept-language", one: ["en, de"], other: ["de, en"] },
    { name: "accept-language", one: ["en, de"], other: ["eN, De"] },
    { name: "accept-language", one: ["en, de"], other: [" en ,   de"] },
    { name: "accept-language", one: ["en;q=0.5, de"], other: ["de;q=1.0,EN ; q=0.50"] },
    { name: "accept-language", one: ["EN"], other: ["en"] },
    { name: "accept-encoding", one: ["gzip, br"], other: ["br,GZIP"] },
    { name: "accept-encoding", one: ["gzip, br"], other: ["br", "gzip;q=1"] },
    { name: "accept-encoding", one: ["x-gzip"], other: ["gzip"] },
    { name: "accept-encoding", one: ["x-gzip, br"], other: ["br, gzip"] },
    { name: "accept-encoding", one: ["*;q=0, gzip;q=0.500"], other: ["gzip;q=0.5,*;q=0.0"] },
    { name: "cookie", one: ["a=1", "b=2"], other: ["a=1; b=2"] },
  ])("$name: $one and $other", ({ name, one, other }) => {
    expect(normaliseVaryValue(name, one)).toBe(normaliseVaryValue(name, other));
  });

  it.each([
    { name: "foo", one: ["1"], other: ["2"] },
    { name: "foo", one: [], other: [""] },
    { name: "foo", one: ["a"], other: ["A"] },
    { name: "foo", one: ["a, b"], other: ["b, a"] },
    { name: "foo", one: ["a,,b"], other: ["a,b"] },
    { name: "foo", one: ["a b"], other: ["a  b"] },
    { name: "foo", one: ['"a,b"'], other: ['"a, b"'] },
    { name: "accept-language", one: ["en, de;q=0.5"], other: ["de, en;q=0.5"] },
    { name: "accept-language", one: ["en"], other: ["en-gb"] },
    { name: "accept-encoding", one: ["gzip"], other: ["gzip;q=0"] },
    { name: "accept-encoding", one: ["gzip;q=x"], other: ["gzip"] },
    { name: "cookie", one: ["a=1,2"], other: ["a=1, 2"] },
    { name: "authorization", one: ["Digest a=1,b=2"], other: ["Digest a=1, b=2"] },
    { name: "user-agent", one: ["A (KHTML,like Gecko)"], other: ["A (KHTML, like Gecko)"] },
  ])("$name: not $one and $other", ({ name, one, other }) => {
    expect(normaliseVaryValue(name, one)).not.toBe(normaliseVaryValue(name, other));
  });

  it("tells absent from empty", () => {
    expect(normaliseVaryValue("foo", [])).toBeUndefined();
    expect(normaliseVaryValue("foo", [""])).toBe("");
  });

  it("leaves alone what it has normalised", () => {
    const name = fc.constantFrom("foo", "accept-language", "accept-encoding", "cookie", "user-agent");
    const line = fc.string({ unit: fc.constantFrom(...'ab-*;q=01., "\\\t'.split("")) });
    fc.assert(
      fc.property(name, fc.array(line, { minLength: 1 }), (field, lines) => {
        const once = normaliseVaryValue(field, lines)!;
        expect(normaliseVaryValue(field, [once])).toBe(once);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("Vary with more fields", () => {
  it.each([
    { given: [], fields: ["a"], becomes: "a" },
    { given: ["Vary", "A"], fields: ["a"], becomes: undefined },
    { given: ["Vary", "A", "Vary", "B, C"], fields: ["d", "b"], becomes: "A, B, C, d" },
    { given: ["Vary", "*"], fields: ["a"], becomes: undefined },
    { given: ["Vary", "A"], fields: [], becomes: undefined },
  ])("of $given and $fields is $becomes", ({ given, fields, becomes }) => {
    expect(varyWith(given, fields)).toBe(becomes);
  });
});
