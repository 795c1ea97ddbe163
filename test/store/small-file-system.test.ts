/** File systems that are smaller than what the bounds ask of them, such as a container's `/dev/shm`: defaults give way,
 * and what was asked for is told. */
import fs from "node:fs";
import type { StatsFs } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { FileCache } from "@diskcache/core";
import { diskCache } from "@diskcache/http";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { bodyFor, opened, until } from "./opened.js";
import { pageSite } from "./page-site.js";
import { mountedDisk, toldDisk } from "./small-disk.js";

const MIB = 2 ** 20;

/** Where the file system says this of itself. */
function sayingDirectory(said: Partial<Record<keyof StatsFs, number>>): string {
  const size = { type: 0, bsize: 4096, blocks: 2 ** 30, bfree: 2 ** 29, bavail: 2 ** 29, files: 0, ffree: 0, ...said };
  vi.spyOn(fs, "statfsSync").mockReturnValue(size);
  vi.spyOn(fs, "statfs").mockImplementation(
    ((_: string, done: (error: null, stat: unknown) => void) => void setImmediate(() => done(null, size))) as never,
  );
  onTestFinished(() => void vi.restoreAllMocks());
  return join(temporaryDirectory(), "cache");
}

const BLOCKS = (64 * MIB) / 4096;

/** An empty file system of 64 MiB: a real one where this process may mount one. */
const smallDirectory = (): string =>
  mountedDisk({ bytes: 64 * MIB, inodes: 16_000 })?.dir ??
  sayingDirectory({ blocks: BLOCKS, bfree: BLOCKS, bavail: BLOCKS });

const STORED_THEN_HIT = [expect.stringMatching(/; stored$/), expect.stringContaining("; hit")];

describe("on a file system of 64 MiB", () => {
  it.each([
    { given: "nothing but a directory", options: {} },
    { given: "a small `maxSize`", options: { maxSize: "10mb" } },
    { given: "a small `minFree`", options: { minFree: "1mb" } },
    { given: "`strict`", options: { strict: true } },
  ])("a cache with $given stores, and has nothing to say", async ({ options }) => {
    const { ask, errors } = await pageSite({ dir: smallDirectory(), ...options });
    expect([await ask("/a"), await ask("/a"), errors]).toEqual([...STORED_THEN_HIT, []]);
  });

  it("values are kept, too", async () => {
    const cache = new FileCache({ dir: smallDirectory(), strict: true });
    onTestFinished(() => cache.close());
    await cache.set("k", 1);
    expect(await cache.get("k")).toBe(1);
  });

  it.each([
    {
      option: "minFree",
      size: "64mb",
      proposed: "8mb",
      verdicts: Array(2).fill(expect.stringMatching(/detail=no-room$/)),
    },
    {
      option: "minFree",
      size: "2gb",
      proposed: "8mb",
      verdicts: Array(2).fill(expect.stringMatching(/detail=no-room$/)),
    },
    { option: "maxSize", size: "2gb", proposed: "48mb", verdicts: STORED_THEN_HIT },
  ])(
    "`$option` of $size is told once, with what to set; `strict` throws",
    async ({ option, size, proposed, verdicts }) => {
      const dir = smallDirectory();
      const told = {
        code: "ERR_DISKCACHE_DIRECTORY",
        message: expect.stringMatching(new RegExp(`holds 64mb.* option \`${option}\`.*${size}.* set .*"${proposed}"`)),
      };
      const site = await pageSite({ dir, [option]: size });
      expect([await site.ask("/a"), await site.ask("/a")]).toEqual(verdicts);
      await site.ask("/b");
      expect(site.errors).toEqual([expect.objectContaining(told)]);
      for (const make of [diskCache, (options: { dir: string }) => new FileCache(options)])
        expect(() => make({ dir, strict: true, [option]: size })).toThrow(expect.objectContaining(told));
    },
  );
});

describe("a bound that a file system is too small for", () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const tooSmall = [expect.objectContaining({ code: "ERR_DISKCACHE_DIRECTORY" })];

  it.each([
    { option: "minFree", size: "64mb" },
    { option: "maxSize", size: "2gb" },
  ])("is told when the cache is made, before it is used, and once: `$option`", async ({ option, size }) => {
    const dir = join(smallDirectory(), "deep", "cache");
    const site = await pageSite({ dir, [option]: size });
    expect(site.errors).toEqual(tooSmall);
    await site.ask("/a");
    expect(site.errors).toEqual(tooSmall);
  });

  it("is told when a cache of values is made", async () => {
    const values = new FileCache({ dir: join(smallDirectory(), "values"), maxSize: "2gb" });
    onTestFinished(() => values.close());
    const told: unknown[] = [];
    values.on("error", (error) => told.push(error));
    await turn();
    expect(told).toEqual(tooSmall);
  });

  it("is not asked for by a cache that is switched off, nor is a directory made to ask", async () => {
    const dir = join(smallDirectory(), "cache");
    const asked = vi.spyOn(fs, "statfsSync");
    const { errors } = await pageSite({ dir, minFree: "64mb", enabled: false });
    expect([errors, asked.mock.calls]).toEqual([[], []]);
    await pageSite({ dir, minFree: "64mb" });
    expect(asked).toHaveBeenCalled();
    expect(fs.existsSync(dir)).toBe(false);
  });
});

it.each([
  { given: "mounted, if it may be", make: () => mountedDisk(SIZE) ?? toldDisk(SIZE) },
  { given: "told of", make: () => toldDisk(SIZE) },
])("an eighth of a small file system stays free by default, without a fault ($given)", async ({ make }) => {
  const disk = make();
  const { store, head } = opened(disk.dir, { fs: disk.fs, minFree: 64 * MIB, unasked: ["minFree", "maxSize"] });
  let least = Infinity;
  for (let index = 0; index < 150; index++) {
    store.put(head(`/${index}`), bodyFor(`/${index}`, 40_000));
    await store.flush();
    least = Math.min(least, disk.free);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(least).toBeGreaterThan(SIZE.bytes / 8 - 64 * 1024);
  await until(() => store.stats().evictions > 0);
  expect(store.stats().ioErrors).toBe(0);
  expect(store.stats().entries).toBeGreaterThan(30);
});

const SIZE = { bytes: 3 * MIB, inodes: 4000 };

describe("a file system that does not say how large it is", () => {
  const nothing = { blocks: 0, bfree: 0, bavail: 0 };

  it.each([
    { says: nothing },
    { says: { ...nothing, bsize: 0 } },
    { says: { bsize: 0 } },
    { says: { ...nothing, files: 1000, ffree: 500 } },
    { says: { files: 0, ffree: 0 } },
  ])("is not taken for full: $says", async ({ says }) => {
    const options = { dir: sayingDirectory(says), minFree: "1gb", maxSize: "2gb", strict: true };
    const { ask, errors } = await pageSite(options);
    expect([await ask("/a"), await ask("/a"), errors]).toEqual([...STORED_THEN_HIT, []]);
  });
});
