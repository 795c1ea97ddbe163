/** What goes wrong with copies of the server, with secrets, and with processes, over real servers. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { asked, bothHave, joined, LOG, machine, truth } from "./machine.js";
import type { Machine } from "./machine.js";
import { eventually, redisServer, redisVersion } from "./server.js";
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
