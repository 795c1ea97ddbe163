/** Redis on more than one server: a cluster of six, and Sentinel. */
import { spawnSync } from "node:child_process";
import { onTestFinished } from "vitest";
import { preparedSentinel } from "./processes.js";
import type { RedisServer } from "./processes.js";
import { asked } from "./machine.js";
import { eventually, redisServer } from "./server.js";

/** How long a server has to be silent to be taken for dead. */
const SILENT_MS = 1_000;
export const MASTER = "shop";

export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  /** Kills the master that has this key. */
  killMasterOf(key: string): Promise<void>;
}

/** Three masters with a replica each. */
export async function redisCluster(...given: string[]): Promise<RedisCluster> {
  const settings = [...given, "--cluster-enabled", "yes", "--cluster-node-timeout", String(SILENT_MS)];
  const nodes = await Promise.all(
    Array.from({ length: 6 }, () => redisServer(...settings, "--repl-diskless-sync-delay", "0")),
  );
  const [first] = nodes as [RedisServer, ...RedisServer[]];
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  cli("--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes");
  // Every node knows every other one, and the copies are there.
  await eventually(async () => {
    for (const { port } of nodes) {
      const [info, known] = await asked(port, async (redis) => [await redis.cluster("INFO"), await nodesOf(port)]);
      if (!info.includes("cluster_state:ok") || known.filter(({ isMaster }) => !isMaster).length !== 3) return false;
      if (!(await asked(port, (redis) => redis.info("replication"))).match(/role:master|master_link_status:up/))
        return false;
    }
    return true;
  }, 60_000);
  return {
    nodes,
    killMasterOf: async (key) => {
      const slot = await asked(first.port, (redis) => redis.cluster("KEYSLOT", key));
      const master = (await nodesOf(first.port)).find(({ isMaster, has }) => isMaster && has(slot));
      await nodes.find(({ port }) => port === master?.port)!.kill();
    },
  };
}

interface NodeOfCluster {
  readonly port: number;
  readonly isMaster: boolean;
  has(slot: number): boolean;
}

async function nodesOf(port: number): Promise<readonly NodeOfCluster[]> {
  const lines = (await asked(port, (redis) => redis.call("CLUSTER", "NODES"))) as string;
  return lines
    .trim()
    .split("\n")
    .map((line) => {
      const [, address = "", flags = "", , , , , , ...ranges] = line.split(" ");
      return {
        port: Number(/:(\d+)@/.exec(address)?.[1]),
        isMaster: flags.includes("master"),
        has: (slot) =>
          ranges.some((range) => {
            const [from, to = from] = range.split("-").map(Number) as [number, number?];
            return slot >= from && slot <= to;
          }),
      };
    });
}

export interface Guarded {
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
}

/** A master with a replica, and three Sentinels, of which two have to agree. */
export async function guarded(): Promise<Guarded> {
  const master = await redisServer("--repl-diskless-sync-delay", "0");
  const replica = await replicaOf(master);
  const sentinels = await Promise.all(Array.from({ length: 3 }, () => sentinelOf(master.port)));
  await eventually(async () => {
    for (const { port } of sentinels) {
      const known = await asked(port, (redis) => redis.call("SENTINEL", "MASTER", MASTER));
      const state = textsOf(known);
      const value = (name: string): string | undefined => state[state.indexOf(name) + 1];
      if (value("num-other-sentinels") !== "2" || value("num-slaves") !== "1") return false;
    }
    return true;
  }, 60_000);
  return { master, replica, sentinels };
}

// A list in RESP2, an object in RESP3.
function textsOf(answer: unknown): string[] {
  return (Array.isArray(answer) ? answer : Object.entries(answer as object).flat()).map(String);
}

/** A copy that has everything. */
export async function replicaOf(master: RedisServer): Promise<RedisServer> {
  const replica = await redisServer("--replicaof", "127.0.0.1", String(master.port), "--repl-diskless-sync-delay", "0");
  await eventually(async () =>
    (await asked(replica.port, (redis) => redis.info("replication"))).includes("master_link_status:up"),
  );
  return replica;
}

async function sentinelOf(port: number): Promise<{ readonly host: string; readonly port: number }> {
  const sentinel = await preparedSentinel(
    `sentinel monitor ${MASTER} 127.0.0.1 ${port} 2`,
    `sentinel down-after-milliseconds ${MASTER} ${SILENT_MS}`,
    `sentinel failover-timeout ${MASTER} 10000`,
  );
  onTestFinished(() => sentinel.end());
  await sentinel.start();
  return { host: "127.0.0.1", port: sentinel.port };
}

function cli(...args: readonly string[]): void {
  const { status, stderr, stdout } = spawnSync("redis-cli", args, { encoding: "utf8", timeout: 60_000 });
  if (status !== 0) throw new Error(`redis-cli ${args.join(" ")}: ${stdout}${stderr}`);
}
