/** Values on a store of the application's own. */
import { FileCache, PageCache, caches } from "@diskcache/core";
import type { OpenStore } from "@diskcache/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { memoryStore } from "../store/memory-store.js";
import { ManualClock } from "../support/manual-clock.js";

const clock = new ManualClock();

function open(store: OpenStore, strict = false): FileCache {
  const cache = new FileCache({ store, clock, strict });
  onTestFinished(() => cache.close());
  return cache;
}

describe("values on a store of the application's own", () => {
  it("are set, read, counted, touched, listed, removed and purged, for every cache on it", async () => {
    const store = memoryStore();
    const [one, other] = [open(store), open(store)];
    await one.set("user", { name: "Ada" }, { tags: ["user:1"] });
    expect(await other.get("user")).toEqual({ name: "Ada" });
    expect([await other.add("user", 1), await other.add("n", 1), await one.incr("n", 2)]).toEqual([false, true, 3]);
    expect(await other.touch("n", { ttl: 10 })).toBe(true);
    const keys: string[] = [];
    for await (const key of one.keys()) keys.push(key);
    expect(keys.sort()).toEqual(["n", "user"]);
    expect([await other.delete("n"), await one.has("n")]).toEqual([true, false]);
    await other.purgeTag("user:1");
    expect(await one.get("user")).toBeUndefined();
    await one.set("a", 1);
    await other.clear();
    expect((await one.stats()).entries).toBe(0);
  });

  it("are made once for all caches that share it", async () => {
    const store = memoryStore();
    let made = 0;
    const make = async () => ++made;
    const values = await Promise.all([open(store), open(store)].map((cache) => cache.getOrSet("a", make)));
    expect([values, made]).toEqual([[1, 1], 1]);
  });

  it("are purged with the pages of a cache on the same store, which keeps what it memoizes there", async () => {
    const store = memoryStore();
    const pages = new PageCache({ store, clock });
    onTestFinished(() => pages.close());
    let calls = 0;
    const total = pages.memoize(
      async function total() {
        return ++calls;
      },
      { tags: () => ["sum"] },
    );
    expect([await total(), await total(), (await pages.stats()).entries]).toEqual([1, 1, 1]);
    await pages.purgeTag("sum");
    expect(await total()).toBe(2);
  });

  it("are misses where the store fails, and errors with `strict`", async () => {
    const gone = (): never => {
      throw new Error("gone");
    };
    const failing: OpenStore = (owner) => Object.assign(memoryStore()(owner), { getCurrent: gone, put: gone });
    const lenient = open(failing);
    const errors: string[] = [];
    lenient.on("error", ({ code }) => errors.push(code));
    await lenient.set("a", 1);
    expect([await lenient.get("a"), errors]).toEqual([undefined, ["ERR_DISKCACHE_STORE_IO", "ERR_DISKCACHE_STORE_IO"]]);
    const strict = open(failing, true);
    await expect(strict.set("a", 1)).rejects.toMatchObject({ code: "ERR_DISKCACHE_NOT_STORED" });
    await expect(strict.get("a")).rejects.toMatchObject({ code: "ERR_DISKCACHE_STORE_IO" });
  });

  it("of two caches on one store need prefixes of their own", async () => {
    const store = memoryStore();
    const two = () => caches({ a: { store }, b: { store } });
    expect(two).toThrow(expect.objectContaining({ code: "ERR_DISKCACHE_OPTION" }));
    await caches({ a: { store }, b: { store, keyPrefix: "b" }, c: { store: memoryStore() } }).close();
  });

  it.each([
    { given: { store: "redis://" }, expected: "a function that returns a store" },
    { given: { store: () => null }, expected: "a function that returns a store" },
    { given: { store: () => ({}) }, expected: "with `position` (a function)" },
    { given: { store: memoryStore(), dir: "values" }, expected: "no `dir` beside it" },
    { given: { store: memoryStore(), secret: "0123456789abcdef" }, expected: "no `secret` beside it" },
  ])("take $given for a mistake", ({ given, expected }) => {
    for (const make of [() => new FileCache(given as never), () => new PageCache(given as never)]) {
      expect(make).toThrow(expect.objectContaining({ code: "ERR_DISKCACHE_OPTION" }));
      expect(make).toThrow(/^option `store`: expected /);
      expect(make).toThrow(expected);
    }
  });
});
