import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalQuery, parseNoVarySearch } from "./no-vary-search.js";

const variance = (value: string) => parseNoVarySearch(["No-Vary-Search", value]);

describe("No-Vary-Search, parsing", () => {
  it.each([
    { value: "params", params: { only: new Set() }, keyOrder: true },
    { value: "params=?1", params: { only: new Set() }, keyOrder: true },
    { value: 'params=("a" "b")', params: { ignored: new Set(["a", "b"]) }, keyOrder: true },
    { value: 'params, except=("x")', params: { only: new Set(["x"]) }, keyOrder: true },
    { value: "params, except=()", params: { only: new Set() }, keyOrder: true },
    { value: "key-order", params: { ignored: new Set() }, keyOrder: false },
    { value: 'params, key-order, except=("x")', params: { only: new Set(["x"]) }, keyOrder: false },
    { value: 'params=("%C3%A9+%E6%B0%97")', params: { ignored: new Set(["é 気"]) }, keyOrder: true },
    { value: 'params=("a&b=c")', params: { ignored: new Set(["a&b=c"]) }, keyOrder: true },
    { value: 'unknown, params=("a")', params: { ignored: new Set(["a"]) }, keyOrder: true },
  ])("$value", ({ value, params, keyOrder }) => {
    expect(variance(value)).toEqual({ params, keyOrder });
  });

  it.each([
    "unknown-key",
    'key-order="not a boolean"',
    'params="not a boolean or inner list"',
    "params=(not-a-string)",
    'params=("a"), except=("x")',
    "params=(), except=()",
    'params=?0, except=("x")',
    "params, except=(not-a-string)",
    'params, except="not an inner list"',
    "params, except=?1",
    'except=("x")',
    "except=()",
    "params=?0",
    "params=()",
    "key-order=?0",
    "",
    "params=(",
    'params=("a"), key-order=1',
  ])("%s changes nothing", (value) => {
    expect(variance(value)).toBeUndefined();
  });

  it("is nothing where there is no such field", () => {
    expect(parseNoVarySearch([])).toBeUndefined();
  });
});

describe("No-Vary-Search, comparing", () => {
  it.each([
    { value: 'params=("utm")', one: "/p?a=1&utm=x", other: "/p?a=1" },
    { value: 'params=("utm")', one: "/p?utm=x", other: "/p" },
    { value: 'params=("utm")', one: "/p?%75tm=x&a=1", other: "/p?a=1&utm" },
    { value: 'params=("?a")', one: "/p??a=1", other: "/p" },
    { value: "params", one: "/p?a=1&b=2", other: "/p" },
    { value: 'params, except=("id")', one: "/p?id=1&x=2", other: "/p?y=3&id=1" },
    { value: "key-order", one: "/p?b=2&a=1", other: "/p?a=1&b=2" },
    { value: "key-order", one: "/p?", other: "/p" },
    { value: "key-order", one: "/p?a=x", other: "/p?%61=%78" },
    { value: "key-order", one: "/p?a=%f6", other: "/p?a=%ef%bf%bd" },
    { value: "key-order", one: "/p?a=x&&&&", other: "/p?a=x" },
    { value: "key-order", one: "/p?a=", other: "/p?a" },
    { value: "key-order", one: "/p?a=%20", other: "/p?a=+" },
  ])("under $value, $one is $other", ({ value, one, other }) => {
    expect(canonicalQuery(one, variance(value))).toBe(canonicalQuery(other, variance(value)));
  });

  it.each([
    { value: 'params=("utm")', one: "/p?a=1&utm=x", other: "/p?a=2&utm=x" },
    { value: 'params=("utm")', one: "/p?a=1&b=2", other: "/p?b=2&a=1" },
    { value: 'params=("utm")', one: "/p?utm_a=1", other: "/p" },
    { value: 'params, except=("id")', one: "/p?id=1", other: "/p?id=2" },
    { value: "key-order", one: "/p?a=1&a=2", other: "/p?a=2&a=1" },
    { value: "key-order", one: "/p?a=1%26b=2", other: "/p?a=1&b=2" },
    { value: "key-order", one: "/p??a=1", other: "/p?a=1" },
    { value: 'params=("?a")', one: "/p?a=1", other: "/p" },
    { value: "", one: "/p?", other: "/p?a" },
    { value: "", one: "/p?a=%20", other: "/p?a=+" },
  ])("under $value, $one is not $other", ({ value, one, other }) => {
    expect(canonicalQuery(one, variance(value))).not.toBe(canonicalQuery(other, variance(value)));
  });

  it("sorts by name alone, and leaves equal names in their order", () => {
    expect(canonicalQuery("/p?c=0&a=2&b=9&a=1&a=3", variance("key-order"))).toBe("a=2&a=1&a=3&b=9&c=0");
  });

  it("is the query itself where every byte of it matters", () => {
    expect(canonicalQuery("/p?a=%20&&b", undefined)).toBe("a=%20&&b");
  });

  it("leaves alone what is canonical", () => {
    const values = fc.constantFrom("params", "key-order", 'params=("a")', 'params, except=("a"), key-order');
    fc.assert(
      fc.property(values, fc.string(), (value, query) => {
        const once = canonicalQuery(`/p?${query}`, variance(value));
        expect(canonicalQuery(`/p?${once}`, variance(value))).toBe(once);
      }),
    );
  });
});
