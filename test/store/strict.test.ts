/** With `strict` a directory that cannot be written fails where the cache is made, whatever it looks like. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FileCache } from "@diskcache/core";
import { diskCache } from "@diskcache/http";
import { nodeFileSystem } from "../../packages/core/src/store/file-system.js";
import type { FileSystem } from "../../packages/core/src/store/file-system.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { opened } from "./opened.js";
import { pageSite } from "./page-site.js";
import { mountedDisk } from "./small-disk.js";

const MIB = 2 ** 20;
const refusal = (text: string) =>
  expect.objectContaining({ code: "ERR_DISKCACHE_DIRECTORY", message: expect.stringContaining(text) });

const left = (dir: string): string[] => readdirSync(dir).filter((name) => name.startsWith("tmp-"));

it("a directory that can be written is tried, and nothing stays of that", () => {
  const dir = join(temporaryDirectory(), "cache");
  opened(dir, { strict: true });
  expect([existsSync(dir), left(dir)]).toEqual([true, []]);
});

it("one on a read-only file system is refused, and one that is full", ({ skip }) => {
  const disk = mountedDisk({ bytes: MIB, inodes: 1000 });
  if (disk === undefined) return skip("this process may not mount a disk");
  const { dir } = disk;
  mkdirSync(dir, { mode: 0o700 });
  disk.fill();
  for (const make of [diskCache, (options: { dir: string }) => new FileCache(options)])
    expect(() => make({ dir, minFree: 0, maxSize: "64kb", strict: true })).toThrow(
      refusal("cannot be written (ENOSPC)"),
    );
  expect(left(dir)).toEqual([]);
  execFileSync("mount", ["-o", "remount,ro", join(dir, "..")]);
  for (const make of [diskCache, (options: { dir: string }) => new FileCache(options)])
    expect(() => make({ dir, strict: true })).toThrow(refusal("mount it for writing"));
});

it.each([
  { given: "a read-only file system", code: "EROFS", call: "openSync", of: "tmp-", text: "mount it for writing" },
  { given: "no right to write", code: "EACCES", call: "openSync", of: "tmp-", text: "a `dir` this process may write" },
  { given: "a full disk", code: "ENOSPC", call: "writeSync", of: "\0", text: "make room" },
  { given: "a quota that is used up", code: "EDQUOT", call: "writeSync", of: "\0", text: "raise it" },
  {
    given: "a log that cannot be opened",
    code: "EIO",
    call: "openSync",
    of: "invalidations",
    text: "log cannot be opened (EIO)",
  },
] as const)("with $given it is refused, and the remedy named", ({ code, call, of, text }) => {
  const dir = join(temporaryDirectory(), "cache");
  const fs = {
    ...nodeFileSystem,
    [call]: (...given: unknown[]) => {
      const shown = given.map((one) => (typeof one === "string" ? one : "")).join("");
      if (shown.includes(of)) throw Object.assign(new Error(code), { code });
      return (nodeFileSystem[call] as (...args: unknown[]) => unknown)(...given);
    },
  } as FileSystem;
  expect(() => opened(dir, { fs, strict: true })).toThrow(refusal(text));
  expect(left(dir)).toEqual([]);
});

it("a write that is cut short is one that failed", () => {
  const fs = { ...nodeFileSystem, writeSync: () => 0 } as unknown as FileSystem;
  expect(() => opened(join(temporaryDirectory(), "cache"), { fs, strict: true })).toThrow(
    refusal("cannot be written (ENOSPC)"),
  );
});

it.each([
  { given: "that others can write", mode: 0o777 },
  { given: "that is for everybody", mode: 0o1777 },
])("a directory $given stays as it is, whatever is asked of a cache that is not strict", async ({ mode }) => {
  const dir = join(temporaryDirectory(), "cache");
  mkdirSync(dir);
  chmodSync(dir, mode);
  const { cache, ask, errors } = await pageSite({ dir });
  await cache.stats();
  expect([await ask("/a"), await ask("/a")]).toEqual(Array(2).fill(expect.stringMatching(/; detail=store$/)));
  await expect(cache.clear()).rejects.toMatchObject({ code: "ERR_DISKCACHE_PURGE" });
  await cache.stats();
  await cache.close();
  expect(readdirSync(dir)).toEqual([]);
  expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(["ERR_DISKCACHE_DIRECTORY"]));
});
