/** Bounds that several processes keep together, with nobody in charge. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { nodeFileSystem } from "../../packages/core/src/store/file-system.js";
import { compileStore } from "../support/compiled-store.mjs";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { allocated } from "./allocated.mjs";
import { isSwept, opened, until } from "./opened.js";

// The disks of these tests are slow themselves, and the store is to notice.
vi.unmock(import("../../packages/core/src/store/entries/slow-guard.js"));

const WRITER = fileURLToPath(new URL("flood-writer.mjs", import.meta.url));
const MIB = 2 ** 20;
let compiled: ReturnType<typeof compileStore>;
beforeAll(() => void (compiled = compileStore()));
afterAll(() => compiled.remove());

/** A writer that has written by now. */
async function flood(dir: string, options: object, least: number, most: number): Promise<ChildProcess> {
  const child = fork(WRITER, [compiled.store, dir, JSON.stringify(options), String(least), String(most)]);
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child, "message");
  return child;
}

/** Looks at the directory that often at least, and until it has seen enough: how soon the writers get there is the
 * machine's affair. */
async function highestOf(
  measure: () => number,
  { samples, enough }: { readonly samples: number; readonly enough: number },
): Promise<number> {
  let highest = 0;
  for (let sample = 0; sample < samples || highest <= enough; sample++) {
    highest = Math.max(highest, measure());
    await new Promise((resolve) => setImmediate(resolve));
  }
  return highest;
}

/** What the process calls itself that has the directory open. */
async function workerIn(dir: string): Promise<string> {
  const workers = join(dir, "workers");
  await until(() => existsSync(workers) && readdirSync(workers).length > 0);
  return readdirSync(workers)[0]!;
}

async function end(child: ChildProcess): Promise<void> {
  child.send("stop");
  await once(child, "message");
}

describe("four processes that write as fast as they can", () => {
  it.each([
    { given: "small entries", least: 100, most: 8000 },
    { given: "long ones, in pieces", least: 1000, most: 300_000 },
  ])("$given never pass maxSize by a tenth, and agree on what there is", async ({ least, most }) => {
    const dir = temporaryDirectory();
    const maxSize = 4 * MIB;
    const children = await Promise.all([1, 2, 3, 4].map(() => flood(dir, { maxSize }, least, most)));
    const bytes = () => allocated(dir).bytes;
    const crowded = await highestOf(bytes, { samples: 120, enough: maxSize / 2 });
    // One that dies in the middle changes nothing.
    children.pop()!.kill("SIGKILL");
    const afterwards = await highestOf(bytes, { samples: 120, enough: maxSize / 2 });
    expect(Math.max(crowded, afterwards) / maxSize).toBeLessThan(1.1);
    for (const child of children) await end(child);
    const { store } = opened(dir, { maxSize });
    store.stats();
    await until(() => isSwept(dir));
    const { entries } = allocated(dir);
    expect(Math.abs(store.stats().entries - entries)).toBeLessThanOrEqual(Math.max(3, entries / 50));
  });

  it("keep maxEntries", async () => {
    const dir = temporaryDirectory();
    const children = await Promise.all([1, 2, 3, 4].map(() => flood(dir, { maxEntries: 500 }, 10, 100)));
    const highest = await highestOf(() => allocated(dir).entries, { samples: 100, enough: 250 });
    expect(highest).toBeLessThanOrEqual(550);
    for (const child of children) await end(child);
  });
});

describe("the directory of an earlier run", () => {
  it.each([
    { given: "with its count", lose: () => undefined, most: 700 },
    // While it is being counted, what is there is known from a part of it.
    { given: "whose count is lost", lose: (dir: string) => rmSync(join(dir, "usage"), { recursive: true }), most: 770 },
  ])("$given is counted in, and goes on being filled", async ({ lose, most }) => {
    const dir = temporaryDirectory();
    const first = opened(dir);
    for (let index = 0; index < 600; index++) first.store.put(first.head(`/${index}`), Buffer.alloc(3000));
    await first.store.flush();
    await first.store.close();
    lose(dir);
    const { store, head } = opened(dir, { maxEntries: 700 });
    let stored = 0;
    for (let index = 0; index < 400; index++) {
      if (store.put(head(`/new/${index}`), Buffer.alloc(100))) stored++;
      await store.flush();
      if (index % 20 === 0) expect(allocated(dir).entries).toBeLessThanOrEqual(most);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(stored).toBeGreaterThan(90);
    await until(() => store.stats().entries === allocated(dir).entries);
    await until(() => allocated(dir).entries <= 700);
  });
});

it("what another process has written, but not told of when the directory is counted, is counted once", async () => {
  const dir = temporaryDirectory();
  let silent = false;
  // Nothing but a ledger is written at an offset so.
  const writeSync = (...given: unknown[]): number =>
    silent && given.length === 5 ? Number(given[3]) : Reflect.apply(nodeFileSystem.writeSync, nodeFileSystem, given);
  const other = opened(dir, { fs: { ...nodeFileSystem, writeSync } });
  await other.keep("/told", "x");
  await until(() => isSwept(dir));
  silent = true;
  for (let index = 0; index < 10; index++) await other.keep(`/untold/${index}`, "x");
  rmSync(join(dir, "usage/count"));
  const { store } = opened(dir);
  store.stats();
  await until(() => isSwept(dir));
  silent = false;
  await other.keep("/told/too", "x");
  other.store.stats();
  await until(() => store.stats().entries === 12);
  expect(allocated(dir).entries).toBe(12);
});

describe("the one that sweeps", () => {
  it("is followed at once when it is dead", async () => {
    const dir = temporaryDirectory();
    const child = await flood(dir, { maxEntries: 200 }, 10, 100);
    const { pid } = child;
    const worker = await workerIn(dir);
    expect(worker).toContain(`-${pid}-`);
    child.kill("SIGKILL");
    await once(child, "exit");
    rmSync(join(dir, "sweeper"), { force: true });
    symlinkSync(`${worker}-0`, join(dir, "sweeper"));
    const { store } = opened(dir);
    await store.clear();
    await until(() => isSwept(dir) && allocated(dir).entries === 0);
    await until(() => store.stats().entries === 0);
    expect(allocated(dir).temporary).toBe(0);
  });

  it("is passed over while it is stopped, although it lives", async () => {
    const dir = temporaryDirectory();
    const child = await flood(dir, { maxEntries: 200 }, 10, 100);
    const worker = await workerIn(dir);
    child.kill("SIGSTOP");
    rmSync(join(dir, "sweeper"), { force: true });
    symlinkSync(`${worker}-0`, join(dir, "sweeper"));
    const { store } = opened(dir);
    await store.clear();
    await until(() => isSwept(dir) && allocated(dir).entries === 0);
    expect(child.exitCode ?? child.signalCode).toBeNull();
  });

  it("is alone while it lives", async () => {
    const dir = temporaryDirectory();
    const one = opened(dir);
    for (let index = 0; index < 300; index++) one.store.put(one.head(`/${index}`), Buffer.from("x"));
    await one.store.flush();
    const other = opened(dir);
    other.store.stats();
    await Promise.all([one.store.clear(), other.store.clear()]);
    await until(() => isSwept(dir) && allocated(dir).entries === 0);
    const dead = [...one.events, ...other.events].map((event) => (event.type === "evict" ? event.entries : 0));
    expect(dead.reduce((sum, count) => sum + count)).toBe(300);
    await until(() => one.store.stats().entries === 0 && other.store.stats().entries === 0);
  });

  it("leaves the directory of somebody else alone when its lock is something else", async () => {
    const dir = temporaryDirectory();
    const { store, keep } = opened(dir);
    await keep("/a", "a");
    rmSync(join(dir, "sweeper"), { force: true });
    symlinkSync(dir, join(dir, "sweeper"));
    await store.clear();
    await until(() => allocated(dir).entries === 0);
    expect(lstatSync(dir).isDirectory()).toBe(true);
  });
});

describe("admission at the second request", () => {
  it("admits what was asked for twice within a while, and what is stored already", async () => {
    let elapsed = 0;
    const { store, keep } = opened(temporaryDirectory(), { admission: "second-request", elapsed: () => elapsed });
    expect(store.admits("/a")).toBe(false);
    expect(store.admits("/a")).toBe(true);
    expect(store.admits("/b")).toBe(false);
    elapsed += 3_600_000;
    expect(store.admits("/b")).toBe(false);
    await keep("/c", "c");
    expect(store.admits("/c")).toBe(true);
  });

  it("admits everything unless asked otherwise", () => {
    expect(opened(temporaryDirectory()).store.admits("/a")).toBe(true);
  });
});
