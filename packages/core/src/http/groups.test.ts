import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cacheGroups, groupInvalidations, INTERNAL_FIELDS, responseTags } from "./labels.js";

const expectAlways = fc.assert;

describe("RFC 9875 §2 Cache-Groups", () => {
  it.each([
    { lines: ['"scripts"'], groups: ["scripts"] },
    { lines: ['"a";revalidate, "b c"'], groups: ["a", "b c"] },
    { lines: ['"a"', '"b", "a"'], groups: ["a", "b"] },
    { lines: ['"say \\"hi\\""'], groups: ['say "hi"'] },
    { lines: [], groups: [] },
    { lines: [""], groups: [] },
    { lines: ["scripts"], groups: [] },
    { lines: ['"a", b'], groups: [] },
    { lines: ['("a")'], groups: [] },
    { lines: ['"a" "b"'], groups: [] },
    { lines: ['"a", '], groups: [] },
  ])("$lines", ({ lines, groups }) => {
    expect(cacheGroups(lines.flatMap((line) => ["Cache-Groups", line]))).toEqual(groups);
    expect(groupInvalidations(lines.flatMap((line) => ["cache-group-invalidation", line]))).toEqual(groups);
  });

  it("reads at least 32 groups of 32 characters", () => {
    const groups = Array.from({ length: 100 }, (_, index) => String(index).padStart(64, "x"));
    expect(cacheGroups(["Cache-Groups", groups.map((group) => `"${group}"`).join(", ")])).toEqual(groups);
  });

  it("never throws", () => {
    expectAlways(
      fc.property(
        fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) }),
        (value) => {
          cacheGroups(["Cache-Groups", value]);
        },
      ),
    );
  });
});

describe("tags", () => {
  it.each([
    { fields: ["Cache-Tag", "a, b c,,A"], tags: ["a", "b c", "A"] },
    { fields: ["Surrogate-Key", "a  b\tc"], tags: ["a", "b", "c"] },
    { fields: ["cache-tag", "a", "Cache-Tag", "b", "surrogate-key", "b c"], tags: ["a", "b", "c"] },
    { fields: ["Cache-Tag", ""], tags: [] },
    { fields: [], tags: [] },
  ])("of $fields", ({ fields, tags }) => {
    expect(responseTags(fields)).toEqual(tags);
  });

  it("are taken off what leaves; Cache-Groups are not", () => {
    expect([...INTERNAL_FIELDS]).toEqual(["cache-tag", "surrogate-key"]);
  });
});
