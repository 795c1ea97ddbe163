/** A disk that is slow to answer: nobody waits for it on the event loop, and a page's lookup only so long. The time is
 * the test's: reads take as long as it says, and the machine it runs on does not count. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { nodeFileSystem } from "../../packages/core/src/store/file-system.js";
import type { FileSystem } from "../../packages/core/src/store/file-system.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { bodyOf, opened } from "./opened.js";
import type { Opened } from "./opened.js";

/** Longer than one read may hold up the event loop before the next ones go past it. */
const SPIKE_MS = 110;
/** How long a lookup waits. */
const WAIT_MS = 250;

// The thread pool is never busy: a trip through it with nothing to do takes no time.
vi.mock(import("node:crypto"), async (original) => {
  const crypto = await original();
  return { ...crypto, randomFill: ((_scratch: Buffer, done: () => void) => done()) as typeof crypto.randomFill };
});

// A lookup's wait is over when the test says so.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }));
afterEach(() => void vi.useRealTimers());

/** Gives up the processor, as a thread does that waits for a disk, and as the system counts it. */
function sleep(): void {
  const slept = (): number => process.resourceUsage().voluntaryContextSwitches;
  const before = slept();
  do Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0.1);
  while (before > 0 && slept() === before);
}

/** An asynchronous call that is over in the next turn of the event loop, whatever the thread pool has to do. */
function inTheNextTurn(call: (...given: never[]) => unknown): (...given: unknown[]) => void {
  return (...given) => {
    const done = given.pop() as (error: unknown, value?: unknown) => void;
    setImmediate(() => {
      let value: unknown;
      try {
        value = call(...(given as never[]));
      } catch (error) {
        return done(error);
      }
      done(null, value);
    });
  };
}

const TURNS = {
  open: inTheNextTurn(nodeFileSystem.openSync),
  fstat: inTheNextTurn(nodeFileSystem.fstatSync),
  lstat: inTheNextTurn(nodeFileSystem.lstatSync),
  read: inTheNextTurn(nodeFileSystem.readSync),
};

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
}

interface SlowDisk {
  readonly fs: FileSystem;
  readonly elapsed: () => number;
  /** Lets what is asked asynchronously wait until `letGo`. */
  hold(): void;
  letGo(): void;
  /** Files opened asynchronously. */
  readonly asked: number;
  /** Files opened synchronously. */
  readonly waitedFor: number;
}

/** A disk on which opening an entry takes `ms`, however it is asked. */
function slowDisk(ms: number): SlowDisk {
  let held: (() => void)[] | undefined;
  let elapsedMs = 0;
  let asked = 0;
  let waitedFor = 0;
  const openSync = (...given: Parameters<FileSystem["openSync"]>): number => {
    if (/[0-9a-f]{62}$/.test(String(given[0]))) {
      waitedFor++;
      elapsedMs += ms;
      sleep();
    }
    return nodeFileSystem.openSync(...given);
  };
  const open = (...given: unknown[]): void => {
    asked++;
    const go = (): void => {
      elapsedMs += ms;
      TURNS.open(...given);
    };
    if (held === undefined) go();
    else held.push(go);
  };
  return {
    fs: { ...nodeFileSystem, ...TURNS, openSync, open } as unknown as FileSystem,
    elapsed: () => elapsedMs,
    hold: () => void (held = []),
    letGo: () => {
      const waiting = held ?? [];
      held = undefined;
      for (const go of waiting) go();
    },
    get asked() {
      return asked;
    },
    get waitedFor() {
      return waitedFor;
    },
  };
}

/** A directory with `/0` to `/69` in it. */
async function filled(): Promise<string> {
  const dir = temporaryDirectory();
  const { store, head } = opened(dir);
  for (let index = 0; index < 70; index++) store.put(head(`/${index}`), Buffer.from(`body ${index}`));
  await store.close();
  return dir;
}

/** A store over such a directory, whose disk has just shown that it is slow. */
async function slow({
  read = TURNS.read,
  close = nodeFileSystem.close,
  ...options
}: {
  readonly patient?: boolean;
  readonly memoryBytes?: number;
  readonly read?: unknown;
  readonly close?: unknown;
} = {}): Promise<Opened & SlowDisk> {
  const disk = slowDisk(SPIKE_MS);
  const { elapsed } = disk;
  const used = opened(await filled(), { fs: { ...disk.fs, read, close } as FileSystem, elapsed, ...options });
  expect((await bodyOf(used.store.get("/0")))?.toString()).toBe("body 0");
  return Object.assign(disk, used);
}

it("is not waited for on the event loop any more once it has shown to be slow", async () => {
  const disk = await slow();
  const found = disk.store.get("/1");
  expect(found).toBeInstanceOf(Promise);
  expect((await bodyOf(found))?.toString()).toBe("body 1");
  expect(disk.waitedFor).toBe(1);
});

it.each([
  { ms: 20, times: 2 },
  { ms: 5, times: 2 },
  { ms: 2, times: 4 },
])("is waited for on the event loop $times times where each read takes $ms ms", async ({ ms, times }) => {
  const disk = slowDisk(ms);
  const { store } = opened(await filled(), disk);
  for (let index = 0; index < 70; index++)
    expect((await bodyOf(store.get(`/${index}`)))?.toString()).toBe(`body ${index}`);
  expect([disk.waitedFor, disk.asked]).toEqual([times, 70 - times]);
});

it("is waited for on the event loop where each read takes half a millisecond", async () => {
  const disk = slowDisk(0.5);
  const { store } = opened(await filled(), disk);
  for (let index = 0; index < 70; index++)
    expect((await bodyOf(store.get(`/${index}`)))?.toString()).toBe(`body ${index}`);
  expect([disk.waitedFor, disk.asked]).toEqual([70, 0]);
});

it("costs a lookup a bounded wait, and then it is a miss", async () => {
  const disk = await slow();
  disk.hold();
  let answers = 0;
  const found = (async () => disk.store.get("/1"))().finally(() => answers++);
  await turns(20);
  await vi.advanceTimersByTimeAsync(WAIT_MS - 1);
  expect(answers).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(await found).toBeUndefined();
  disk.letGo();
  expect((await bodyOf(disk.store.get("/2")))?.toString()).toBe("body 2");
});

it("is asked for one key once, and for no more than so many at a time", async () => {
  const disk = await slow();
  disk.hold();
  const { asked } = disk;
  const lookups = Array.from({ length: 200 }, async (_, index) => disk.store.get(`/${1 + (index % 69)}`));
  await turns(20);
  expect(disk.asked - asked).toBe(64);
  disk.letGo();
  const found = await Promise.all(lookups);
  expect(found.slice(0, 64).every((entry) => entry !== undefined)).toBe(true);
  expect(found.slice(64, 69).every((entry) => entry === undefined)).toBe(true);
});

it("gives what was put while it was asked, not what lay there before", async () => {
  let held: (() => void)[] | undefined;
  const read = (...given: unknown[]): void => {
    const go = (): void => TURNS.read(...given);
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
    const go = (): void => TURNS.read(...given);
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
  const missed = bounded.store.get("/1");
  await turns(20);
  await vi.advanceTimersByTimeAsync(4 * WAIT_MS);
  expect(await missed).toBeUndefined();
  patient.letGo();
  expect((await Promise.all(lookups)).every((entry) => entry !== undefined)).toBe(true);
});

it("is not to blame when the process itself was held up", async () => {
  vi.useRealTimers();
  const { store } = await slow();
  const found = store.get("/1");
  // No turn of the event loop is over before the wait would be.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS + 50);
  expect((await bodyOf(found))?.toString()).toBe("body 1");
});
