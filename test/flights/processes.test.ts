/** Several processes on one directory: one render for all of them, whoever dies, and never more than a render too many. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { diskCache } from "@diskcache/http";
import { describe, expect, it, onTestFinished } from "vitest";
import { tally } from "../support/barrier.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { visit } from "../support/visit.js";

const RUNNER = fileURLToPath(new URL("../support/run-module.mjs", import.meta.url));
const HOST = { host: "www.example.com" };

interface Told {
  readonly origin?: string;
  readonly arrived?: string;
  readonly rendering?: string;
}

async function startWorker(dir: string) {
  const child = fork(RUNNER, ["/test/flights/worker.ts", dir]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const [{ origin }] = (await once(child, "message")) as [Told];
  const [arrivals, renders] = [tally(), tally()];
  child.on("message", ({ arrived, rendering }: Told) => {
    if (arrived !== undefined) arrivals.add();
    if (rendering !== undefined) renders.add();
  });
  return {
    arrivals,
    renders,
    visit: (target: string) => visit(origin!, target, { headers: HOST }),
    answer: () => void child.send({}),
    kill: async () => {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}

type Worker = Awaited<ReturnType<typeof startWorker>>;

/** Lets clients in at every worker while the first one renders. */
async function stampede(workers: readonly [Worker, ...Worker[]], target: string) {
  const [leader] = workers;
  const first = leader.visit(target);
  await leader.renders.reaches(leader.renders.count + 1);
  const followers = workers.flatMap((worker) => [worker.visit(target), worker.visit(target)]);
  await Promise.all(workers.map((worker) => worker.arrivals.reaches(worker.arrivals.count + 2)));
  return { first, followers };
}

function renders(workers: readonly Worker[]): number {
  return workers.reduce((sum, worker) => sum + worker.renders.count, 0);
}

describe("processes that share a directory", () => {
  it("render a page once, and leave no lock behind", async () => {
    const dir = temporaryDirectory();
    const workers = await Promise.all([startWorker(dir), startWorker(dir), startWorker(dir)]);
    const { first, followers } = await stampede(workers, "/page");
    workers[0].answer();
    const { text } = await first;
    for (const answer of await Promise.all(followers)) expect(answer.text).toBe(text);
    expect([renders(workers), readdirSync(`${dir}/locks`)]).toEqual([1, []]);
  });

  it("do not wait for a process that was killed while it rendered", async () => {
    const dir = temporaryDirectory();
    const [leader, other] = [await startWorker(dir), await startWorker(dir)];
    const { first, followers } = await stampede([leader, other], "/page");
    const lost = Promise.allSettled([first, ...followers.slice(0, 2)]);
    await leader.kill();
    expect((await lost).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    await other.renders.reaches(1);
    other.answer();
    const texts = (await Promise.all(followers.slice(2))).map(({ text }) => text);
    expect([new Set(texts).size, other.renders.count]).toEqual([1, 1]);
  });

  it("render once in the place of one that was killed, however many waited for it", async () => {
    const dir = temporaryDirectory();
    const leader = await startWorker(dir);
    const others = await Promise.all([startWorker(dir), startWorker(dir), startWorker(dir)]);
    const { first, followers } = await stampede([leader, ...others], "/page");
    const lost = Promise.allSettled([first, ...followers.slice(0, 2)]);
    await leader.kill();
    await lost;
    const answers = Promise.all(followers.slice(2));
    const next = await Promise.race(others.map(async (worker) => (await worker.renders.reaches(1), worker)));
    next.answer();
    expect([new Set((await answers).map(({ text }) => text)).size, renders(others)]).toEqual([1, 1]);
  });

  it("do not wait for a render that began before a purge of its page", async () => {
    const dir = temporaryDirectory();
    const [leader, other] = [await startWorker(dir), await startWorker(dir)];
    const before = leader.visit("/page");
    await leader.renders.reaches(1);
    const cache = diskCache({ dir });
    await cache.purge("/page");
    const after = other.visit("/page");
    await other.renders.reaches(1);
    other.answer();
    const { text } = await after;
    leader.answer();
    expect((await before).text).not.toBe(text);
    expect((await leader.visit("/page")).text).toBe(text);
    await cache.close();
  });

  it("let each other's clients go when a page may not be shared", async () => {
    const dir = temporaryDirectory();
    const [leader, other] = [await startWorker(dir), await startWorker(dir)];
    const { first, followers } = await stampede([leader, other], "/private");
    leader.answer();
    await first;
    await leader.renders.reaches(3);
    leader.answer();
    await other.renders.reaches(1);
    other.answer();
    await other.renders.reaches(2);
    other.answer();
    expect((await Promise.all(followers)).every(({ status }) => status === 200)).toBe(true);
  });

  it.each([
    { given: "is removed", spoil: (dir: string) => rmSync(`${dir}/locks`, { recursive: true, force: true }) },
    {
      given: "is a file",
      spoil: (dir: string) => {
        rmSync(`${dir}/locks`, { recursive: true, force: true });
        mkdirSync(dir, { recursive: true });
        writeFileSync(`${dir}/locks`, "");
      },
    },
  ])(
    "answer all the same, with a render too many at worst, when the directory of the locks $given",
    async ({ spoil }) => {
      const dir = temporaryDirectory();
      const workers = await Promise.all([startWorker(dir), startWorker(dir)]);
      spoil(dir);
      const first = workers[0].visit("/page");
      await workers[0].renders.reaches(1);
      spoil(dir);
      const second = workers[1].visit("/page");
      await workers[1].renders.reaches(1);
      for (const worker of workers) worker.answer();
      expect([(await first).status, (await second).status, renders(workers)]).toEqual([200, 200, 2]);
    },
  );
});
