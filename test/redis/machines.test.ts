import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import { Redis } from "ioredis";
import request from "supertest";
import { diskCache, FileCache } from "@diskcache/express";
import type { ExpressDiskCache } from "@diskcache/express";
import { redisTier } from "@diskcache/redis";
import type { RedisTierOptions } from "@diskcache/redis";
import { describe, expect, it, onTestFinished } from "vitest";
import { CLIENTS } from "./clients.js";
import { cable, eventually, redisServer, redisVersion } from "./server.js";

const LEASE = 1;

interface Machine {
  readonly cache: ExpressDiskCache;
  readonly dir: string;
  readonly errors: unknown[];
  get(path: string): Promise<string>;
}

/** What the pages say; the handlers read it when they render. */
let version = 0;

function machine(port: number, given: Partial<RedisTierOptions> = {}, dir = temporary()): Machine {
  const client = CLIENTS.find(({ name }) => name === "ioredis, RESP3")!.make(port);
  const tier = redisTier({ client, name: "shop", lease: LEASE, ...given });
  const cache = diskCache({ dir, ttl: "1h", tier, audit: false });
  const errors: unknown[] = [];
  cache.on("error", (error) => errors.push(error));
  const app = express().use(cache);
  app.get("/reports/:id", (req, res) => {
    req.diskCache?.tag(`report:${req.params.id}`);
    res.send(String(version));
  });
  app.post("/reports/:id", (_req, res) => void res.sendStatus(204));
  onTestFinished(() => cache.close());
  return { cache, dir, errors, get: async (path) => (await request(app).get(path).set("Host", "shop.test")).text };
}

function temporary(): string {
  const dir = mkdtempSync(join(tmpdir(), "diskcache-machine-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const joined = (...machines: readonly Machine[]): Promise<void> =>
  eventually(async () => {
    for (const { cache } of machines) if ((await cache.stats()).tier?.state !== "joined") return false;
    return true;
  });

describe.skipIf(redisVersion === undefined)("machines over a real server", () => {
  it("answer with what another machine's purge has left, and pages that nothing names are hits", async () => {
    const server = await redisServer();
    const [a, b] = [machine(server.port), machine(server.port)];
    await joined(a, b);
    version = 1;
    for (const each of [a, b]) expect(await each.get("/reports/7")).toBe("1");
    version = 2;
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
    version = 1;
    for (const each of [a, b]) await each.get("/reports/7");
    await server.kill();
    version = 2;
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
    version = 1;
    for (const each of [a, b]) await each.get("/reports/7");
    way.blackHole();
    version = 2;
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
    version = 1;
    for (const each of [a, b]) await each.get("/reports/7");
    way.blackHole();
    await flush(server.port);
    await eventually(async () => (await listed(server.port)) === 2);
    version = 2;
    await a.cache.purgeTag("report:7");
    for (const each of [a, b]) expect(await each.get("/reports/7")).toBe("2");
  });
});

/** Which run the machines call steady. */
const steadyRun = (port: number): Promise<string> =>
  asked(port, async (redis) => (await redis.hget(MACHINES, "steady")) ?? "");

/** How many machines are listed. */
const listed = (port: number): Promise<number> =>
  asked(
    port,
    async (redis) => Object.keys(await redis.hgetall(MACHINES)).filter((name) => /^[0-9a-f]{16}$/.test(name)).length,
  );

const flush = (port: number): Promise<string> => asked(port, (redis) => redis.flushall());

const MACHINES = "diskcache:{shop}:machines";

async function asked<Answer>(port: number, ask: (redis: Redis) => Promise<Answer>): Promise<Answer> {
  const redis = new Redis({ port });
  try {
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}
