/** Links in the place of folders below the directory: nothing outside is read, written or removed through them, by
 * pages and values alike. */
import {
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { FileCache, PageCache } from "@diskcache/core";
import { expect, it, onTestFinished } from "vitest";
import { ownIdentity, formatIdentity } from "../../packages/core/src/store/process-identity.js";
import { bodyOf, opened, until } from "../store/opened.js";
import { entryFiles } from "../low-level/open.js";
import { temporaryDirectory } from "../support/temporary-directory.js";

// Whatever is in the folder goes elsewhere; a link to there stands in its place.
function linkAway(folder: string): string {
  const outside = join(temporaryDirectory(), "outside");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  renameSync(folder, outside);
  symlinkSync(outside, folder);
  return outside;
}

function allOf(folder: string): Record<string, string> {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "latin1")]));
}

function values(dir: string): { readonly cache: FileCache; readonly told: string[] } {
  const cache = new FileCache({ dir });
  const told: string[] = [];
  cache.on("error", ({ message }) => void told.push(message));
  onTestFinished(() => cache.close());
  return { cache, told };
}

/** What the folder may hold of others: names of ours, of processes that are gone. */
const GONE = formatIdentity({ ...ownIdentity, pid: 2 ** 30 });

it.each([
  { folder: "workers", holds: "the name of a process", name: `${GONE}-abcdef` },
  { folder: "usage", holds: "a ledger", name: `ledger-${GONE}-abcdef` },
  { folder: "usage", holds: "a count", name: "count" },
])(
  "`$folder` is not followed to $holds: what is outside stays as it is, and the cache works",
  async ({ folder, name }) => {
    const dir = temporaryDirectory();
    const outside = linkAway(join(dir, folder));
    writeFileSync(join(outside, name), "precious");
    const { cache, told } = values(dir);
    await cache.set("a", 1);
    expect(await cache.get("a")).toBe(1);
    await cache.delete("a");
    const { store, keep } = opened(dir);
    await keep("/a", "page");
    await store.close();
    await cache.close();
    expect(allOf(outside)).toEqual({ [name]: "precious" });
    expect(told.some((message) => message.includes(`${folder}: is a symbolic link`))).toBe(true);
  },
);

it("`locks` is not followed: no lock is taken, and none of what is outside is taken away", async () => {
  const dir = temporaryDirectory();
  const outside = linkAway(join(dir, "locks"));
  symlinkSync(`${GONE}-abcdef-0@1`, join(outside, "a".repeat(64)));
  const { cache } = values(dir);
  expect(await cache.getOrSet("a", () => 1)).toBe(1);
  expect(await cache.add("a", 2)).toBe(false);
  await new Promise(setImmediate);
  expect(readdirSync(outside)).toEqual(["a".repeat(64)]);
});

it("the folder of an entry is not followed by values: neither read, written nor emptied", async () => {
  const dir = temporaryDirectory();
  const { cache: before } = values(dir);
  const keys = Array.from({ length: 10 }, (_, key) => key);
  await before.setMany(new Map(keys.map((key) => [key, "old"])));
  await before.close();
  const outside = [...new Set(entryFiles(dir).map((file) => dirname(file)))].map((folder) => linkAway(folder));
  const held = outside.map((folder) => allOf(folder));

  const { cache, told } = values(dir);
  expect([...(await cache.getMany(keys))]).toEqual([]);
  for (const key of keys) await (key % 2 === 0 ? cache.delete(key) : cache.set(key, "new"));
  expect(outside.map((folder) => allOf(folder))).toEqual(held);
  for await (const key of cache.keys()) expect(key).toBeUndefined();
  expect(told.length).toBeGreaterThan(0);
});

it.each([
  { given: "sound", spoil: () => undefined },
  { given: "damaged", spoil: (file: string) => writeFileSync(file, "precious") },
])("the folder of an entry is not followed by pages: one that is $given stays where it is", async ({ spoil }) => {
  const dir = temporaryDirectory();
  const { store: before, keep } = opened(dir);
  await keep("/a", "page");
  await before.close();
  const [file] = entryFiles(dir);
  spoil(file!);
  const outside = linkAway(dirname(file!));
  const held = allOf(outside);

  const { store, events } = opened(dir);
  expect(await bodyOf(store.get("/a"))).toBeUndefined();
  store.remove("/a");
  await store.flush();
  expect(allOf(outside)).toEqual(held);
  expect(events.some(({ type }) => type === "error")).toBe(true);
});

it("a link that comes while the folder is read from is seen a moment later", async () => {
  const dir = temporaryDirectory();
  let elapsed = 0;
  const { store, keep } = opened(dir, { memoryBytes: 0, elapsed: () => elapsed });
  await keep("/a", "page");
  expect((await bodyOf(store.get("/a")))?.toString()).toBe("page");
  const [file] = entryFiles(dir);
  const outside = linkAway(dirname(file!));
  elapsed += 101;
  expect(await bodyOf(store.get("/a"))).toBeUndefined();
  rmSync(dirname(file!));
  renameSync(outside, dirname(file!));
  elapsed += 101;
  expect((await bodyOf(store.get("/a")))?.toString()).toBe("page");
});

it("a count with another name outside, a hard link, is made again: that file stays as it is", async () => {
  const dir = temporaryDirectory();
  const outside = join(temporaryDirectory(), "outside");
  const first = opened(dir);
  await first.keep("/a", "page");
  await first.store.close();
  writeFileSync(outside, "precious");
  rmSync(join(dir, "usage/count"), { force: true });
  linkSync(outside, join(dir, "usage/count"));
  const { store, keep } = opened(dir);
  await keep("/b", "page");
  await until(() => store.stats().entries === 2 && readFileSync(join(dir, "usage/count")).length > 8);
  await store.close();
  expect(readFileSync(outside, "utf8")).toBe("precious");
});

it("a log with another name outside, a hard link, is begun again: that file stays as it is", async () => {
  const dir = temporaryDirectory();
  const outside = join(temporaryDirectory(), "precious");
  writeFileSync(outside, "precious");
  linkSync(outside, join(dir, "invalidations.7"));
  const cache = new PageCache({ dir });
  await cache.purge("/a");
  await cache.close();
  expect(readFileSync(outside, "utf8")).toBe("precious");
});
