/** What happens in the store reaches the owner of a cache: as events, on `diagnostics_channel`, and in its counts. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileCache, PageCache } from "@diskcache/core";
import type { OpenStore, StoreEvents } from "@diskcache/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { DiskStore } from "../../packages/core/src/store/disk-store.js";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { faultyFileSystem } from "./faulty-file-system.js";
import { diskStoreOptions, until } from "./opened.js";

const NAMES = ["evict", "write-skipped", "pause", "resume", "log-restarted", "error"] as const;

interface Owned {
  /** Stores so many bytes under a name, and waits until they are written or not. */
  keep(name: string, bytes?: number): Promise<unknown>;
  /** Sees what other processes have done since. */
  look(): Promise<unknown>;
  clear(): Promise<void>;
  stats(): Promise<{ readonly pauses?: number; readonly evictions: number; readonly skippedWrites: number }>;
  on<Name extends keyof StoreEvents>(name: Name, listener: (event: StoreEvents[Name]) => void): void;
}

function pages(options: ConstructorParameters<typeof PageCache>[0]): Owned {
  const cache = new PageCache({ ttl: 60, ...options });
  onTestFinished(() => cache.close());
  const handle = (target: string) => {
    const rawHeaders = ["Host", "site.example"];
    return cache.handle({ method: "GET", target, scheme: "http", headers: { host: "site.example" }, rawHeaders }, {});
  };
  return {
    async keep(name, bytes = 10) {
      const outcome = await handle(`/${name}`);
      if (outcome.kind !== "forward") return outcome;
      const body = Buffer.alloc(bytes, "p");
      const head = { status: 200, statusText: "", rawHeaders: ["Content-Type", "text/plain"] };
      outcome.head({ head, before: [], body });
      outcome.write(body);
      await outcome.end();
      await until(async () => (await cache.stats()).pendingWrites === 0);
      return outcome;
    },
    look: async () => handle("/never"),
    clear: () => cache.clear(),
    stats: () => cache.stats(),
    on: (name, listener) => cache.on(name, listener),
  };
}

function values(options: ConstructorParameters<typeof FileCache>[0]): Owned {
  const cache = new FileCache(options);
  onTestFinished(() => cache.close());
  return {
    keep: (name, bytes = 10) => cache.set(name, "p".repeat(bytes)),
    look: () => cache.get("never"),
    clear: () => cache.clear(),
    stats: () => cache.stats(),
    on: (name, listener) => cache.on(name, listener),
  };
}

function listen(owned: Owned): { readonly name: string; readonly event: unknown }[] {
  const told: { readonly name: string; readonly event: unknown }[] = [];
  for (const name of NAMES) owned.on(name, (event) => told.push({ name, event }));
  return told;
}

describe.each([
  { owner: "a page cache", own: pages },
  { owner: "a low-level cache", own: values },
])("the owner of $owner", ({ owner, own }) => {
  it("is told what is evicted for a bound, and what because it was purged", async () => {
    const owned = own({ dir: temporaryDirectory(), maxEntries: 20 });
    const told = listen(owned);
    const evicted = (reason: string) => told.some(({ event }) => (event as { reason?: string }).reason === reason);
    let kept = 0;
    await until(async () => {
      await owned.keep(`${kept++}`);
      return evicted("bounds");
    });
    expect(told.find(({ name }) => name === "evict")!.event).toEqual({
      reason: "bounds",
      entries: expect.any(Number) as number,
      bytes: expect.any(Number) as number,
    });
    expect((await owned.stats()).evictions).toBeGreaterThan(0);
    // Not for every attempt: a value may have to wait for room.
    const skipped = told.flatMap(({ name, event }) =>
      name === "write-skipped" ? [(event as { key: string }).key] : [],
    );
    expect(skipped).toEqual([...new Set(skipped)]);
    await owned.clear();
    await until(async () => (await owned.stats()) && evicted("dead"));
  });

  it("is told that a disk fails, that storing rests, what was not written, and that it goes on", async () => {
    const faulty = faultyFileSystem();
    const dir = temporaryDirectory();
    let elapsed = 0;
    const store: OpenStore = (needs) =>
      new DiskStore({ ...diskStoreOptions(dir), ...needs, fs: faulty.fs, elapsed: () => elapsed });
    const owned = own({ store, clock: new ManualClock() });
    const told = listen(owned);
    const channel: string[] = [];
    const subscriber = (message: unknown) => channel.push((message as { readonly name: string }).name);
    subscribe("diskcache", subscriber);
    onTestFinished(() => void unsubscribe("diskcache", subscriber));
    await owned.keep("before");
    faulty.fail("EIO", (_, name) => name.startsWith("writev"));
    await owned.keep("failing");
    const names = () => told.map(({ name }) => name);
    expect(new Set(names())).toEqual(new Set(["error", "pause", "write-skipped"]));
    expect(told.find(({ name }) => name === "pause")!.event).toEqual({ code: "EIO", forMs: 50 });
    expect(told.find(({ name }) => name === "write-skipped")!.event).toEqual({
      reason: "io",
      key: expect.stringContaining("failing") as string,
    });
    faulty.heal();
    elapsed += 100;
    await owned.keep("after");
    expect(names().at(-1)).toBe("resume");
    const { pauses, skippedWrites } = await owned.stats();
    expect(skippedWrites).toBeGreaterThan(0);
    if (owner !== "a page cache") return;
    expect(pauses).toBe(1);
    expect(channel).toEqual(expect.arrayContaining(["pause", "write-skipped", "error", "resume"]));
  });

  it("is told that the log of purges was damaged and begun again", async () => {
    const dir = temporaryDirectory();
    const owned = own({ dir });
    const told = listen(owned);
    await owned.keep("a");
    await owned.clear();
    const log = readdirSync(dir).find((name) => name.startsWith("invalidations."))!;
    writeFileSync(join(dir, log), "x".repeat(5000));
    await new Promise((resolve) => setImmediate(resolve));
    await owned.look();
    expect(told).toContainEqual({ name: "log-restarted", event: { problem: expect.any(String) as string } });
  });
});

describe("the owner of a page cache that memoizes", () => {
  it("is told what happens in the store of the values", async () => {
    const failing: OpenStore = (needs) =>
      new DiskStore({ ...diskStoreOptions(temporaryDirectory()), ...needs, maxEntries: 1, evictAbove: 1 });
    const cache = new PageCache({ store: failing });
    onTestFinished(() => cache.close());
    const skipped: string[] = [];
    cache.on("write-skipped", ({ reason }) => skipped.push(reason));
    const long = cache.memoize(async function long() {
      return "x".repeat(2 ** 24);
    });
    await long();
    expect(skipped).toContain("body-too-long");
  });
});
