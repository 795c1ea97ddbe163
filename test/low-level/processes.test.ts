/** What holds among processes that share a directory: one winner, no lost count, one making. */
import { fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { FileCache } from "@diskcache/core";
import { expect, it, onTestFinished } from "vitest";
import { temporaryDirectory } from "../support/temporary-directory.js";
import type { Task } from "./worker.js";

const RUNNER = fileURLToPath(new URL("../support/run-module.mjs", import.meta.url));
const PROCESSES = 4;

async function inProcesses(dir: string, task: Task, count: number): Promise<number[][]> {
  const children = Array.from({ length: PROCESSES }, () =>
    fork(RUNNER, ["/test/low-level/worker.ts", dir, task, String(count)]),
  );
  onTestFinished(() => children.forEach((child) => void child.kill("SIGKILL")));
  await Promise.all(children.map((child) => once(child, "message")));
  const results = children.map(async (child) => (await once(child, "message"))[0] as number[]);
  for (const child of children) child.send("begin");
  return Promise.all(results);
}

function open(dir: string): FileCache {
  const cache = new FileCache({ dir });
  onTestFinished(() => cache.close());
  return cache;
}

it("of all who add a key one wins, and its value is there", async () => {
  const dir = temporaryDirectory();
  const count = 50;
  const won = await inProcesses(dir, "add", count);
  expect(won.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, key) => key));
  const winners = new Set((await open(dir).getMany(Array.from({ length: count }, (_, key) => key))).values());
  expect(winners.size).toBe(won.filter((keys) => keys.length > 0).length);
}, 60_000);

it("every count counts, and every sum is given once", async () => {
  const dir = temporaryDirectory();
  const cache = open(dir);
  await cache.set("n", 0, { ttl: null });
  const count = 250;
  const sums = (await inProcesses(dir, "incr", count)).flat().sort((a, b) => a - b);
  expect(sums).toEqual(Array.from({ length: PROCESSES * count }, (_, n) => n + 1));
  expect(await cache.get("n")).toBe(PROCESSES * count);
}, 60_000);

it("what is missing is made once for all, and all get it", async () => {
  const count = 20;
  const results = await inProcesses(temporaryDirectory(), "getOrSet", count);
  expect(results.reduce((made, [own]) => made + own!, 0)).toBe(count);
  const [first, ...others] = results.map(([, ...got]) => got);
  for (const got of others) expect(got).toEqual(first);
}, 60_000);

const namespaced = spawnSync("unshare", ["-pf", "--kill-child", "true"]).status === 0;

it.skipIf(!namespaced)(
  "one killed in another pid namespace is not waited for long (needs `unshare -p`)",
  async () => {
    const dir = temporaryDirectory();
    const command = ["-pf", "--kill-child", process.execPath, RUNNER, "/test/low-level/worker.ts", dir, "hang", "1"];
    const child = spawn("unshare", command, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child, "message");
    child.send("begin");
    expect((await once(child, "message"))[0]).toBe("making");
    const cache = open(dir);
    const startedMs = performance.now();
    const made = cache.getOrSet("k", () => "made");
    child.kill("SIGKILL");
    expect(await made).toBe("made");
    expect(performance.now() - startedMs).toBeLessThan(20_000);
  },
  60_000,
);
