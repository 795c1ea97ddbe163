import { FileCache } from "@diskcache/express";
import { redisTier } from "@diskcache/redis";
import { describe, expect, it, onTestFinished } from "vitest";
import { CLIENTS } from "./clients.js";
import { asked, joined, LEASE, machine, MACHINES, steadyRun, temporary, truth } from "./machine.js";
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

  it("purge the tags of values, too, and leave the others where they are", async () => {
    const server = await redisServer();
    const [a, b] = [0, 1].map(() => {
      const client = CLIENTS.find(({ name }) => name === "ioredis, RESP3")!.make(server.port);
      const values = new FileCache({ dir: temporary(), tier: redisTier({ client, name: "values", lease: LEASE }) });
      onTestFinished(() => values.close());
      return values;
    }) as [FileCache, FileCache];
    await eventually(async () => {
      for (const values of [a, b]) await values.set("probe", 1);
      return (await a.get("probe")) === 1 && (await b.get("probe")) === 1;
    });
    for (const values of [a, b]) {
      await values.set("report", "old", { tags: ["reports"] });
      await values.set("other", "kept");
    }
    await a.purgeTag("reports");
    expect(await b.get("report")).toBeUndefined();
    expect([await a.get("other"), await b.get("other")]).toEqual(["kept", "kept"]);
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
