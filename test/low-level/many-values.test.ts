/** Many values of the low-level cache at once, and those that are made while they are asked for. */
import type { FileCache } from "@diskcache/core";
import { describe, expect, it, vi } from "vitest";
import { barrier } from "../support/barrier.js";
import { open } from "./open.js";

describe("many at once", () => {
  it("are found in a Map, in the order of the keys, without the missing", async () => {
    const cache = open();
    expect(await cache.setMany({ a: 1, b: null, c: undefined })).toEqual([]);
    expect([...(await cache.getMany(["c", "x", "b", "a"]))]).toEqual([
      ["c", undefined],
      ["b", null],
      ["a", 1],
    ]);
    expect(await cache.setMany(new Map([[5, "five"]]))).toEqual([]);
    expect([await cache.get("5"), await cache.get(5)]).toEqual(["five", "five"]);
    await cache.deleteMany(["a", "x", 5]);
    expect((await cache.getMany(["a", "b", 5])).size).toBe(1);
  });

  it("come back as keys where they could not be kept, and what was there before is gone", async () => {
    const cache = open({ maxSize: "64kb" });
    await cache.set("b", "old");
    const failed = await cache.setMany({ a: 1, b: Buffer.alloc(200_000) });
    expect([failed, await cache.get("a"), await cache.get("b")]).toEqual([["b"], 1, undefined]);
  });

  it("are checked before any of them is stored", async () => {
    const cache = open();
    await expect(cache.setMany({ a: 1, b: () => 1 })).rejects.toBeInstanceOf(TypeError);
    expect(await cache.has("a")).toBe(false);
  });
});

describe("getOrSet", () => {
  it("makes what is missing once, awaits it, and stores it", async () => {
    const cache = open();
    const make = vi.fn<() => Promise<{ n: number }>>(() => Promise.resolve({ n: 1 }));
    const all = await Promise.all([1, 2, 3].map(() => cache.getOrSet("k", make)));
    expect([all, make.mock.calls.length, await cache.get("k")]).toEqual([[{ n: 1 }, { n: 1 }, { n: 1 }], 1, { n: 1 }]);
    expect(all[0]).not.toBe(all[1]);
  });

  it("takes a value as well, and counts a stored null as there", async () => {
    const cache = open();
    expect(await cache.getOrSet("k", null)).toBeNull();
    expect(await cache.getOrSet<string | null>("k", "other")).toBeNull();
  });

  it("stores nothing when making fails, and tells everybody who waited", async () => {
    const cache = open();
    const failing = (): Promise<number> => Promise.reject(new Error("no"));
    const results = await Promise.allSettled([cache.getOrSet("k", failing), cache.getOrSet("k", failing)]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect([await cache.has("k"), await cache.getOrSet("k", 2)]).toEqual([false, 2]);
  });

  it("gives what somebody has set meanwhile", async () => {
    const cache = open();
    const made = barrier();
    const getting = cache.getOrSet("k", () => made.opened.then(() => "made"));
    await cache.set("k", "set");
    made.open();
    expect([await getting, await cache.get("k")]).toEqual(["set", "set"]);
  });

  it.each([
    { what: "purged", end: (cache: FileCache) => cache.purgeTag("t") },
    { what: "deleted", end: (cache: FileCache) => cache.delete("k") },
  ])("keeps nothing that was $what while it was made, and begins anew for who comes after", async ({ end }) => {
    const cache = open();
    const begun = barrier();
    const made = barrier();
    const getting = cache.getOrSet(
      "k",
      () => {
        begun.open();
        return made.opened.then(() => "old");
      },
      { tags: ["t"] },
    );
    await begun.opened;
    await end(cache);
    const after = cache.getOrSet("k", () => "new", { tags: ["t"] });
    made.open();
    expect([await getting, await after, await cache.get("k")]).toEqual(["old", "new", "new"]);
  });
});
