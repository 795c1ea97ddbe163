/** A machine for tests: an application of Express with its cache in a directory of its own, over a real server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import { Redis } from "ioredis";
import request from "supertest";
import { diskCache } from "@diskcache/express";
import type { ExpressDiskCache } from "@diskcache/express";
import { redisTier } from "@diskcache/redis";
import type { RedisClient, RedisTierOptions } from "@diskcache/redis";
import { onTestFinished } from "vitest";
import { eventually } from "./server.js";

/** Seconds. */
export const LEASE = 1;

export interface Machine {
  readonly cache: ExpressDiskCache;
  readonly dir: string;
  readonly errors: unknown[];
  get(path: string): Promise<string>;
}

export interface MachineOptions extends Partial<RedisTierOptions> {
  readonly dir?: string;
  readonly secret?: string;
  readonly encrypt?: boolean;
}

/** What the pages say; handlers read it when they render. */
export const truth = { version: 0 };

/** @param to the port of a server, for ioredis, or a client */
export function machine(to: number | RedisClient, given: MachineOptions = {}): Machine {
  const { dir = temporary(), encrypt, secret, ...settings } = given;
  const client = typeof to === "number" ? new Redis({ port: to, protocol: 3, lazyConnect: true }) : to;
  const tier = redisTier({ client, name: "shop", lease: LEASE, ...settings });
  const sealed = { ...(secret !== undefined && { secret }), ...(encrypt !== undefined && { encrypt }) };
  const cache = diskCache({ dir, ttl: "1h", tier, audit: false, ...sealed });
  const errors: unknown[] = [];
  cache.on("error", (error) => errors.push(error));
  const app = express().use(cache);
  app.get("/reports/:id", (req, res) => {
    req.diskCache?.tag(`report:${req.params.id}`);
    res.send(String(truth.version));
  });
  onTestFinished(() => cache.close());
  return { cache, dir, errors, get: async (path) => (await request(app).get(path).set("Host", "shop.test")).text };
}

export function temporary(): string {
  const dir = mkdtempSync(join(tmpdir(), "diskcache-machine-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export const joined = (...machines: readonly Pick<Machine, "cache">[]): Promise<void> =>
  eventually(async () => {
    for (const { cache } of machines) if ((await cache.stats()).tier?.state !== "joined") return false;
    return true;
  }, 30_000);

/** Both have the page of one version, and the next one is true. */
export async function bothHave(path: string, ...machines: readonly Machine[]): Promise<void> {
  truth.version++;
  for (const each of machines) await each.get(path);
  truth.version++;
}

/** Asks the server itself, beside all machines. */
export async function asked<Answer>(port: number, ask: (redis: Redis) => Promise<Answer>): Promise<Answer> {
  const redis = new Redis({ port });
  try {
    return await ask(redis);
  } finally {
    redis.disconnect();
  }
}

export const MACHINES = "diskcache:{shop}:machines";
export const LOG = "diskcache:{shop}:log";

/** Which run the machines call steady. */
export const steadyRun = (port: number): Promise<string> =>
  asked(port, async (redis) => (await redis.hget(MACHINES, "steady")) ?? "");
