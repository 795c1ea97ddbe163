/** `close()` while values are set, removed and counted: what resolves has been done, and is found by the next process. */
import { FileCache } from "@diskcache/core";
import { describe, expect, it } from "vitest";
import { barrier } from "../support/barrier.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { open } from "./open.js";

const LENGTHS = [{ bytes: 100 }, { bytes: 500_000 }];

describe("a cache that is closed while", () => {
  it.each(LENGTHS)("values of $bytes bytes are set has written each of them", async ({ bytes }) => {
    const dir = temporaryDirectory();
    const cache = open({ dir });
    const old = Buffer.alloc(bytes, "old");
    await cache.setMany({ a: old, b: old, c: old });
    const value = Buffer.alloc(bytes, "new");
    const setting = ["a", "b", "c", "c", "d"].map((key) => cache.set(key, value));
    await cache.close();
    await Promise.all(setting);
    const found = await open({ dir }).getMany<Buffer>(["a", "b", "c", "d"]);
    expect([...found.values()].map((buffer) => buffer.equals(value))).toEqual([true, true, true, true]);
  });

  it("many are set together has written all of them", async () => {
    const dir = temporaryDirectory();
    const cache = open({ dir });
    const values = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`k${n}`, n]));
    const setting = cache.setMany(values);
    await cache.close();
    expect(await setting).toEqual([]);
    expect((await open({ dir }).getMany(Object.keys(values))).size).toBe(300);
  });

  it("values are removed, added, counted, touched and moved has done so", async () => {
    const dir = temporaryDirectory();
    const cache = open({ dir });
    await cache.setMany({ removed: 1, counted: 1, touched: 1, moved: 1 }, { ttl: 10 });
    const working = [
      cache.delete("removed"),
      cache.add("added", 1),
      cache.incr("counted"),
      cache.touch("touched", { ttl: 60 }),
      cache.incrVersion("moved"),
    ];
    await cache.close();
    expect(await Promise.all(working)).toEqual([true, true, 2, true, 2]);
    const next = open({ dir });
    const found = await next.getMany(["removed", "added", "counted", "touched", "moved"]);
    expect([...found, await next.get("moved", { version: 2 })]).toEqual([
      ["added", 1],
      ["counted", 2],
      ["touched", 1],
      1,
    ]);
  });

  it("a value is made does not wait for it, and leaves its caller the value", async () => {
    const dir = temporaryDirectory();
    const cache = new FileCache({ dir });
    const release = barrier();
    const made = cache.getOrSet("k", async () => {
      await release.opened;
      return "made";
    });
    await cache.close();
    release.open();
    expect(await made).toBe("made");
    expect(await open({ dir }).has("k")).toBe(false);
  });
});
