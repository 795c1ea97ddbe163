/** Bounds that hold whichever way is written, above all the free space of the file system: what is lacking is made free
 * and no more, and a full disk ends by itself. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { FileCache } from "../../packages/core/src/index.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { allocated } from "./allocated.mjs";
import { bodyFor, bodyOf, isSwept, opened, until } from "./opened.js";
import type { Opened } from "./opened.js";
import { mountedDisk, toldDisk } from "./small-disk.js";

// The disks of these tests are slow themselves, and the store is to notice.
vi.unmock(import("../../packages/core/src/store/entries/slow-guard.js"));

const KIB = 1024;
const MIB = 1024 * KIB;
const SIZE = { bytes: 3 * MIB, inodes: 4000 };
const SHORT = 30_000;
const LONG = 150_000;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

type Way = (used: Opened, key: string, bytes: number) => Promise<void>;

const put: Way = async ({ store, head }, key, bytes) => {
  store.put(head(key), bodyFor(key, bytes));
  await store.flush();
};

const stream: Way = async ({ store, head }, key, bytes) => {
  const writer = store.create(key);
  for (let rest = bytes; rest > 0; rest -= 50_000) writer?.write(bodyFor(key, Math.min(rest, 50_000)));
  await writer?.commit(head(key));
};

const together: Way = async (used, key, bytes) => {
  await Promise.all(Array.from({ length: 4 }, (_, index) => stream(used, `${key}/${index}`, bytes)));
};

const mixed: Way = async (used, key, bytes) => {
  await Promise.all([put(used, `${key}/put`, bytes), stream(used, `${key}/long`, bytes)]);
  await put(used, `${key}/short`, bytes / 30);
};

/** Writes more than a disk of that size holds; what has to be true after each. */
async function flood(used: Opened, write: Way, bytes: number, holds: () => void): Promise<void> {
  for (let written = 0; written < 2 * SIZE.bytes; written += bytes) {
    await write(used, `/${written}`, bytes);
    holds();
    await turn();
  }
}

describe.each([
  { way: "short pages", write: put, bytes: SHORT },
  { way: "long pages", write: put, bytes: LONG },
  { way: "short pages in pieces", write: stream, bytes: SHORT },
  { way: "long pages in pieces", write: stream, bytes: LONG },
  { way: "long pages in pieces, several at a time", write: together, bytes: LONG },
  { way: "pages of all kinds", write: mixed, bytes: LONG },
])("$way", ({ write, bytes }) => {
  it("leave minFree of the disk free, and take the place of older ones", async () => {
    const disk = mountedDisk(SIZE) ?? toldDisk(SIZE);
    const used = opened(disk.dir, { fs: disk.fs, minFree: MIB });
    let least = Infinity;
    await flood(used, write, bytes, () => (least = Math.min(least, disk.free)));
    // What the cache keeps beside its entries takes no room first: the log, and what processes write down for each
    // other.
    expect(least).toBeGreaterThan(MIB - 64 * KIB);
    expect(used.store.stats().ioErrors).toBe(0);
    await until(() => used.store.stats().evictions > 0);
    expect(used.store.stats().entries).toBeGreaterThan(10);
  });

  it("keep maxSize, and maxEntries", async () => {
    const dirs = [temporaryDirectory(), temporaryDirectory()];
    const small = opened(dirs[0]!, { maxSize: 2 * MIB });
    await flood(small, write, bytes, () => expect(allocated(dirs[0]!).bytes).toBeLessThanOrEqual(2 * MIB));
    const few = opened(dirs[1]!, { maxEntries: 20 });
    await flood(few, write, bytes, () => expect(allocated(dirs[1]!).entries).toBeLessThanOrEqual(20));
    await until(() => [small, few].every(({ store }) => store.stats().evictions > 0));
  });

  it("are not kept where they are longer than maxBody", async () => {
    const used = opened(temporaryDirectory(), { maxBody: 4000 });
    await write(used, "/a", bytes);
    expect(new Set(used.events.map((event) => (event.type === "skip" ? event.reason : event.type)))).toEqual(
      new Set(["body-too-long"]),
    );
    expect(used.store.stats().entries).toBe(0);
  });
});

it("a disk that is full before anybody has counted the directory is counted, and gives way", async () => {
  const disk = toldDisk({ bytes: 2 * MIB, inodes: 4000 }, { says: false });
  const first = opened(disk.dir, { fs: disk.fs });
  for (let index = 0; index < 100; index++) await put(first, `/${index}`, 9000);
  await first.store.close();
  rmSync(join(disk.dir, "usage"), { recursive: true });
  disk.fill();
  let elapsed = 0;
  const used = opened(disk.dir, { fs: disk.fs, elapsed: () => elapsed });
  while ((await bodyOf(used.store.get("/hot"))) === undefined) {
    elapsed += 1000;
    await put(used, "/hot", 9000);
    await turn();
  }
  expect(allocated(disk.dir).entries).toBeGreaterThan(20);
  await until(() => used.store.stats().entries === allocated(disk.dir).entries);
});

it("values of the low-level cache leave minFree of the disk free", async ({ skip }) => {
  const disk = mountedDisk(SIZE);
  if (disk === undefined) return skip("this process may not mount a disk");
  const cache = new FileCache({ dir: disk.dir, minFree: MIB, allowPublicDir: true });
  for (let index = 0; index < 100; index++) {
    await cache.set(`${index}`, bodyFor("value", index % 2 === 0 ? 9000 : LONG));
    expect(disk.free).toBeGreaterThan(MIB - 64 * KIB);
  }
  // On a busy machine a value may be refused before there is room for it.
  while ((await cache.get("99")) === undefined) await cache.set("99", bodyFor("value", LONG));
  expect(await cache.get("99")).toEqual(bodyFor("value", LONG));
  await cache.close();
});

describe("a disk that somebody else fills up until less than minFree is left", () => {
  it.each([
    { given: "that is mounted, if it may be", make: () => mountedDisk(SIZE) ?? toldDisk(SIZE) },
    { given: "that is told of", make: () => toldDisk(SIZE) },
  ])("costs the entries that take what is lacking, and no others: one $given", async ({ make }) => {
    const disk = make();
    const used = opened(disk.dir, { fs: disk.fs, minFree: MIB });
    const { store, clock } = used;
    for (let index = 0; index < 40; index++) {
      await put(used, `/${index}`, 40_000);
      clock.advance(1);
    }
    disk.fill(MIB * 0.75);
    while ((await bodyOf(store.get("/new"))) === undefined) {
      await put(used, "/new", 4000);
      await turn();
    }
    // Whoever steers by what he knew before he removed something does not stop here.
    for (let writes = 0; writes < 300; writes++) await put(used, "/new", 4000);
    await until(() => isSwept(disk.dir));
    expect(store.stats().evictions).toBeLessThanOrEqual(Math.ceil((MIB * 0.3) / 40_960) + 1);
    expect([await bodyOf(store.get("/0")), (await bodyOf(store.get("/39")))?.length]).toEqual([undefined, 40_000]);
  });
});

describe("a disk without inodes", () => {
  const FEW = { bytes: 16 * MIB, inodes: 400 };

  it.each([
    { given: "mounted, if it may be", make: () => mountedDisk(FEW) ?? toldDisk(FEW) },
    { given: "told of", make: () => toldDisk(FEW) },
  ])("is never reached: of them stays free the same share as of bytes ($given)", async ({ make }) => {
    const disk = make();
    const used = opened(disk.dir, { fs: disk.fs, minFree: 2 * MIB });
    for (let index = 0; index < 400; index++) {
      await put(used, `/${index}`, 100);
      if (index % 10 === 0) await turn();
    }
    expect(used.store.stats().ioErrors).toBe(0);
    await until(() => used.store.stats().evictions > 0);
    expect(used.store.stats().entries).toBeGreaterThan(50);
    expect(disk.freeInodes).toBeGreaterThanOrEqual(FEW.inodes / 8 - 5);
  });

  it("that says nothing of them is not taken for full", async () => {
    const disk = toldDisk(FEW, { says: false });
    const used = opened(disk.dir, { fs: disk.fs, minFree: 2 * MIB });
    for (let index = 0; index < 20; index++) await put(used, `/${index}`, 100);
    expect(used.store.stats()).toMatchObject({ entries: 20, skippedWrites: 0, evictions: 0 });
  });
});

describe.each([
  { given: "full", disk: { bytes: MIB, inodes: 4000 }, code: "ENOSPC", bytes: 9000 },
  { given: "without inodes", disk: { bytes: 16 * MIB, inodes: 350 }, code: "ENOSPC", bytes: 100 },
  { given: "over quota", disk: { bytes: MIB, inodes: 4000 }, code: "EDQUOT", bytes: 9000 },
  { given: "over quota, with long pages", disk: { bytes: MIB, inodes: 4000 }, code: "EDQUOT", bytes: LONG },
])("a disk $given, of which nobody was told", ({ disk: size, code, bytes }) => {
  const write: Way = (used, key) => (bytes === LONG ? stream : put)(used, key, bytes);

  /** Filled by the cache itself, until a write fails. */
  async function filled() {
    const disk = toldDisk(size, { code, says: false });
    let elapsed = 0;
    const used = opened(disk.dir, { fs: disk.fs, minFree: 0, elapsed: () => elapsed });
    let count = 0;
    while (!used.events.some(({ type }) => type === "pause")) {
      await write(used, `/${count++}`, bytes);
      used.clock.advance(1);
    }
    const pass = (ms: number): number => (elapsed += ms);
    return { ...used, disk, count, pass };
  }

  it("gives up what was used least, a little at a time, and stores again", async () => {
    const used = await filled();
    const places = Math.ceil(used.count / 10);
    for (let index = 0; index < places; index++) {
      while ((await bodyOf(used.store.get(`/hot/${index}`))) === undefined) {
        used.pass(1000);
        await turn();
        await write(used, `/hot/${index}`, bytes);
      }
    }
    const { entries, evictions } = used.store.stats();
    expect(used.events.some(({ type }) => type === "resume")).toBe(true);
    expect(evictions).toBeGreaterThan(0);
    expect(entries).toBeGreaterThan(used.count / 2);
  });

  it("does not give up all where that does not help", async () => {
    const used = await filled();
    // Whatever becomes free is somebody else's at once.
    for (let probes = 0; probes < 20; probes++) {
      used.pass(1000);
      used.disk.fill();
      await write(used, "/hot", bytes);
      await turn();
      await until(() => isSwept(used.disk.dir));
    }
    expect(used.store.stats().entries).toBeGreaterThan(used.count / 3);
  });
});
