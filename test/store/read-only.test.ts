/** A directory that was filled before and can only be read now: what lies in it is served, nothing else is called
 * stored, and that is said once. */
import { execFileSync } from "node:child_process";
import { constants, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { FileCache } from "@diskcache/core";
import type { StoreEvent } from "../../packages/core/src/store/contract.js";
import { nodeFileSystem } from "../../packages/core/src/store/file-system.js";
import type { FileSystem } from "../../packages/core/src/store/file-system.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { bodyFor, bodyOf, isSwept, opened, until } from "./opened.js";
import { mountedDisk } from "./small-disk.js";
import { pageSite } from "./page-site.js";

const LONG = 300_000;
const CHANGING = /^(?:mkdir|link|symlink|rename|unlink|rmdir|futimes|lutimes|write|writev)(?:Sync)?$/;
const FOR_WRITING = constants.O_WRONLY | constants.O_RDWR | constants.O_CREAT;

/** A file system on which nothing changes while `refuses()`. */
function readOnly(code: string, refuses: () => boolean): FileSystem {
  const failing = (name: string, given: unknown[]): boolean =>
    CHANGING.test(name) || (/^open(?:Sync)?$/.test(name) && ((given[1] as number) & FOR_WRITING) !== 0);
  return new Proxy(nodeFileSystem, {
    get: (target, name: keyof FileSystem) => {
      const real = target[name] as (...args: unknown[]) => unknown;
      return (...given: unknown[]): unknown => {
        if (!refuses() || !failing(name, given)) return real.apply(target, given);
        const error = Object.assign(new Error(`${code}: ${name}`), { code });
        const done = given.at(-1);
        if (typeof done !== "function") throw error;
        return void setImmediate(() => (done as (failed: Error) => void)(error));
      };
    },
  });
}

const onlyRead = (dir: string, code: string) =>
  expect.objectContaining({
    code: "ERR_DISKCACHE_DIRECTORY",
    message: `cache directory ${dir}: can only be read (${code}): what is stored is served, and nothing else is stored`,
  });

/** Faults that are told, of one operation or of all. */
const saidOf = (events: readonly StoreEvent[], operation?: string) =>
  events.flatMap((event) =>
    event.type === "error" && !event.said && event.operation === (operation ?? event.operation) ? [event.error] : [],
  );

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe.each(["EROFS", "EACCES", "EPERM", "ERR_ACCESS_DENIED"])(
  "a directory of which every change fails with %s",
  (code) => {
    it("serves short and long entries, stores nothing, and stores again when it can", async () => {
      const dir = temporaryDirectory();
      const warm = opened(dir);
      await warm.keep("/short", "short");
      await warm.keep("/long", bodyFor("/long", LONG));
      // Until the directory is counted it is an estimate, and from then on nothing can count it.
      await until(() => warm.store.stats().entries === 2 && isSwept(dir));
      await warm.store.close();
      const before = readdirSync(dir, { recursive: true });

      let refusing = true;
      let elapsed = 0;
      const { store, head, keep, events } = opened(dir, { fs: readOnly(code, () => refusing), elapsed: () => elapsed });
      for (let times = 0; times < 5; times++) {
        expect((await bodyOf(store.get("/short")))?.toString()).toBe("short");
        expect((await bodyOf(store.get("/long")))?.length).toBe(LONG);
        expect(store.storing).toBe(false);
        expect(store.put(head("/new"), Buffer.from("new"))).toBe(false);
        expect(store.create("/new")).toBeUndefined();
        expect(store.lock("/new", { always: true })).toBeUndefined();
        expect(store.stats().entries).toBe(2);
        await expect(store.clear()).rejects.toMatchObject({ code: "ERR_DISKCACHE_PURGE", cause: { code } });
        elapsed += 2000;
        await turn();
      }
      expect(saidOf(events, "open")).toEqual([onlyRead(dir, code)]);
      expect(readdirSync(dir, { recursive: true })).toEqual(before);

      refusing = false;
      elapsed += 2000;
      await turn();
      await keep("/new", "new");
      expect((await bodyOf(store.get("/new")))?.toString()).toBe("new");
      await store.clear();
      expect(await bodyOf(store.get("/short"))).toBeUndefined();
    });
  },
);

it("a file system that becomes read-only while it is used keeps serving, and no page is called stored that is lost", async () => {
  const dir = temporaryDirectory();
  let refusing = false;
  let elapsed = 0;
  const { store, head, keep, events } = opened(dir, { fs: readOnly("EROFS", () => refusing), elapsed: () => elapsed });
  await keep("/a", "a");
  refusing = true;
  await keep("/lost", "the write that finds out");
  for (let times = 0; times < 5; times++) {
    elapsed += 2000;
    await turn();
    expect((await bodyOf(store.get("/a")))?.toString()).toBe("a");
    expect(store.put(head("/b"), Buffer.from("b"))).toBe(false);
    store.stats();
  }
  expect(saidOf(events)).toEqual([onlyRead(dir, "EROFS")]);
  refusing = false;
  elapsed += 2000;
  await turn();
  await keep("/b", "b");
  expect((await bodyOf(store.get("/b")))?.toString()).toBe("b");
});

it("on a file system that is mounted read-only pages and values of before are hits", async ({ skip }) => {
  const disk = mountedDisk({ bytes: 2 ** 24, inodes: 4000 });
  if (disk === undefined) return skip("this process may not mount a disk");
  const { dir } = disk;
  const warm = await pageSite({ dir });
  const values = new FileCache({ dir });
  await values.set("k", "value");
  expect(await warm.ask("/a")).toContain("stored");
  await Promise.all([warm.cache.close(), values.close()]);
  execFileSync("mount", ["-o", "remount,ro", join(dir, "..")]);

  const site = await pageSite({ dir });
  const cold = new FileCache({ dir });
  onTestFinished(() => cold.close());
  const told: unknown[] = [];
  cold.on("error", (error) => told.push(error));
  expect([await site.ask("/a"), await site.ask("/a")]).toEqual(Array(2).fill(expect.stringContaining("; hit")));
  expect([await site.ask("/b"), await site.ask("/b")]).toEqual(Array(2).fill(expect.stringMatching(/; detail=store$/)));
  await site.cache.stats();
  expect(site.errors).toEqual([onlyRead(dir, "EROFS")]);
  expect([await cold.get("k"), await cold.getOrSet("new", () => 1)]).toEqual(["value", 1]);
  expect(told).toEqual([onlyRead(dir, "EROFS")]);
  await expect(cold.set("k", "newer")).rejects.toMatchObject({ code: "ERR_DISKCACHE_STORE_IO" });
});
