/** A disk that is slow to answer: nobody waits for it on the event loop, and a page's lookup only so long. */
import { expect, it } from "vitest";
import { nodeFileSystem } from "../../packages/core/src/store/file-system.js";
import type { FileSystem } from "../../packages/core/src/store/file-system.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { bodyOf, opened } from "./opened.js";
import type { Opened } from "./opened.js";

/** Longer than one read may hold up the event loop before the next ones go past it. */
const SPIKE_MS = 110;
/** Longer than a lookup waits. */
const STALL_MS = 300;

function stall(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

// As a thread does that waits for a disk.
function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** A disk on which opening an entry synchronously takes long; `hold` lets what is asked otherwise wait until `letGo`. */
function slowDisk(): { readonly fs: FileSystem; hold(): void; letGo(): void; readonly asked: number } {
  let held: (() => void)[] | undefined;
  let asked = 0;
  const openSync = (...given: Parameters<FileSystem["openSync"]>): number => {
    if (/[0-9a-f]{62}$/.test(String(given[0]))) stall(SPIKE_MS);
    return nodeFileSystem.openSync(...given);
  };
  const open = (...given: unknown[]): void => {
    asked++;
    const go = (): void => void Reflect.apply(nodeFileSystem.open, nodeFileSystem, given);
    if (held === undefined) go();
    else held.push(go);
  };
  return {
    fs: { ...nodeFileSystem, openSync, open } as FileSystem,
    hold: () => void (held = []),
    letGo: () => {
      const waiting = held ?? [];
      held = undefined;
      for (const go of waiting) go();
    },
    get asked() {
      return asked;
    },
  };
}

/** Stores over a directory with `/0` to `/69` in it, whose disk has just shown that it is slow. */
async function slow({
  read = nodeFileSystem.read,
  close = nodeFileSystem.close,
  ...options
}: {
  readonly patient?: boolean;
  readonly memoryBytes?: number;
  readonly read?: unknown;
  readonly close?: unknown;
} = {}): Promise<Opened & ReturnType<typeof slowDisk>> {
  const dir = temporaryDirectory();
  const first = opened(dir);
  for (let index = 0; index < 70; index++) first.store.put(first.head(`/${index}`), Buffer.from(`body ${index}`));
  await first.store.close();
  const disk = slowDisk();
  const used = opened(dir, { fs: { ...disk.fs, read, close } as FileSystem, ...options });
  expect((await bodyOf(used.store.get("/0")))?.toString()).toBe("body 0");
  return Object.assign(disk, used);
}

it("is not waited for on the event loop any more once it has shown to be slow", async () => {
  const { store } = await slow();
  const found = store.get("/1");
  expect(found).toBeInstanceOf(Promise);
  expect((await bodyOf(found))?.toString()).toBe("body 1");
});

it.each([
  { ms: 20, most: 2 },
  { ms: 5, most: 2 },
  { ms: 2, most: 4 },
])("is waited for on the event loop $most times at most where each read takes $ms ms", async ({ ms, most }) => {
  const dir = temporaryDirectory();
  const first = opened(dir);
  for (let index = 0; index < 30; index++) first.store.put(first.head(`/${index}`), Buffer.from(`body ${index}`));
  await first.store.close();
  let waitedFor = 0;
  const openSync = (...given: Parameters<FileSystem["openSync"]>): number => {
    if (/[0-9a-f]{62}$/.test(String(given[0]))) {
      waitedFor++;
      sleep(ms);
    }
    return nodeFileSystem.openSync(...given);
  };
  const open = (...given: unknown[]): void =>
    void setTimeout(() => void Reflect.apply(nodeFileSystem.open, nodeFileSystem, given), ms);
  const { store } = opened(dir, { fs: { ...nodeFileSystem, openSync, open } as FileSystem });
  for (let index = 0; index < 30; index++)
    expect((await bodyOf(store.get(`/${index}`)))?.toString()).toBe(`body ${index}`);
  expect(waitedFor).toBeGreaterThan(0);
  expect(waitedFor).toBeLessThanOrEqual(most);
});

it("costs a lookup a bounded wait, and then it is a miss", async () => {
  const disk = await slow();
  disk.hold();
  expect(await disk.store.get("/1")).toBeUndefined();
  disk.letGo();
  expect((await bodyOf(disk.store.get("/2")))?.toString()).toBe("body 2");
});

it("is asked for one key once, and for no more than so many at a time", async () => {
  const disk = await slow();
  disk.hold();
  const { asked } = disk;
  const lookups = Array.from({ length: 200 }, async (_, index) => disk.store.get(`/${1 + (index % 69)}`));
  // What they lie in is looked at before.
  while (disk.asked - asked < 64) await new Promise(setImmediate);
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  expect(disk.asked - asked).toBe(64);
  disk.letGo();
  const found = await Promise.all(lookups);
  expect(found.slice(0, 64).every((entry) => entry !== undefined)).toBe(true);
  expect(found.slice(64, 69).every((entry) => entry === undefined)).toBe(true);
});

it("gives what was put while it was asked, not what lay there before", async () => {
  let held: (() => void)[] | undefined;
  const read = (...given: unknown[]): void => {
    const go = (): void => void Reflect.apply(nodeFileSystem.read, nodeFileSystem, given);
    if (held === undefined) go();
    else held.push(go);
  };
  const { store, keep } = await slow({ memoryBytes: 2 ** 20, read });
  held = [];
  const before = store.get("/1");
  while (held.length === 0) await new Promise(setImmediate);
  await keep("/1", "newer");
  held.splice(0).forEach((go) => go());
  held = undefined;
  expect(await before).toBeDefined();
  expect((await bodyOf(store.get("/1")))?.toString()).toBe("newer");
});

it("keeps no file open that was overtaken while it was read", async () => {
  let held: (() => void)[] | undefined;
  const opened: unknown[] = [];
  const closed: unknown[] = [];
  const read = (...given: unknown[]): void => {
    const go = (): void => void Reflect.apply(nodeFileSystem.read, nodeFileSystem, given);
    if (held === undefined) return go();
    opened.push(given[0]);
    held.push(go);
  };
  const close = (...given: unknown[]): void => {
    closed.push(given[0]);
    Reflect.apply(nodeFileSystem.close, nodeFileSystem, given);
  };
  const { store, keep } = await slow({ read, close });
  await keep("/1", Buffer.alloc(200_000));
  held = [];
  const before = store.get("/1");
  while (held.length === 0) await new Promise(setImmediate);
  await keep("/1", "newer");
  closed.length = 0;
  const waiting = held;
  held = undefined;
  for (const go of waiting) go();
  expect((await bodyOf(before))?.toString()).toBe("newer");
  expect(opened).toHaveLength(1);
  expect(closed).toContain(opened[0]);
});

it("leaves at hand what is looked for anew, until it has answered", async () => {
  const disk = await slow({ memoryBytes: 2 ** 20 });
  const { store } = disk;
  expect((await bodyOf(store.get("/1")))?.toString()).toBe("body 1");
  disk.hold();
  const latest = store.getLatest("/1");
  expect([latest instanceof Promise, store.get("/1") instanceof Promise]).toEqual([true, false]);
  disk.letGo();
  expect((await bodyOf(latest))?.toString()).toBe("body 1");
});

it("is waited for as long as it takes by those who would take a miss for an absence", async () => {
  const [bounded, patient] = [await slow(), await slow({ patient: true })];
  bounded.hold();
  patient.hold();
  const lookups = Array.from({ length: 69 }, async (_, index) => patient.store.get(`/${1 + index}`));
  expect(await bounded.store.get("/1")).toBeUndefined();
  patient.letGo();
  expect((await Promise.all(lookups)).every((entry) => entry !== undefined)).toBe(true);
});

it("is not to blame when the process itself was held up", async () => {
  const { store } = await slow();
  const found = store.get("/1");
  stall(STALL_MS);
  expect((await bodyOf(found))?.toString()).toBe("body 1");
});
