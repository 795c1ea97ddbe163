import { describe, expect, it } from "vitest";
import { asked, joined, LEASE, machine, MACHINES, steadyRun, truth } from "./machine.js";
import { cable, eventually, redisServer, redisVersion } from "./server.js";

describe.skipIf(redisVersion === undefined)("machines over a real server", () => {
  it("answer with what another machine's purge has left, and pages that nothing names are hits", async () => {
    const server = await redisServer();
    const [a, b] = [machine(server.port), machine(server.port)];
    await joined(a, b);
    truth.version = 1;
    for (const each of [a, b]) expect(await each.get("/reports/7")).toBe("1");
    truth.version = 2;
    for (const each of [a, b]) expect(await each.get("/reports/7")).toBe("1");
    await a.cache.purgeTag("report:7");
    for (const each of [a, b]) expect(await each.get("/reports/7")).toBe("2");
    const { tier } = await a.cache.stats();
    expect(tier).toMatchObject({ state: "joined", machines: 2, behind: 0, unpublished: 0 });
  });

  it("goes on from the disk when the server is gone, with what is young, and delivers purges later", async () => {
    const server = await redisServer();
    const [a, b] = [
      machine(server.port, { whenCutOff: "stale", purge: { timeout: 1 } }),
      machine(server.port, { purge: { timeout: 1 } }),
    ];
    await joined(a, b);
    truth.version = 1;
    for (const each of [a, b]) await each.get("/reports/7");
    await server.kill();
    truth.version = 2;
    await expect(b.cache.purgeTag("report:7")).rejects.toMatchObject({ code: "ERR_DISKCACHE_PURGE" });
    await eventually(async () => (await a.cache.stats()).tier?.state === "cut-off");
    expect(a.errors.length + b.errors.length).toBeGreaterThan(0);
    await server.start();
    await joined(a, b);
    await eventually(async () => (await a.get("/reports/7")) === "2");
  });

  it("waits for a machine behind a black hole for a lease, and that one answers with nothing older", async () => {
    const server = await redisServer();
    const way = await cable(server.port);
    const [a, b] = [machine(server.port), machine(way.port)];
    await joined(a, b);
    truth.version = 1;
    for (const each of [a, b]) await each.get("/reports/7");
    way.blackHole();
    truth.version = 2;
    const from = performance.now();
    await a.cache.purgeTag("report:7");
    expect(performance.now() - from).toBeGreaterThan(LEASE * 900);
    for (const each of [a, b]) expect(await each.get("/reports/7")).toBe("2");
    way.mend();
    await joined(a, b);
    for (const each of [a, b]) expect(await each.get("/reports/7")).toBe("2");
  });

  it("waits for a machine that only a list that was lost had named", async () => {
    const server = await redisServer();
    const way = await cable(server.port);
    const [a, b] = [machine(server.port), machine(way.port)];
    const c = machine(server.port);
    await joined(a, b, c);
    await eventually(async () => (await steadyRun(server.port)) !== "");
    truth.version = 1;
    for (const each of [a, b]) await each.get("/reports/7");
    way.blackHole();
    await flush(server.port);
    await eventually(async () => (await listed(server.port)) === 2);
    truth.version = 2;
    await a.cache.purgeTag("report:7");
    for (const each of [a, b]) expect(await each.get("/reports/7")).toBe("2");
  });
});

/** How many machines are listed. */
const listed = (port: number): Promise<number> =>
  asked(
    port,
    async (redis) => Object.keys(await redis.hgetall(MACHINES)).filter((name) => /^[0-9a-f]{16}$/.test(name)).length,
  );

const flush = (port: number): Promise<string> => asked(port, (redis) => redis.flushall());
