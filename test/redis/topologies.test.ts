import { Cluster, Redis } from "ioredis";
import { createCluster, createSentinel } from "redis";
import { describe, expect, it } from "vitest";
import { redisRights } from "@diskcache/redis";
import type { RedisClient } from "@diskcache/redis";
import { bothHave, joined, LOG, machine, truth } from "./machine.js";
import type { Machine } from "./machine.js";
import { redisVersion } from "./server.js";
import { guarded, MASTER, redisCluster } from "./topologies.js";

const PAGE = "/reports/7";
/** An election takes some seconds. */
const PATIENT = { purge: { timeout: "50s" } } as const;
const USER = { username: "diskcache", password: "secret" } as const;
const host = "127.0.0.1";

const machines = (one: RedisClient, other: RedisClient): [Machine, Machine] => [
  machine(one, PATIENT),
  machine(other, PATIENT),
];

/** What machines answer with after a purge of one of them; it is to be the truth. */
async function purged(from: Machine, ...everywhere: readonly Machine[]): Promise<readonly boolean[]> {
  await bothHave(PAGE, ...everywhere);
  await from.cache.purgeTag("report:7");
  const answers = await Promise.all(everywhere.map((each) => each.get(PAGE)));
  return answers.map((answer) => answer === String(truth.version));
}

describe.skipIf(redisVersion === undefined)("machines over a cluster", () => {
  it("share purges, also when the master of the chain is killed", async () => {
    const rights = [...redisRights("shop"), "+cluster|slots", "+cluster|info"];
    const cluster = await redisCluster("--user", USER.username, "on", `>${USER.password}`, ...rights);
    const [a, b] = machines(
      new Cluster(
        cluster.nodes.map(({ port }) => ({ host, port })),
        { lazyConnect: true, redisOptions: USER },
      ),
      createCluster({ rootNodes: cluster.nodes.map(({ port }) => ({ socket: { host, port } })), defaults: USER }),
    );
    await joined(a, b);
    expect(await purged(a, a, b)).toEqual([true, true]);
    await cluster.killMasterOf(LOG);
    expect(await purged(b, a, b)).toEqual([true, true]);
    await joined(a, b);
    expect(await purged(a, a, b)).toEqual([true, true]);
  });
});

describe.skipIf(redisVersion === undefined)("machines over Sentinel", () => {
  it("share purges, also when the master is killed", async () => {
    const { master, sentinels } = await guarded();
    const [a, b] = machines(
      new Redis({ sentinels: [...sentinels], name: MASTER, lazyConnect: true }),
      createSentinel({ name: MASTER, sentinelRootNodes: [...sentinels] }),
    );
    await joined(a, b);
    expect(await purged(a, a, b)).toEqual([true, true]);
    await master.kill();
    expect(await purged(b, a, b)).toEqual([true, true]);
    await joined(a, b);
    expect(await purged(a, a, b)).toEqual([true, true]);
  });
});
