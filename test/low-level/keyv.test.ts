/** Keyv's own suite for stores, on a low-level cache. */
import keyvTestSuite, { keyvIteratorTests } from "@keyv/test-suite";
import { FileCache, keyvStore } from "@diskcache/core";
import type { KeyvStore } from "@diskcache/core";
import Keyv from "keyv";
import * as vitest from "vitest";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { afterAll, describe, expect, it } = vitest;
const dir = mkdtempSync(join(tmpdir(), "diskcache-keyv-"));
// One directory for all, as one database would be; a store for each Keyv, which writes its namespace into it.
const caches: FileCache[] = [];
afterAll(async () => {
  await Promise.all(caches.map((cache) => cache.close()));
  rmSync(dir, { recursive: true });
});

function store(): KeyvStore {
  const cache = new FileCache({ dir });
  caches.push(cache);
  return keyvStore(cache);
}

describe("the suite of Keyv", () => {
  keyvTestSuite(vitest, Keyv, store);
  keyvIteratorTests(vitest, Keyv, store);
});

describe("a Keyv on a low-level cache", () => {
  it("keeps a value for its milliseconds, for ever without them", async () => {
    let now = Date.now();
    const cache = new FileCache({ dir: join(dir, "by-clock"), clock: { now: () => now } });
    caches.push(cache);
    const own = keyvStore(cache);
    await own.set("a", 1, 1500);
    await own.set("b", 2);
    now += 1499;
    expect(await own.getMany(["a", "b", "c"])).toEqual([1, 2, undefined]);
    now += 1;
    expect(await own.hasMany(["a", "b"])).toEqual([false, true]);
    now += 1e12;
    expect(await own.get("b")).toBe(2);
  });

  it("tells of faults through its error event", () => {
    const keyv = new Keyv({ store: store() });
    expect(keyv.listeners("error")).toEqual([]);
    expect(typeof keyv.iterator).toBe("function");
  });
});
