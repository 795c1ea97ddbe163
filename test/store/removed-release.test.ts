/** A release that is removed with the cache in it, while a process of it still runs: it does not come back. */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileCache } from "@diskcache/core";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { opened } from "./opened.js";
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
