import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  fieldLines,
  fieldValue,
  hasField,
  listMembers,
  splitMembers,
  trimmed,
  withField,
  withoutFields,
} from "./fields.js";

const RAW = ["Vary", "Accept", "X-One", "1", "vary", "Cookie", "VARY", ""];

describe("RFC 9110 §5 field lines", () => {
  it("gives every line of a field, whatever the case of its name, in order", () => {
    expect(fieldLines(RAW, "vary")).toEqual(["Accept", "Cookie", ""]);
  });

  it("combines the lines with a comma (§5.2)", () => {
    expect(fieldValue(RAW, "vary")).toBe("Accept, Cookie, ");
  });

  it("tells an absent field from an empty one", () => {
    expect(fieldValue(["A", ""], "a")).toBe("");
    expect(fieldValue(["A", ""], "b")).toBeUndefined();
    expect(hasField(["A", ""], "a")).toBe(true);
    expect(hasField(["A", ""], "b")).toBe(false);
  });

  it("takes no field for another whose name only begins alike", () => {
    expect(fieldLines(["ETags", "1", "ETa", "2"], "etag")).toEqual([]);
  });
});

describe("RFC 9110 §5.6.1 lists", () => {
  it.each([
    { given: "members with white space", lines: ["a ,\tb", " c "], members: ["a", "b", "c"] },
    { given: "empty members", lines: [",a,, ,b,", ""], members: ["a", "b"] },
    { given: "a comma in a quoted string", lines: ['a="1, 2", b'], members: ['a="1, 2"', "b"] },
    { given: "an escaped quote in a quoted string", lines: ['a="\\", x", b'], members: ['a="\\", x"', "b"] },
    { given: "a backslash outside one", lines: ["a\\,b"], members: ["a\\", "b"] },
    {
      given: "a quoted string that never ends, up to the end of its line",
      lines: ['a="1, 2', "b"],
      members: ['a="1, 2', "b"],
    },
    { given: "nothing", lines: [], members: [] },
  ])("reads $given", ({ lines, members }) => {
    expect(listMembers(lines)).toEqual(members);
  });

  it("keeps every character of the line but commas and white space around members", () => {
    fc.assert(
      fc.property(fc.string(), (line) => {
        expect(splitMembers(line).join(",").replaceAll(/[ \t]/g, "")).toBe(line.replaceAll(/[ \t]/g, ""));
      }),
    );
  });

  it("trims spaces and tabs, not line ends or other white space", () => {
    expect(trimmed(" \t a b \t")).toBe("a b");
    expect(trimmed("\u00a0a\n")).toBe("\u00a0a\n");
  });
});

describe("changed copies", () => {
  it("leaves fields out without touching the original", () => {
    expect(withoutFields(RAW, new Set(["vary"]))).toEqual(["X-One", "1"]);
    expect(RAW).toHaveLength(8);
  });

  it("replaces a field where it first stood and drops its other lines", () => {
    expect(withField(RAW, "Vary", "*")).toEqual(["Vary", "*", "X-One", "1"]);
  });

  it("appends a field that was not there", () => {
    expect(withField(["A", "1"], "B", "2")).toEqual(["A", "1", "B", "2"]);
  });
});
