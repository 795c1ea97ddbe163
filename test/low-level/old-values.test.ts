/** Where the disk refuses: rather an error or a miss than an old value. And where nothing has to go, nothing does. */
import fs from "node:fs";
import { rmSync } from "node:fs";
import { expect, it, onTestFinished, vi } from "vitest";
import type { DiskCacheError, FileCache } from "@diskcache/core";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { isSwept, until } from "../store/opened.js";
import { entryFiles, open } from "./open.js";

type Call = "openSync" | "open" | "unlinkSync";

// Whatever would be changed below the directory by one of the calls is refused.
function refuse(code: string, calls: readonly Call[], dir: string): void {
  const failure = Object.assign(new Error(code), { code });
  const isOfAnEntry = (path: unknown): boolean =>
    String(path).startsWith(dir) && /[0-9a-f]{62}$|tmp-/.test(String(path));
  for (const call of calls) {
    const original = fs[call] as (...given: unknown[]) => unknown;
    const spy = vi.spyOn(fs, call).mockImplementation((...given: unknown[]): undefined => {
      const writes = typeof given[1] === "number" && (given[1] & fs.constants.O_RDWR) !== 0;
      if (!isOfAnEntry(given[0]) || (call !== "unlinkSync" && !writes)) return original(...given) as undefined;
      if (call !== "open") throw failure;
      (given.at(-1) as (error: Error) => void)(failure);
    });
    onTestFinished(() => spy.mockRestore());
  }
}

function toldOf(cache: FileCache): DiskCacheError[] {
  const told: DiskCacheError[] = [];
  cache.on("error", (error) => void told.push(error));
  return told;
}

async function withOldValues(): Promise<{ readonly cache: FileCache; readonly dir: string }> {
  const dir = temporaryDirectory();
  const cache = open({ dir });
  await cache.setMany({ a: "old", b: "old", c: "old" });
  return { cache, dir };
}

it.each(["EACCES", "EPERM"])(
  "in a folder that cannot be written (%s) what is set or deleted is a miss, for other processes too",
  async (code) => {
    const { cache, dir } = await withOldValues();
    const told = toldOf(cache);
    const create = fs.openSync;
    refuse(code, ["unlinkSync", "open"], dir);
    const spy = vi.spyOn(fs, "openSync").mockImplementation((path, ...rest) => {
      if (String(path).includes("tmp-")) throw Object.assign(new Error(code), { code });
      return create(path, ...rest);
    });
    onTestFinished(() => spy.mockRestore());
    await cache.set("a", "new");
    await cache.set("b", "new", { ttl: 0 });
    expect(await cache.delete("c")).toBe(true);
    expect(told.length).toBeGreaterThan(0);
    const other = open({ dir });
    toldOf(other);
    for (const one of [cache, other]) expect([...(await one.getMany(["a", "b", "c"]))]).toEqual([]);
  },
);

it("where nothing can be written at all, setting and deleting reject: the old value stays", async () => {
  const { cache, dir } = await withOldValues();
  toldOf(cache);
  refuse("EROFS", ["openSync", "open", "unlinkSync"], dir);
  const refused = { code: "ERR_DISKCACHE_STORE_IO", cause: { code: "EROFS" } };
  await expect(cache.set("a", "new")).rejects.toMatchObject(refused);
  await expect(cache.set("a", "new")).rejects.toMatchObject(refused);
  await expect(cache.set("b", "new", { ttl: 0 })).rejects.toMatchObject(refused);
  await expect(cache.delete("b")).rejects.toMatchObject(refused);
  await expect(cache.setMany({ c: 1 })).rejects.toMatchObject(refused);
  // Where there was nothing, nothing old stays.
  await cache.set("d", "new");
  expect([await cache.delete("e"), await cache.get("d")]).toEqual([false, undefined]);
});

it("a file with another name is not emptied: that may be somebody else's", async () => {
  const { cache, dir } = await withOldValues();
  toldOf(cache);
  const files = entryFiles(dir);
  files.forEach((file) => fs.linkSync(file, `${file.slice(0, -1)}-`));
  refuse("EACCES", ["unlinkSync"], dir);
  await cache.delete("a").catch(() => undefined);
  for (const file of files) expect(fs.statSync(file).size).toBeGreaterThan(0);
});

it.each([
  { given: "free space that there never is", options: { minFree: 2 ** 52 }, times: 3 },
  { given: "room for less than the value", options: { maxSize: "64kb", minFree: 0 }, times: 0 },
])("with $given a value is refused at once, and told where nothing could be kept", async ({ options, times }) => {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const cache = open(options);
  const told = toldOf(cache);
  const value = Buffer.alloc(200_000);
  await cache.set("a", value);
  expect(await cache.getOrSet("b", () => value)).toHaveLength(value.length);
  expect(await cache.memoize(() => value, { name: "value" })()).toHaveLength(value.length);
  expect(told.map(({ code }) => code)).toEqual(Array.from({ length: times }, () => "ERR_DISKCACHE_NOT_STORED"));
});

it("up to `maxEntries` nothing goes; one more, and a part does", async () => {
  const dir = temporaryDirectory();
  const cache = open({ dir, maxEntries: 60, cullFrequency: 3 });
  const keys = Array.from({ length: 60 }, (_, key) => key);
  const kept = async () => (await cache.getMany(keys)).size;
  for (const key of keys) await cache.set(key, key);
  // Each look begins a pass where something has to go.
  for (let pass = 0; pass < 5; pass++) {
    expect((await cache.stats()).evictions).toBe(0);
    await until(() => isSwept(dir));
  }
  expect(await kept()).toBe(60);
  await cache.set("more", 1);
  expect(await cache.get("more")).toBe(1);
  expect(await kept()).toBeLessThan(60);
});

it("a directory that was removed is made again by what is stored next, in the same moment too", async () => {
  const dir = temporaryDirectory();
  const cache = open({ dir });
  const stores: readonly (() => Promise<unknown>)[] = [
    () => cache.set("k", 1),
    () => cache.add("k", 1),
    () => cache.getOrSet("k", () => 1),
  ];
  for (const store of stores) {
    await cache.set("other", 1);
    rmSync(dir, { recursive: true });
    await store();
    expect(await cache.get("k")).toBe(1);
  }
});
