import { describe, expect, it } from "vitest";
import { deltaSeconds } from "./fields.js";

describe("RFC 9111 §1.2.2 delta-seconds", () => {
  it.each([
    { value: "0", seconds: 0 },
    { value: "3600", seconds: 3600 },
    { value: "003600", seconds: 3600 },
    { value: "2147483647", seconds: 2 ** 31 - 1 },
    { value: "2147483648", seconds: 2 ** 31 },
    { value: "99999999999", seconds: 2 ** 31 },
    { value: "9".repeat(400), seconds: 2 ** 31 },
  ])("reads $value as $seconds", ({ value, seconds }) => {
    expect(deltaSeconds(value)).toBe(seconds);
  });

  it.each(["", " 1", "1 ", "-1", "+1", "1.0", "1e3", "0x10", "a1", "1a", "'1'", "١", "1\n"])("refuses %j", (value) => {
    expect(deltaSeconds(value)).toBeUndefined();
  });
});
