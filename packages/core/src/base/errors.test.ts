import { describe, expect, it } from "vitest";
import {
  DiskCacheError,
  directoryError,
  hookError,
  internalError,
  optionError,
  purgeError,
  storeIoError,
} from "./errors.js";

describe("an error", () => {
  it.each([
    { value: "5 apples", shown: '"5 apples"' },
    { value: 'a "quoted" one', shown: '"a \\"quoted\\" one"' },
    { value: "x".repeat(200), shown: `"${"x".repeat(80)}…"` },
    { value: 5, shown: "5" },
    { value: Number.NaN, shown: "NaN" },
    { value: undefined, shown: "undefined" },
    { value: null, shown: "null" },
    { value: true, shown: "true" },
    { value: () => 1, shown: "a function" },
    { value: [1], shown: "an array" },
    { value: [], shown: "an empty array" },
    { value: { a: 1 }, shown: "an object" },
  ])("about an option shows the value as $shown", ({ value, shown }) => {
    expect(optionError("maxBody", "a size", value).message).toBe(`option \`maxBody\`: expected a size, got ${shown}`);
  });

  it("is of one family, and carries what caused it", () => {
    const cause = Object.assign(new Error("no space left"), { code: "ENOSPC" });
    const errors = [
      storeIoError("write", "/x", cause),
      purgeError("/x", cause),
      hookError("tags", cause),
      internalError("head", cause),
      directoryError("/x", "is a file", cause),
    ];
    for (const error of errors) {
      expect(error).toBeInstanceOf(DiskCacheError);
      expect([error.name, error.cause, error.code.startsWith("ERR_DISKCACHE_")]).toEqual([
        "DiskCacheError",
        cause,
        true,
      ]);
    }
    expect(new Set(errors.map(({ code }) => code)).size).toBe(errors.length);
  });

  it("tells of what was thrown, even when it was no error", () => {
    expect(hookError("tags", "just text").message).toBe("`tags` failed: just text");
  });
});
