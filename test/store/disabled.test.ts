/** A cache that is switched off has no use for its directory. */
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { diskCache } from "@diskcache/http";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { pageSite } from "./page-site.js";

/** Everything that an application may ask of a cache. */
async function useAll({ cache, ask }: Awaited<ReturnType<typeof pageSite>>): Promise<void> {
  expect([await ask("/a"), await ask("/a")]).toEqual(Array(2).fill("diskcache; fwd=bypass; detail=disabled"));
  expect(await cache.stats()).toMatchObject({ entries: 0, bytes: 0, ioErrors: 0 });
  expect(await cache.fragment("nav", "de", "1h", () => "<nav>")).toBe("<nav>");
  expect(
    await cache.memoize(async function twice(value: number) {
      return value * 2;
    })(2),
  ).toBe(4);
  expect(await cache.purge("/a", { count: true })).toEqual({ named: 0 });
  await cache.purgeTag("a");
  await cache.clear();
  await cache.close();
}

describe("a cache that is switched off", () => {
  it("makes no directory, whatever is asked of it", async () => {
    const dir = join(temporaryDirectory(), "deep", "cache");
    const site = await pageSite({ dir, enabled: false, strict: true });
    await useAll(site);
    expect(existsSync(join(dir, ".."))).toBe(false);
    expect(site.errors).toEqual([]);
  });

  it.each([
    { given: "a file", lay: (dir: string) => writeFileSync(dir, "precious") },
    { given: "a link to nowhere", lay: (dir: string) => symlinkSync("nowhere", dir) },
    {
      given: "a directory that others can write",
      lay: (dir: string) => {
        mkdirSync(dir);
        chmodSync(dir, 0o777);
      },
    },
    {
      given: "one with a log that others can write",
      lay: (dir: string) => {
        mkdirSync(dir);
        writeFileSync(join(dir, "invalidations.1"), "");
        chmodSync(dir, 0o777);
      },
    },
  ])("does not mind $given in its place", async ({ lay }) => {
    const home = temporaryDirectory();
    const dir = join(home, "cache");
    lay(dir);
    const before = readdirSync(home, { recursive: true });
    const site = await pageSite({ dir, enabled: false, strict: true });
    await useAll(site);
    expect(readdirSync(home, { recursive: true })).toEqual(before);
    expect(site.errors).toEqual([]);
  });

  it("leaves a directory that is in use as it is, but for a purge, which counts for those who are not switched off", async () => {
    const dir = join(temporaryDirectory(), "cache");
    const on = await pageSite({ dir, memory: 0 });
    await on.ask("/a");
    await on.ask("/b");
    const { ctimeMs } = statSync(dir);
    const off = await pageSite({ dir, enabled: false, strict: true });
    expect(await off.ask("/a")).toContain("disabled");
    await off.cache.stats();
    expect([readdirSync(join(dir, "workers")).length, statSync(dir).ctimeMs]).toEqual([1, ctimeMs]);
    expect(await off.cache.purge("/a", { count: true })).toEqual({ named: 1 });
    expect(await on.ask("/a")).not.toContain("hit");
    expect(await on.ask("/b")).toContain("hit");
  });

  it("still refuses options that are wrong", () => {
    expect(() => diskCache({ dir: "/nowhere", enabled: false, minFree: "5 apples" })).toThrow(
      expect.objectContaining({ code: "ERR_DISKCACHE_OPTION" }),
    );
  });
});
