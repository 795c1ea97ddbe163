/** A process of a machine in the chaos: answers pages that say the version of their tag, and purges when it is told to.
 * What is true stands in a file that all machines share, and the engine has no part in it. */
import { openSync, readSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { diskCache } from "@diskcache/http";
import { redisTier } from "@diskcache/redis";
import type { CutOff } from "@diskcache/core";

export interface WorkerOrder {
  readonly dir: string;
  readonly port: number;
  readonly client: "ioredis" | "redis";
  readonly truth: string;
  readonly leaseMs: number;
  readonly timeoutMs: number;
  readonly whenCutOff: CutOff;
}

/** Bytes of a version in the file. */
export const VERSION_BYTES = 4;

export function main(given: string): void {
  const { client, dir, leaseMs, port, timeoutMs, truth, whenCutOff } = JSON.parse(given) as WorkerOrder;
  const file = openSync(truth, "r");
  const bytes = Buffer.alloc(VERSION_BYTES);
  const versionOf = (tag: number): number => {
    readSync(file, bytes, 0, VERSION_BYTES, tag * VERSION_BYTES);
    return bytes.readUInt32LE();
  };
  const host = "127.0.0.1";
  const tier = redisTier({
    client:
      client === "redis" ? createClient({ socket: { host, port } }) : new Redis({ host, port, lazyConnect: true }),
    name: "chaos",
    lease: leaseMs / 1000,
    whenCutOff,
    purge: { timeout: timeoutMs / 1000 },
    // Longer than any fault lasts.
    absence: "8s",
  });
  const cache = diskCache({ dir, ttl: "1h", tier, audit: false });
  // That the engine does not answer, time and again.
  cache.on("error", () => undefined);

  const render = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const [, , tag = "", page = ""] = (req.url ?? "").split("/");
    // What is read before the purge is sent after it.
    const version = versionOf(Number(tag));
    if (page === "slow") await pause(Math.random() * 60);
    req.diskCache?.tag(`t${tag}`);
    res.end(String(version));
  };
  const purge = async (req: IncomingMessage, res: ServerResponse, tag: string): Promise<void> => {
    const purged = req.method === "DELETE" ? cache.purge({ prefix: `/pages/${tag}/` }) : cache.purgeTag(`t${tag}`);
    const status = await purged.then(
      () => 204,
      () => 503,
    );
    res.writeHead(status).end();
  };
  const stats = async (res: ServerResponse): Promise<void> => {
    res.end(JSON.stringify((await cache.stats()).tier));
  };
  const pages = cache((req, res) => void render(req, res));
  const server = createServer((req, res) => {
    const [, what, tag = ""] = (req.url ?? "").split("/");
    if (what === "pages") pages(req, res);
    else if (what === "purge") void purge(req, res, tag);
    else void stats(res);
  });
  server.listen(0, host, () => process.send!((server.address() as AddressInfo).port));
  process.on("message", () => {
    server.close();
    void cache.close().finally(() => process.exit());
  });
  process.on("disconnect", () => process.exit());
}
