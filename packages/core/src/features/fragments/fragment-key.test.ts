import { describe, expect, it } from "vitest";
import { fragmentKey } from "./fragment-options.js";
import type { VaryOn } from "./fragment-options.js";

describe("the key of a fragment", () => {
  it("is another one for every name and values, whatever is in them", () => {
    const asked: readonly (readonly [string, VaryOn])[] = [
      ["a", []],
      ["a", ""],
      ["a", "b"],
      ["a", ["b", "c"]],
      ["a", ["b c"]],
      ["a", ["b:", "c"]],
      ["a", ["b", ":c"]],
      ["a", null],
      ["a", "null"],
      ["a", undefined],
      ["a", 1],
      ["a", 1n],
      ["a", "1"],
      ["a", true],
      ["a string 1:b ", []],
      ["a", "\ud800"],
      ["a", "\ud801"],
      ["a", "x".repeat(5000)],
      ["a", "x".repeat(5001)],
    ];
    const keys = asked.map(([name, varyOn]) => fragmentKey(name, varyOn));
    expect(new Set(keys).size).toBe(asked.length);
    expect(Math.max(...keys.map((key) => key.length))).toBeLessThan(100);
  });

  it("takes one value as a list of one", () => {
    expect(fragmentKey("a", "b")).toBe(fragmentKey("a", ["b"]));
    expect(fragmentKey("a", "b", "1")).not.toBe(fragmentKey("a", "b", "2"));
  });

  it.each([{}, [], () => 1, Symbol("a")])("takes no %o as a value", (value) => {
    expect(() => fragmentKey("a", [value as string])).toThrow("option `varyOn`");
  });

  it.each(["", 5, undefined])("takes no %j as a name", (name) => {
    expect(() => fragmentKey(name as string, [])).toThrow("option `name`");
  });
});
