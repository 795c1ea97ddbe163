/** A release that is removed with the cache in it, while a process of it still runs: it does not come back. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  rmdirSync,
  unlinkSync,
  utimesSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileCache } from "@diskcache/core";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { opened, until } from "./opened.js";
import { pageSite } from "./page-site.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe.each([
  { given: "right in the release", below: "cache" },
  { given: "deep in the release", below: ".cache/pages/v2" },
])("a cache $given, which is removed", ({ below }) => {
  /** A site that has served from its cache, and whose release is gone. */
  async function removedSite(options: { readonly memory?: number } = {}) {
    const release = join(temporaryDirectory(), "1");
    mkdirSync(release);
    const dir = join(release, below);
    const site = await pageSite({ dir, ...options });
    expect([await site.ask("/a"), await site.ask("/a")]).toEqual([
      expect.stringContaining("stored"),
      expect.stringContaining("hit"),
    ]);
    rmSync(release, { recursive: true });
    await turn();
    return { ...site, release, dir };
  }

  it.each([{}, { memory: 0 }])("rests, and says so (%o)", async (options) => {
    const { ask, errors, cache, release, dir } = await removedSite(options);
    for (const path of ["/a", "/a", "/b", "/b"]) expect(await ask(path)).toMatch(/fwd=\S+; detail=store$/);
    await cache.stats();
    await expect(cache.purge("/a")).rejects.toMatchObject({ code: "ERR_DISKCACHE_PURGE" });
    await cache.fragment("nav", "de", "1h", () => "<nav>");
    await cache.close();
    expect(existsSync(release)).toBe(false);
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(["ERR_DISKCACHE_DIRECTORY"]));
    expect(errors[0]?.message).toBe(
      `cache directory ${dir}: was removed together with what it lay in; nothing is stored until ${dirname(dir)} is there again`,
    );
  });
});

it("a store whose release is removed makes nothing, whichever part of it is used next, and goes on when there is one again", async () => {
  const release = join(temporaryDirectory(), "1");
  const dir = join(release, "cache");
  let elapsed = 0;
  const { store, head, keep } = opened(dir, { elapsed: () => elapsed });
  await keep("/a", "a");
  store.put(head("/waits"), Buffer.from("b"));
  const writer = store.create("/long");
  writer?.write(Buffer.alloc(200_000));
  rmSync(release, { recursive: true });
  // In the very turn in which it goes.
  store.put(head("/b"), Buffer.from("b"));
  store.lock("/c", { always: true });
  await store.flush();
  await writer?.commit(head("/long"));
  for (let looks = 0; looks < 5; looks++) {
    elapsed += 1000;
    await turn();
    store.stats();
    store.lock("/d", { always: true });
    store.remove("/a");
    await store.flush();
  }
  expect(existsSync(release)).toBe(false);

  mkdirSync(release);
  elapsed += 1000;
  await turn();
  await keep("/a", "new");
  expect(readdirSync(dir)).toContain("invalidations.1");
  expect(store.get("/a")).toBeDefined();
});

it("values keep nothing either where the release is gone; a directory that was removed alone is made again", async () => {
  const release = join(temporaryDirectory(), "1");
  const dir = join(release, "values");
  const cache = new FileCache({ dir });
  const told: string[] = [];
  cache.on("error", ({ code }) => told.push(code));
  await cache.set("k", 1);
  rmSync(dir, { recursive: true });
  await cache.set("k", 2);
  expect([await cache.get("k"), told]).toEqual([2, []]);
  rmSync(release, { recursive: true });
  await cache.set("k", 3);
  expect([await cache.get("k"), await cache.getOrSet("k", () => 4)]).toEqual([undefined, 4]);
  await cache.close();
  expect(existsSync(release)).toBe(false);
  expect(told).toContain("ERR_DISKCACHE_DIRECTORY");
});

describe("a removal that takes its time, under load", () => {
  const KEYS = Array.from({ length: 120 }, (_, index) => `/${index}`);

  /** A store with entries in many shards, and what its application goes on doing with it. */
  async function used() {
    const release = join(temporaryDirectory(), "1");
    const dir = join(release, "cache");
    const time = { elapsed: 0 };
    const { store, head, keep, events } = opened(dir, { elapsed: () => time.elapsed });
    for (const key of KEYS) store.put(head(key), Buffer.from(key));
    await store.flush();
    let asked = 0;
    const use = async (): Promise<void> => {
      time.elapsed += 20;
      for (let times = 0; times < 10; times++) {
        const key = KEYS[asked++ % KEYS.length]!;
        store.put(head(`${key}?${asked}`), Buffer.from(key));
        store.put(head(key), Buffer.from(key));
        const lock = store.lock(key, { always: true });
        await turn();
        if (typeof lock === "object") lock.release();
      }
      store.stats();
      await store.flush();
    };
    return { release, dir, time, store, head, keep, events, use };
  }

  /** As `rm -rf` does: what a directory holds is listed once, before any of it goes, and may have gone by itself. */
  async function remove(path: string, order: (names: string[]) => string[], use: () => Promise<void>): Promise<void> {
    for (const name of order(readdirSync(path))) {
      const below = join(path, name);
      const found = lstatSync(below, { throwIfNoEntry: false });
      if (found?.isDirectory() === true) {
        for (const entry of readdirSync(below)) rmSync(join(below, entry), { force: true });
        rmdirSync(below);
      } else rmSync(below, { force: true });
      await use();
    }
    rmdirSync(path);
  }

  /** Whether a whole count is over, by what is written of it. */
  function isCounted(dir: string): boolean {
    const count = join(dir, "usage/count");
    return existsSync(count) && readFileSync(count).readDoubleLE(8) > 0 && !existsSync(join(dir, "sweeper"));
  }

  const first =
    (...names: string[]) =>
    (all: string[]): string[] => [...names.filter((name) => all.includes(name)), ...all];

  it.each([
    { order: "in the order of their names", sorted: (names: string[]) => names.toSorted() },
    { order: "the other way round", sorted: (names: string[]) => names.toSorted().toReversed() },
    ...["workers", "locks", "usage", "invalidations.1", "CACHEDIR.TAG"].map((name) => ({
      order: `${name} first`,
      sorted: (names: string[]) => [...new Set(first(name)(names.toSorted()))],
    })),
  ])("finds nothing made behind it: names go $order", async ({ sorted }) => {
    const { release, dir, use } = await used();
    await use();
    await remove(dir, sorted, use);
    await use();
    rmdirSync(release);
    await use();
    expect(existsSync(release)).toBe(false);
  });

  it("finds nothing made in what is still there, once two shards have gone", async () => {
    const { dir, time, store, head, use } = await used();
    await use();
    await until(() => ((time.elapsed += 20), isCounted(dir)));
    utimesSync(join(dir, "usage/count"), 0, 0);
    const shards = readdirSync(dir).filter((name) => /^[0-9a-f]{2}$/.test(name));
    const remove = (from: number, to: number): void =>
      shards.slice(from, to).forEach((name) => rmSync(join(dir, name), { recursive: true }));
    // This one may have gone in the sweep that is over.
    remove(0, 1);
    await use();
    time.elapsed += 300;
    remove(1, 3);
    const held = (): number => shards.slice(3).flatMap((name) => readdirSync(join(dir, name))).length;
    const before = held();
    // Queued at once, before any of them is written: all but a few belong in shards that are there.
    for (const key of KEYS) store.put(head(`${key}?new`), Buffer.from(key));
    await store.flush();
    expect([held() - before, store.storing]).toEqual([0, false]);
  });

  it("finds no lock made behind it where the locks go first, one after the other", async () => {
    const { dir, store } = await used();
    const held = KEYS.slice(0, 4).map((key) => store.lock(key, { always: true }));
    const locks = join(dir, "locks");
    const [gone, ...rest] = readdirSync(locks);
    unlinkSync(join(locks, gone!));
    expect(store.lock("/another", { always: true })).toBeUndefined();
    expect(store.storing).toBe(false);
    for (const name of rest) unlinkSync(join(locks, name));
    for (const lock of held) if (typeof lock === "object") lock.release();
    rmdirSync(locks);
  });

  it("that stops half-way, or was of the cache alone, is over after a while: everything is stored again", async () => {
    const { dir, time, store, use, keep } = await used();
    const shards = readdirSync(dir).filter((name) => /^[0-9a-f]{2}$/.test(name));
    await until(() => ((time.elapsed += 20), isCounted(dir)));
    utimesSync(join(dir, "usage/count"), 0, 0);
    // The first of them may have gone in the sweep that is over.
    for (const [from, to] of [
      [0, 20],
      [20, 40],
    ]) {
      for (const name of shards.slice(from, to)) rmSync(join(dir, name), { recursive: true });
      await use();
    }
    expect(store.storing).toBe(false);
    time.elapsed += 300;
    for (const key of KEYS) await keep(key, "half-way");
    expect(KEYS.filter((key) => store.get(key) === undefined)).toEqual([]);

    await remove(dir, (names) => names.toSorted(), use);
    await use();
    expect(existsSync(dir)).toBe(false);
    for (let looks = 0; looks < 4; looks++) {
      time.elapsed += 2_100;
      await use();
    }
    await keep("/a", "again");
    expect(store.get("/a")).toBeDefined();
  });
});

it("a cache stores at once where another one has emptied and removed a shard, and has not counted that yet", async () => {
  const dir = temporaryDirectory();
  const { store, head, events } = opened(dir);
  store.put(head("/a"), Buffer.from("one"));
  await store.flush();
  const [shard] = readdirSync(dir).filter((name) => /^[0-9a-f]{2}$/.test(name));
  rmSync(join(dir, shard!), { recursive: true });
  store.put(head("/a"), Buffer.from("two"));
  await store.flush();
  expect([events, readdirSync(join(dir, shard!)).length, store.storing]).toEqual([[], 1, true]);
});

it("a cache stores at once where another one has removed shards that were empty", async () => {
  const dir = temporaryDirectory();
  const [one, other] = [opened(dir), opened(dir)];
  const keys = Array.from({ length: 40 }, (_, index) => `/${index}`);
  for (const key of keys) await one.keep(key, "old");
  for (const key of keys) await other.keep(key, "old");
  const shards = (): string[] => readdirSync(dir).filter((name) => /^[0-9a-f]{2}$/.test(name));
  await until(() => one.store.stats().entries === 40);
  await one.store.clear();
  await until(() => shards().length === 0);
  for (const key of keys) await other.keep(key, "new");
  expect(keys.filter((key) => other.store.get(key) === undefined)).toEqual([]);
  expect(other.events.filter(({ type }) => type === "error" || type === "skip")).toEqual([]);
});
