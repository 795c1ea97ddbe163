/** Two machines in one process, and a Redis of their own, which is stopped and started before your eyes. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { machine } from "./machine.js";
import type { Machine } from "./machine.js";

const PORT = Number(process.env["REDIS_PORT"] ?? 6399);
const LEASE_MS = 2_000;

async function startRedis(): Promise<ChildProcess> {
  const redis = spawn("redis-server", ["--port", String(PORT), "--save", ""], { stdio: "ignore" });
  await Promise.race([once(redis, "spawn"), once(redis, "error").then(([error]) => Promise.reject(error as Error))]);
  return redis;
}

async function stop(redis: ChildProcess): Promise<void> {
  redis.kill("SIGKILL");
  await once(redis, "exit");
}

/** Asks both for the same page of the same shop, as a load balancer would. */
async function ask(machines: readonly Machine[]): Promise<void> {
  for (const { url } of machines) {
    const asking = request(`${url}/prices`, { headers: { Host: "shop.example" } }).end();
    const [response] = (await once(asking, "response")) as [IncomingMessage];
    const [, result = ""] = String(response.headers["cache-status"]).split("; ");
    console.log(`  ${url}/prices  ${result.padEnd(15)}${Buffer.concat(await response.toArray()).toString()}`);
  }
}

async function purge({ url }: Machine): Promise<void> {
  const started = performance.now();
  const response = await fetch(`${url}/purge`, { method: "POST" });
  console.log(`  ${response.status} after ${Math.round(performance.now() - started)} ms: ${await response.text()}`);
}

async function contact(machines: readonly Machine[], within: (ageMs: number) => boolean): Promise<void> {
  for (const { contactAgeMs } of machines) while (!within(await contactAgeMs())) await pause(20);
}

let redis: ChildProcess;
try {
  redis = await startRedis();
} catch {
  console.log("This example needs redis-server on the path (Debian: apt install redis-server).");
  process.exit(0);
}
const dirs = [mkdtempSync(join(tmpdir(), "machine-a-")), mkdtempSync(join(tmpdir(), "machine-b-"))] as const;
const machines = [await machine("a", dirs[0], PORT), await machine("b", dirs[1], PORT)] as const;
const [first] = machines;

console.log("\nTwo machines find each other.");
await contact(machines, (age) => age < LEASE_MS);
await pause(LEASE_MS * 1.5);

console.log("\nMachine a renders the page. Machine b finds it, and has it then on its own disk.");
await ask(machines);
await ask(machines);

console.log("\nA purge on machine a:");
await purge(first);
await ask(machines);
await ask(machines);

console.log("\nRedis is killed. Hits go on, with what is young; a purge counts here and is delivered later.");
await stop(redis);
await ask(machines);
await purge(first);
await contact(machines, (age) => age > LEASE_MS);
await ask(machines);

console.log("\nRedis is back, and has forgotten everything. The purge is delivered, and the machines have contact.");
redis = await startRedis();
await contact(machines, (age) => age < LEASE_MS);
await pause(LEASE_MS);
await ask(machines);
await ask(machines);
await purge(first);

for (const { close } of machines) await close();
await stop(redis);
for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
