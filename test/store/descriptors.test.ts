/** What caches of one process have open on one directory: shared by all of them, and none the worse for it. */
import { readdirSync, readlinkSync, rmSync } from "node:fs";
import { FileCache, PageCache } from "@diskcache/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { nodeFileSystem } from "../../packages/core/src/store/file-system.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { bodyOf, opened } from "./opened.js";

/** Descriptors on files below a directory. */
function descriptors(dir: string): number {
  const open = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  });
  return open.filter((path) => path.startsWith(`${dir}/`)).length;
}

/** Values stored by each of so many caches on a directory, each of which has seen what the others wrote. */
async function cachesOn(dir: string, count: number): Promise<FileCache[]> {
  const caches = Array.from({ length: count }, (_, n) => new FileCache({ dir, keyPrefix: `of ${n}` }));
  onTestFinished(async () => void (await Promise.all(caches.map((cache) => cache.close()))));
  for (let round = 0; round < 2; round++) for (const cache of caches) await cache.set("k", Buffer.alloc(20_000));
  for (const cache of caches) await cache.stats();
  return caches;
}

describe.runIf(process.platform === "linux")("the descriptors of caches on one directory", () => {
  it.each([{ count: 1 }, { count: 10 }, { count: 40 }])("are one for all of $count", async ({ count }) => {
    const dir = temporaryDirectory();
    const caches = await cachesOn(dir, count);
    expect(descriptors(dir)).toBe(1);
    await Promise.all(caches.map((cache) => cache.close()));
    expect(descriptors(dir)).toBe(0);
  });

  it("are given back by a cache of pages and its values as well", async () => {
    const dir = temporaryDirectory();
    const pages = new PageCache({ dir, ttl: "1h" });
    const remembered = pages.memoize(async function one() {
      return 1;
    });
    await remembered();
    await pages.fragment("f", "", "1h", () => "f");
    await pages.close();
    expect(descriptors(dir)).toBe(0);
  });
});

describe("a cache that is closed", () => {
  it("leaves the others on its directory at work: purges and values", async () => {
    const dir = temporaryDirectory();
    const [first, ...others] = await cachesOn(dir, 3);
    await first!.close();
    const [one, other] = others as [FileCache, FileCache];
    await one.set("tagged", 1, { tags: ["t"] });
    await other.set("tagged", 2, { tags: ["t"] });
    await one.purgeTag("t");
    expect([await one.get("tagged"), await other.get("tagged")]).toEqual([undefined, undefined]);
    await one.close();
    await other.set("last", 3);
    expect(await other.get("last")).toBe(3);
  });

  it("leaves one at work that has another file system", async () => {
    const dir = temporaryDirectory();
    const descriptorsOpen = new Set<number>();
    const own = {
      ...nodeFileSystem,
      openSync: (...given: Parameters<typeof nodeFileSystem.openSync>) => {
        const fd = nodeFileSystem.openSync(...given);
        descriptorsOpen.add(fd);
        return fd;
      },
      closeSync: (fd: number) => {
        descriptorsOpen.delete(fd);
        nodeFileSystem.closeSync(fd);
      },
    } as typeof nodeFileSystem;
    const [plain, ported] = [opened(dir), opened(dir, { fs: own })];
    for (const { keep } of [plain, ported]) await keep("/a", "a");
    await plain.store.close();
    await ported.keep("/b", "b");
    expect([(await bodyOf(ported.store.get("/b")))?.toString(), descriptorsOpen.size > 0]).toEqual(["b", true]);
    await ported.store.close();
    expect(descriptorsOpen.size).toBe(0);
  });
});

it("two caches on one directory, of which the directory is removed, both go on", async () => {
  const dir = temporaryDirectory();
  const [one, other] = (await cachesOn(dir, 2)) as [FileCache, FileCache];
  rmSync(dir, { recursive: true });
  await one.set("new", 1, { tags: ["t"] });
  await other.set("new", 2, { tags: ["t"] });
  expect([await one.get("new"), await other.get("new")]).toEqual([1, 2]);
  await other.purgeTag("t");
  expect([await one.get("new"), await other.get("new")]).toEqual([undefined, undefined]);
});
