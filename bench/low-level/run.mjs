/**
 * The low-level cache beside Redis over loopback, in one run: `npm run low-level` in bench/, on the built packages. Rounds are interleaved, and what is
 * shown is their median. Redis is started here when redis-server is installed, on a port of its own and without a disk; without it that column is left out.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileCache } from "@diskcache/core";
import { Redis } from "ioredis";

const ROUNDS = 5;
const KEYS = Number(process.env["KEYS"] ?? 50_000);
const PORT = 6399;
const value = { id: 123, name: "Ada Lovelace", roles: ["admin", "editor"], text: "x".repeat(200) };
const text = JSON.stringify(value);
// Every round asks for other keys, spread over all.
let next = 0;
const key = () => `user_${(next = (next + 7919) % KEYS)}`;

const dir = mkdtempSync(join(tmpdir(), "diskcache-bench-"));
const disk = new FileCache({ dir: join(dir, "disk"), ttl: null });
const memory = new FileCache({ dir: join(dir, "memory"), ttl: null, memory: "64mb" });
const server = await startRedis();

await disk.setMany(new Map(Array.from({ length: KEYS }, (_, n) => [`user_${n}`, value])));
await memory.setMany(new Map(Array.from({ length: 1000 }, (_, n) => [`user_${n}`, value])));
const fill = server === undefined ? 0 : KEYS;
for (let n = 0; n < fill; n += 1000) {
  const pipeline = server.client.pipeline();
  for (let m = n; m < n + 1000; m++) pipeline.set(`user_${m}`, text);
  await pipeline.exec();
}

/** @type {[name: string, count: number, task: () => Promise<unknown>, each?: number][]} */
const tasks = [
  ["get, memory", 20_000, () => memory.get(`user_${(next = (next + 7) % 1000)}`)],
  ["get, disk", 5_000, () => disk.get(key())],
  ["set, one after the other", 500, () => disk.set(key(), value)],
  ["set, 64 at a time", 20, () => Promise.all(Array.from({ length: 64 }, () => disk.set(key(), value))), 64],
  ["incr", 300, () => disk.incr("n")],
  ...(server === undefined
    ? []
    : [
        ["redis GET", 5_000, async () => JSON.parse(await server.client.get(key()))],
        ["redis SET", 5_000, () => server.client.set(key(), JSON.stringify(value))],
      ]),
];
await disk.set("n", 0);
const rates = new Map(tasks.map(([name]) => [name, []]));
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, count, task, each = 1] of tasks) {
    const startedMs = performance.now();
    for (let n = 0; n < count; n++) await task();
    // The first round only warms up.
    if (round > 0) rates.get(name).push((count * each * 1000) / (performance.now() - startedMs));
  }
}

const median = (name) => rates.get(name)?.sort((a, b) => a - b)[ROUNDS >> 1];
const redisGet = median("redis GET");
console.log(`${KEYS} keys, ${text.length} bytes each, node ${process.version}, medians of ${ROUNDS} rounds\n`);
console.log("| | a second | each | beside redis GET |\n| --- | --- | --- | --- |");
for (const [name] of tasks) {
  const rate = median(name);
  const ratio = redisGet === undefined ? "" : `${(rate / redisGet).toFixed(2)} ×`;
  console.log(`| ${name} | ${Math.round(rate)} | ${(1e6 / rate).toFixed(1)} µs | ${ratio} |`);
}

await Promise.all([disk.close(), memory.close()]);
await server?.stop();
rmSync(dir, { recursive: true });

async function startRedis() {
  if (spawnSync("redis-server", ["--version"]).error !== undefined) return undefined;
  const child = spawn("redis-server", ["--port", String(PORT), "--save", "", "--appendonly", "no"]);
  const client = new Redis({ port: PORT, retryStrategy: () => 50 });
  client.on("error", () => {
    // Not up yet.
  });
  await client.ping();
  return {
    client,
    async stop() {
      client.disconnect();
      child.kill();
      await once(child, "exit");
    },
  };
}
