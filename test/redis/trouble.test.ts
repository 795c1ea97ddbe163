/** What goes wrong with copies of the server, with secrets, and with processes, over real servers. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { asked, bothHave, joined, LOG, machine, temporary, truth } from "./machine.js";
import type { Machine } from "./machine.js";
import { cable, eventually, redisServer, redisVersion } from "./server.js";
import type { WorkerOrder } from "../tier/chaos-worker.js";
import { replicaOf } from "./topologies.js";

const PAGE = "/reports/7";
const RUNNER = fileURLToPath(new URL("../support/run-module.mjs", import.meta.url));

async function current(...machines: readonly Machine[]): Promise<void> {
  for (const each of machines) expect(await each.get(PAGE)).toBe(String(truth.version));
}

const chainOf = (port: number): Promise<string> =>
  asked(port, async (redis) => JSON.stringify(await redis.xrange(LOG, "-", "+")));

describe.skipIf(redisVersion === undefined)("machines that wait for a copy of the server", () => {
  it("purge while there is one, and keep purges to themselves while there is none", async () => {
    const server = await redisServer();
    const copy = await replicaOf(server);
    const careful = { replicas: 1, purge: { timeout: 2 } } as const;
    const [a, b] = [machine(server.port, careful), machine(server.port, careful)];
    await joined(a, b);
    await bothHave(PAGE, a, b);
    await a.cache.purgeTag("report:7");
    await current(a, b);
    expect(await chainOf(copy.port)).toBe(await chainOf(server.port));

    await bothHave(PAGE, a, b);
    copy.suspend();
    await expect(a.cache.purgeTag("report:7")).rejects.toMatchObject({ code: "ERR_DISKCACHE_PURGE" });
    await current(a);
    await eventually(async () => (await b.cache.stats()).tier?.state === "cut-off");
    copy.resume();
    await joined(a, b);
    await eventually(async () => (await a.cache.stats()).tier?.unpublished === 0);
    await eventually(async () => (await b.get(PAGE)) === String(truth.version));
  });
});

describe.skipIf(redisVersion === undefined)("a purge", () => {
  it("resolves after the server has gone on that had stopped, and not before", async () => {
    const server = await redisServer();
    const [a, b] = [machine(server.port), machine(server.port)];
    await joined(a, b);
    await bothHave(PAGE, a, b);
    server.suspend();
    let isOver = false;
    const purged = a.cache.purgeTag("report:7").finally(() => (isOver = true));
    await eventually(async () => (await b.cache.stats()).tier?.state === "cut-off");
    expect(isOver).toBe(false);
    server.resume();
    await purged;
    await current(a, b);
  });

  it("reaches the others when the process that made it was killed before it could tell", async () => {
    const server = await redisServer();
    const b = machine(server.port);
    const a = machine(server.port);
    await joined(a, b);
    await bothHave(PAGE, a, b);
    // It has the directory, and no way to the engine.
    const process = fork(RUNNER, ["/test/redis/killed-worker.ts", a.dir]);
    onTestFinished(() => void process.kill("SIGKILL"));
    expect(await once(process, "message")).toEqual(["recorded", undefined]);
    process.kill("SIGKILL");
    await eventually(async () => (await b.get(PAGE)) === String(truth.version));
    await current(a, b);
  });
});

describe.skipIf(redisVersion === undefined)("a process that was stopped", () => {
  it("does not believe a server that was emptied meanwhile, although its connection has lasted", async () => {
    const server = await redisServer();
    const way = await cable(server.port);
    const shared = { name: "chaos", lease: 3 } as const;
    const a = machine(way.port, shared);
    const file = join(temporary(), "truth");
    const say = (version: number): void => writeFileSync(file, Buffer.from([version, 0, 0, 0]));
    say(0);
    const order = { dir: temporary(), port: server.port, client: "ioredis", truth: file, leaseMs: 3_000 } as const;
    const given: WorkerOrder = { ...order, timeoutMs: 15_000, whenCutOff: "young" };
    const process = fork(RUNNER, ["/test/tier/chaos-worker.ts", JSON.stringify(given)]);
    onTestFinished(() => void process.kill("SIGKILL"));
    const [port] = (await once(process, "message")) as [number];
    const get = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    await joined(a);
    await eventually(async () => (JSON.parse(await get("/stats")) as { state: string }).state === "joined");
    expect(await get("/pages/0/a")).toBe("0");

    process.kill("SIGSTOP");
    say(1);
    await a.cache.purgeTag("t0");
    // Only the one that was stopped can begin the chain again.
    way.cut();
    await asked(server.port, (redis) => redis.flushall());
    process.kill("SIGCONT");
    await eventually(() =>
      asked(server.port, async (redis) => (await redis.exists("diskcache:{chaos}:machines")) === 1),
    );
    expect(await get("/pages/0/a")).toBe("1");
  });
});

describe.skipIf(redisVersion === undefined)("what a server is told", () => {
  it("makes a machine with another secret count all that it has as purged", async () => {
    const server = await redisServer();
    const [a, b] = [machine(server.port, { secret: "a".repeat(32) }), machine(server.port, { secret: "b".repeat(32) })];
    await joined(a, b);
    await bothHave(PAGE, a, b);
    await a.cache.purgeTag("report:1");
    expect(await b.get(PAGE)).toBe(String(truth.version));
  });

  it.each([
    { encrypt: true, reads: "nothing of" },
    { encrypt: false, reads: "names of" },
  ])("lets it read $reads what is purged with encrypt: $encrypt", async ({ encrypt }) => {
    const server = await redisServer();
    const sealed = { secret: "a".repeat(32), encrypt };
    const [a, b] = [machine(server.port, sealed), machine(server.port, sealed)];
    await joined(a, b);
    await bothHave(PAGE, a, b);
    await a.cache.purgeTag("report:7");
    await a.cache.purge("/reports/secret-path");
    await current(a, b);
    const chain = await chainOf(server.port);
    expect([chain.includes("report:7"), chain.includes("secret-path")]).toEqual([!encrypt, !encrypt]);
  });
});
