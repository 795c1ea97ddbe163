import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../../../test/support/temporary-directory.js";
import { caches } from "./caches.js";
import { FileCache } from "./file-cache.js";
import { resolveFileCacheOptions } from "./file-cache-options.js";
import type { FileCacheOptions } from "./file-cache-options.js";

describe("the options of a low-level cache", () => {
  it("have their defaults", () => {
    expect(resolveFileCacheOptions({ dir: "/values" })).toMatchObject({
      place: { dir: "/values" },
      ttl: 300,
      keyPrefix: "",
      version: 1,
      maxEntries: 1_000_000,
      evictTo: undefined,
      maxSize: 2 ** 30,
      memoryBytes: 0,
      strict: false,
    });
  });

  it.each([
    { cullFrequency: 3, evictTo: 1 - 1 / 3 },
    { cullFrequency: 1, evictTo: 0 },
    { cullFrequency: 0, evictTo: 0 },
  ])("let $cullFrequency parts go", ({ cullFrequency, evictTo }) => {
    expect(resolveFileCacheOptions({ dir: "/values", cullFrequency }).evictTo).toBe(evictTo);
  });

  it.each([
    { option: "dir", value: "", expected: "the path of a directory" },
    { option: "ttl", value: "5 apples", expected: "a duration" },
    { option: "ttl", value: Number.NaN, expected: "a duration" },
    { option: "keyPrefix", value: 5, expected: "a string" },
    { option: "version", value: 1.5, expected: "a whole number" },
    { option: "keyFunction", value: "f", expected: "a function" },
    { option: "maxEntries", value: 0, expected: "a whole number above 0" },
    { option: "cullFrequency", value: -1, expected: "a whole number of at least 0" },
    { option: "maxSize", value: "big", expected: "a size" },
    { option: "maxSize", value: 10, expected: 'a size of "4kb" or more' },
    { option: "memory", value: -1, expected: "a size" },
    { option: "durability", value: "yes", expected: '"none" or "fsync"' },
    {
      option: "codec",
      value: { encode: () => Buffer.alloc(0) },
      expected: "an object with functions encode() and decode()",
    },
    { option: "strict", value: 1, expected: "true or false" },
    { option: "secret", value: ["0123456789abcdef", "short"], expected: "16 bytes or more" },
    { option: "encrypt", value: true, expected: "a `secret` beside it" },
    { option: "clock", value: {}, expected: "an object with a function now()" },
    { option: "timeout", value: 5, expected: "one of allowPublicDir, clock, codec" },
  ])("are refused by name: $option $value", ({ option, value, expected }) => {
    const given = { dir: "/values", [option]: value } as unknown as FileCacheOptions;
    expect(() => new FileCache(given)).toThrow(
      expect.objectContaining({
        code: "ERR_DISKCACHE_OPTION",
        message: expect.stringContaining(`\`${option}\`: expected ${expected}`),
      }),
    );
  });

  it.each([{ timeout: 5 }, { ttl: "soon" }, { version: "1" }, { tags: "t" }, { tags: [""] }, 300])(
    "of one call are checked, too: %o",
    async (options) => {
      const cache = new FileCache({ dir: "/values" });
      await expect(cache.set("k", 1, options as object)).rejects.toMatchObject({ code: "ERR_DISKCACHE_OPTION" });
    },
  );
});

describe("caches by name", () => {
  it("are a cache each", () => {
    const named = caches({ default: { dir: "/values" }, sessions: { dir: "/values", keyPrefix: "s" } });
    expect(Object.keys(named)).toEqual(["default", "sessions"]);
    expect(named.default).toBeInstanceOf(FileCache);
    expect(named.sessions).not.toBe(named.default);
  });

  it("are closed together, more than once if need be, and none is named so", async () => {
    const dir = temporaryDirectory();
    const named = caches({ default: { dir }, sessions: { dir, keyPrefix: "s" } });
    await named.sessions.set("k", 1);
    for (const _ of [1, 2]) await named.close();
    for (const cache of [named.default, named.sessions])
      await expect(cache.get("k")).rejects.toMatchObject({ code: "ERR_DISKCACHE_CLOSED" });
    expect(() => caches({ close: { dir } })).toThrow("`caches.close`: expected another name");
  });

  it("do not hold the same values under two names", () => {
    expect(() => caches({ a: { dir: "/values" }, b: { dir: "/values/../values" } })).toThrow(
      expect.objectContaining({ code: "ERR_DISKCACHE_OPTION" }),
    );
  });
});
