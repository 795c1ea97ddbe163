/** One value of the low-level cache: the behaviours of Django's, where they are kept and where they are not. */
import { statSync } from "node:fs";
import { FileCache } from "@diskcache/core";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { entryFiles, open } from "./open.js";

const MISSING = { code: "ERR_DISKCACHE_KEY_MISSING" };
describe("get and set", () => {
  it("give back what was set, and the default for what was not", async () => {
    const cache = open();
    expect(await cache.get("user_123")).toBeUndefined();
    expect(await cache.get("user_123", { default: "nobody" })).toBe("nobody");
    await cache.set("user_123", { name: "Ada", roles: ["admin"] });
    expect(await cache.get("user_123", { default: "nobody" })).toEqual({ name: "Ada", roles: ["admin"] });
  });

  it.each([null, undefined, false, 0, ""])("count a stored %j as there", async (value) => {
    const cache = open();
    await cache.set("k", value);
    expect(await cache.get<unknown>("k", { default: "other" })).toBe(value);
    expect(await cache.has("k")).toBe(true);
    expect(await cache.add("k", 1)).toBe(false);
  });

  it("outlive the process that set them", async () => {
    const dir = temporaryDirectory();
    const before = new FileCache({ dir });
    await before.set("k", [1, 2]);
    await before.close();
    expect(await open({ dir, clock: { now: () => Date.now() } }).get("k")).toEqual([1, 2]);
  });

  it("have the value on disk, for its owner alone, when `set` resolves", async () => {
    const dir = temporaryDirectory();
    await open({ dir }).set("k", 1);
    const files = entryFiles(dir);
    expect(files.map((file) => statSync(file).mode & 0o777)).toEqual([0o600]);
  });

  it("copy: neither what was given nor what was got is the value", async () => {
    const cache = open({ memory: "1mb" });
    const given = { list: [1] };
    const writing = cache.set("k", given);
    given.list.push(2);
    await writing;
    const got = await cache.get<typeof given>("k");
    got!.list.push(3);
    const bytes = Buffer.from("abc");
    await cache.set("bytes", bytes);
    (await cache.get<Buffer>("bytes"))!.fill(0);
    expect([await cache.get("k"), await cache.get("bytes")]).toEqual([{ list: [1] }, Buffer.from("abc")]);
  });

  it("keep values of any length", async () => {
    const cache = open();
    const long = Buffer.alloc(3_000_000, "0123456789abcdef_");
    await cache.set("long", long);
    expect((await cache.get<Buffer>("long"))!.equals(long)).toBe(true);
  });

  it.each([
    { ttl: undefined, lives: 299, dead: 300 },
    { ttl: null, lives: 1e9, dead: undefined },
    { ttl: 10, lives: 9.9, dead: 10 },
    { ttl: "1m 30s", lives: 89, dead: 90 },
    { ttl: 0.5, lives: 0.4, dead: 0.5 },
    { ttl: 0, lives: undefined, dead: 0 },
    { ttl: -5, lives: undefined, dead: 0 },
  ])("give a value with the ttl $ttl its time", async ({ ttl, lives, dead }) => {
    const own = new ManualClock();
    const cache = open({ clock: own });
    await cache.set("k", "before", { ttl: null });
    await cache.set("k", 1, ttl === undefined ? {} : { ttl });
    if (lives !== undefined) {
      own.advance(lives);
      expect(await cache.get("k")).toBe(1);
    }
    if (dead !== undefined) {
      own.advance(dead - (lives ?? 0));
      expect([await cache.get("k"), await cache.has("k")]).toEqual([undefined, false]);
    }
  });

  it("take the cache's own ttl where none is given", async () => {
    const own = new ManualClock();
    const cache = open({ clock: own, ttl: null });
    await cache.set("k", 1);
    own.advance(1e8);
    expect(await cache.get("k")).toBe(1);
  });

  it("see what another cache on the directory has set since, whatever is in memory", async () => {
    const dir = temporaryDirectory();
    const [one, other] = [open({ dir, memory: "1mb" }), open({ dir, memory: "1mb" })];
    for (const value of [1, 2, 3]) {
      await one.set("k", value);
      expect([await other.get("k"), await one.get("k")]).toEqual([value, value]);
      await other.set("k", -value);
      expect(await one.get("k")).toBe(-value);
    }
    await other.set("k", "last");
    await other.close();
    expect(await one.get("k")).toBe("last");
  });
});

describe("add, touch, delete and has", () => {
  it("add where nothing is, or nothing any more", async () => {
    const own = new ManualClock();
    const cache = open({ clock: own });
    expect([await cache.add("k", 1, { ttl: 10 }), await cache.add("k", 2)]).toEqual([true, false]);
    own.advance(11);
    expect([await cache.add("k", 3), await cache.get("k")]).toEqual([true, 3]);
  });

  it("let one of many who add at once win", async () => {
    const cache = open();
    const won = await Promise.all(Array.from({ length: 20 }, (_, n) => cache.add("k", n)));
    expect(won.filter(Boolean)).toHaveLength(1);
    expect(await cache.get("k")).toBe(won.indexOf(true));
  });

  it("touch what is there, and say false of what is not", async () => {
    const own = new ManualClock();
    const cache = open({ clock: own });
    expect(await cache.touch("k")).toBe(false);
    await cache.set("k", 1, { ttl: 10 });
    expect(await cache.touch("k", { ttl: null })).toBe(true);
    own.advance(1e6);
    expect(await cache.get("k")).toBe(1);
    expect(await cache.touch("k", { ttl: 10 })).toBe(true);
    own.advance(10);
    expect([await cache.touch("k", { ttl: null }), await cache.get("k")]).toEqual([false, undefined]);
  });

  it("touch with a lifetime that is over at once removes", async () => {
    const cache = open();
    await cache.set("k", 1);
    expect([await cache.touch("k", { ttl: 0 }), await cache.has("k")]).toEqual([true, false]);
  });

  it("keep the tags of what is touched", async () => {
    const cache = open();
    await cache.set("k", 1, { tags: ["t"] });
    await cache.touch("k", { ttl: 60 });
    await cache.purgeTag("t");
    expect(await cache.get("k")).toBeUndefined();
  });

  it("delete what is there, and say whether it was", async () => {
    const cache = open();
    await cache.set("k", 1);
    expect([await cache.delete("k"), await cache.delete("k"), await cache.has("k")]).toEqual([true, false, false]);
  });
});

describe("incr and decr", () => {
  it("count, below zero and in fractions, too", async () => {
    const cache = open();
    await cache.set("n", 40);
    expect([await cache.incr("n"), await cache.incr("n", 9), await cache.decr("n"), await cache.decr("n", 60)]).toEqual(
      [41, 50, 49, -11],
    );
    expect(await cache.incr("n", 0.5)).toBe(-10.5);
  });

  it("lose nothing when many count at once", async () => {
    const cache = open();
    await cache.set("n", 0);
    await Promise.all(Array.from({ length: 100 }, () => cache.incr("n")));
    expect(await cache.get("n")).toBe(100);
  });

  it("reject for what is not there, or not any more", async () => {
    const own = new ManualClock();
    const cache = open({ clock: own });
    await expect(cache.incr("n")).rejects.toMatchObject(MISSING);
    await cache.set("n", 1, { ttl: 5 });
    own.advance(5);
    await expect(cache.decr("n")).rejects.toMatchObject(MISSING);
  });

  it.each(["1", null, { n: 1 }, 5n])("reject with a TypeError for %o", async (value) => {
    const cache = open();
    await cache.set("n", value);
    const counting = cache.incr("n");
    await expect(counting).rejects.toBeInstanceOf(TypeError);
    await expect(counting).rejects.toMatchObject({ code: "ERR_DISKCACHE_VALUE" });
    expect(await cache.get("n")).toEqual(value);
  });

  it("keep the remaining lifetime and the tags", async () => {
    const own = new ManualClock();
    const cache = open({ clock: own });
    await cache.set("n", 1, { ttl: 10, tags: ["t"] });
    own.advance(6);
    await cache.incr("n");
    own.advance(3.9);
    expect(await cache.get("n")).toBe(2);
    own.advance(0.1);
    expect(await cache.get("n")).toBeUndefined();
    await cache.set("n", 1, { tags: ["t"] });
    await cache.incr("n");
    await cache.purgeTag("t");
    expect(await cache.get("n")).toBeUndefined();
  });
});
