/** Servers whose memory is used up, under each policy that an operator may have set. */
import { describe, expect, it, vi } from "vitest";
import { asked, bothHave, joined, LEASE, LOG, machine, truth } from "./machine.js";
import { cable, eventually, redisServer, redisVersion } from "./server.js";

const PAGE = "/reports/7";
const MEMORY = String(2 * 1024 * 1024);

/** Others have written more than the server may hold from now on. */
async function fill(port: number): Promise<void> {
  await asked(port, async (redis) => {
    for (let count = 0; count < 400; count++) await redis.set(`other:${count}`, "x".repeat(10_000), "EX", 1_000);
    await redis.config("SET", "maxmemory", MEMORY);
  });
}

async function twoMachines(policy: string) {
  const server = await redisServer("--maxmemory-policy", policy);
  const [a, b] = [machine(server.port), machine(server.port)];
  await joined(a, b);
  return { server, a, b };
}

describe.skipIf(redisVersion === undefined)("machines over a server whose memory is used up", () => {
  it.each(["noeviction", "volatile-lfu"])("purge under %s, and keep what nothing names", async (policy) => {
    const warned = vi.spyOn(process, "emitWarning").mockReturnValue();
    const { server, a, b } = await twoMachines(policy);
    await fill(server.port);
    await bothHave(PAGE, a, b);
    for (const each of [a, b]) await each.get("/reports/8");
    const before = truth.version++;
    await a.cache.purgeTag("report:7");
    for (const each of [a, b]) expect(await each.get(PAGE)).toBe(String(truth.version));
    for (const each of [a, b]) expect(await each.get("/reports/8")).toBe(String(before));
    // Also those that it has to be told time and again.
    const from = performance.now();
    await eventually(() => performance.now() - from > 1.5 * LEASE * 1000);
    for (const { cache } of [a, b]) expect((await cache.stats()).tier?.state).toBe("joined");
    const refused = await asked(server.port, (redis) => redis.set("other", "x").catch(String));
    expect(refused).toMatch(policy === "noeviction" ? /OOM/ : /^OK$/);
    expect(warned).not.toHaveBeenCalled();
  });

  it("are told of a policy that may evict purges", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockReturnValue();
    const { server, a, b } = await twoMachines("allkeys-lru");
    await fill(server.port);
    await bothHave(PAGE, a, b);
    await a.cache.purgeTag("report:7");
    for (const each of [a, b]) expect(await each.get(PAGE)).toBe(String(truth.version));
    const once = expect.objectContaining({ code: "DISKCACHE_REDIS_POLICY" });
    await eventually(() => warned.mock.calls.length === 2);
    await a.cache.purgeTag("report:7");
    expect(warned.mock.calls.map(([, details]) => details)).toEqual([once, once]);
  });

  it("bring back what was evicted of the purges, for a machine that was away", async () => {
    const server = await redisServer();
    const way = await cable(server.port);
    const [a, b] = [machine(server.port), machine(way.port)];
    await joined(a, b);
    await bothHave(PAGE, a, b);
    way.blackHole();
    await a.cache.purgeTag("report:7");
    await asked(server.port, (redis) => redis.unlink(LOG));
    await eventually(() => asked(server.port, async (redis) => (await redis.exists(LOG)) === 1));
    way.mend();
    await joined(a, b);
    for (const each of [a, b]) expect(await each.get(PAGE)).toBe(String(truth.version));
  });
});
