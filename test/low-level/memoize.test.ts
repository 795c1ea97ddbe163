/** Functions whose results are kept: told apart by their arguments, and purged together with pages. */
import { FileCache } from "@diskcache/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { ADAPTERS, EXPRESS_5 } from "../adapters/adapters.js";
import { openSite } from "../adapters/site.js";
import { barrier } from "../support/barrier.js";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { open } from "./open.js";

/** Counts what it is called with. */
function counted() {
  const calls: unknown[][] = [];
  async function load(...args: unknown[]) {
    calls.push(args);
    return { call: calls.length };
  }
  return { calls, load };
}

describe("a memoized function", () => {
  it("is called once for the same arguments, and once more for others", async () => {
    const { calls, load } = counted();
    const memoized = open().memoize(load);
    const lists = [[], [1], ["1"], [1, 2], [[1, 2]], [{ a: 1 }], [undefined], [null], [new Map([["a", 1]])], [1n]];
    for (const args of [...lists, ...lists]) await memoized(...args);
    expect(calls).toEqual(lists);
    expect(await memoized(1)).toEqual({ call: 2 });
  });

  it("gives everybody a copy", async () => {
    const memoized = open().memoize(counted().load);
    const first = await memoized();
    first.call = 99;
    expect(await memoized()).toEqual({ call: 1 });
  });

  it("is called once for all who ask meanwhile", async () => {
    const ready = barrier();
    let calls = 0;
    const memoized = open().memoize(async function load() {
      calls++;
      await ready.opened;
      return calls;
    });
    const asked = [memoized(), memoized(), memoized()];
    ready.open();
    expect(await Promise.all(asked)).toEqual([1, 1, 1]);
  });

  it("keeps nothing when it fails", async () => {
    let calls = 0;
    const memoized = open().memoize(function load() {
      calls++;
      if (calls === 1) throw new Error("no database");
      return calls;
    });
    await expect(memoized()).rejects.toThrow("no database");
    expect([await memoized(), await memoized()]).toEqual([2, 2]);
  });

  it("lives as long as it says, or else as the cache does", async () => {
    const clock = new ManualClock();
    const cache = open({ clock, ttl: 100 });
    const { calls, load } = counted();
    const short = cache.memoize(load, { ttl: "10s" });
    const long = cache.memoize(load, { name: "long" });
    for (const seconds of [0, 10, 90]) {
      clock.advance(seconds);
      await short();
      await long();
    }
    expect(calls).toHaveLength(5);
  });

  it("is purged by its tags", async () => {
    const cache = open();
    const { calls, load } = counted();
    const memoized = cache.memoize(load, { tags: (id) => [`user:${String(id)}`] });
    const listed = cache.memoize(load, { name: "listed", tags: ["users"] });
    const all = async () => [await memoized(1), await memoized(2), await listed()];
    await all();
    await cache.purge({ tags: ["user:1", "users"] });
    await all();
    expect(calls).toEqual([[1], [2], [], [1], []]);
  });

  it("takes what `key` says for its arguments", async () => {
    const { calls, load } = counted();
    const memoized = open().memoize(load, { key: (user) => (user as { id: number }).id });
    await memoized({ id: 1, session: () => "a" });
    await memoized({ id: 1, session: () => "b" });
    await memoized({ id: 2 });
    expect(calls).toHaveLength(2);
  });

  it.each([{ argument: () => 1 }, { argument: Symbol("a") }, { argument: new Error("a") }])(
    "refuses $argument, which no key can be made of",
    async ({ argument }) => {
      await expect(open().memoize(counted().load)(argument)).rejects.toMatchObject({ code: "ERR_DISKCACHE_VALUE" });
    },
  );

  it("has a name of its own", async () => {
    const cache = open();
    const { load } = counted();
    cache.memoize(load);
    const wrong = { code: "ERR_DISKCACHE_OPTION", message: expect.stringContaining("`memoize.name`") as string };
    expect(() => cache.memoize(load)).toThrow(expect.objectContaining(wrong));
    expect(() => cache.memoize(async () => 1)).toThrow(expect.objectContaining(wrong));
    expect(() => cache.memoize(load, { ttl: 1, names: "x" } as never)).toThrow("memoize.names");
    expect(await cache.memoize(async () => 1, { name: "one" })()).toBe(1);
  });

  it("finds what another process has kept under its name", async () => {
    const dir = temporaryDirectory();
    const clock = new ManualClock();
    const before = new FileCache({ dir, clock });
    await before.memoize(() => "then", { name: "when" })();
    await before.close();
    expect(await open({ dir, clock }).memoize(() => "now", { name: "when" })()).toBe("then");
  });
});

describe("a function memoized beside pages", () => {
  it.each(ADAPTERS)("is purged with the pages that were made of its results: $name", async (adapter) => {
    let version = 1;
    const site = await openSite(adapter, {
      options: { ttl: "1h" },
      handler: async ({ directives }) => {
        directives.tag("article:7");
        return { body: await article("7") };
      },
    });
    const article = site.cache.memoize(async (id: string) => `article ${id}, version ${version}`, {
      name: "article",
      ttl: "1h",
      tags: (id) => [`article:${id}`],
    });
    expect([(await site.visit("/a")).text, (await site.visit("/b")).text]).toEqual(
      Array.from({ length: 2 }, () => "article 7, version 1"),
    );
    version = 2;
    expect((await site.visit("/c")).text).toBe("article 7, version 1");
    await site.cache.purgeTag("article:7");
    expect([(await site.visit("/a")).text, (await site.visit("/c")).text]).toEqual(
      Array.from({ length: 2 }, () => "article 7, version 2"),
    );
  });

  it("is only called where nothing is kept: switched off, or closed", async () => {
    const { create } = EXPRESS_5;
    const clock = new ManualClock();
    const { cache: off } = create({ dir: temporaryDirectory(), clock, enabled: false });
    const { cache: closed } = create({ dir: temporaryDirectory(), clock });
    onTestFinished(() => off.close());
    await closed.close();
    for (const cache of [off, closed]) {
      const { calls, load } = counted();
      const memoized = cache.memoize(load);
      expect([await memoized(), await memoized()]).toEqual([{ call: 1 }, { call: 2 }]);
      expect(calls).toHaveLength(2);
    }
  });
});
