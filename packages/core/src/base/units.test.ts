import { describe, expect, it, vi } from "vitest";
import { durationSeconds, sizeBytes } from "./units.js";

describe("a duration", () => {
  it.each([
    { given: "90s", seconds: 90 },
    { given: "5m", seconds: 300 },
    { given: "1h 30m", seconds: 5400 },
    { given: "1h30m", seconds: 5400 },
    { given: "7d", seconds: 604_800 },
    { given: "2w", seconds: 1_209_600 },
    { given: " 1.5 H ", seconds: 5400 },
    { given: "0s", seconds: 0 },
    { given: "5 minutes", seconds: 300 },
    { given: "1 hour", seconds: 3600 },
    { given: "2 Days", seconds: 172_800 },
    { given: "1 week, 2 hrs", seconds: 612_000 },
    { given: "1 hour and 30 mins", seconds: 5400 },
    { given: "10sec", seconds: 10 },
    { given: 0, seconds: 0 },
    { given: 0.25, seconds: 0.25 },
    { given: 300, seconds: 300 },
  ])("of $given is $seconds seconds", ({ given, seconds }) => {
    expect(durationSeconds("ttl", given)).toBe(seconds);
  });

  it.each([
    "",
    " ",
    "5",
    "5 apples",
    "m",
    "-5m",
    "1e3s",
    "5ms",
    "5m!",
    "5 minute s",
    "5 minutesx",
    "5 m and",
    "5 months",
    "and 5 minutes",
    "٥m",
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    null,
    true,
    {},
    [],
    "s".repeat(200),
  ])("is never guessed from %j", (given) => {
    expect(() => durationSeconds("ttl", given)).toThrow(
      expect.objectContaining({
        code: "ERR_DISKCACHE_OPTION",
        message: expect.stringContaining("option `ttl`: expected a duration") as string,
      }),
    );
  });

  it("of a unit that there is not is answered with those that there are", () => {
    expect(() => durationSeconds("ttl", "500ms")).toThrow("(units s, m, h, d, w)");
  });

  it("is read in time that does not grow with the square of its length", () => {
    expect(() => durationSeconds("ttl", `${"1".repeat(50_000)} ${"1m ".repeat(10_000)}x`)).toThrow("option `ttl`");
  });

  it.each([
    { given: 300_000, meant: "5m" },
    { given: 3_600_000, meant: "1h" },
    { given: 86_400_000, meant: "1d" },
    { given: 40_000_500, meant: "40000.5s" },
  ])("of $given is taken as seconds, and told once to look like $meant in milliseconds", ({ given, meant }) => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    for (let i = 0; i < 2; i++) expect(durationSeconds(`ttl of ${given}`, given)).toBe(given);
    expect(warned).toHaveBeenCalledExactlyOnceWith(
      expect.stringContaining(`If milliseconds are meant, write "${meant}"`),
      { type: "DiskCacheWarning", code: "DISKCACHE_MILLISECONDS" },
    );
  });

  it.each([
    { given: 5000, as: "an hour and more" },
    { given: 86_400, as: "a day" },
    { given: 432_000, as: "five days, a multiple of 1000" },
    { given: 31_536_000, as: "a year" },
    { given: 31_622_400, as: "a leap year" },
    { given: 100_001, as: "no multiple of 1000" },
  ])("of $given is $as, and nothing is said", ({ given }) => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    expect(durationSeconds("lifetime", given)).toBe(given);
    expect(warned).not.toHaveBeenCalled();
  });
});

describe("a size", () => {
  it.each([
    { given: "512b", bytes: 512 },
    { given: "1kb", bytes: 1024 },
    { given: "1.5 KB", bytes: 1536 },
    { given: "64mb", bytes: 67_108_864 },
    { given: "2gb", bytes: 2_147_483_648 },
    { given: "1TB", bytes: 1_099_511_627_776 },
    { given: 0, bytes: 0 },
    { given: 1000, bytes: 1000 },
  ])("of $given is $bytes bytes", ({ given, bytes }) => {
    expect(sizeBytes("maxBody", given)).toBe(bytes);
  });

  it.each([
    "",
    "5",
    "5 apples",
    "5mib",
    "-1mb",
    "1m",
    1.5,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 60,
    null,
    false,
    {},
  ])("is never guessed from %j", (given) => {
    expect(() => sizeBytes("maxBody", given)).toThrow(
      expect.objectContaining({
        code: "ERR_DISKCACHE_OPTION",
        message: expect.stringContaining("option `maxBody`: expected a size") as string,
      }),
    );
  });

  it("of a unit that there is not is answered with those that there are", () => {
    expect(() => sizeBytes("maxBody", "5mib")).toThrow("(units b, kb, mb, gb, tb)");
  });
});
