/** Processes that share a directory, and visitors for them. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const WORKER = fileURLToPath(new URL("worker.mjs", import.meta.url));
const WHOLE = 10_240;

export async function openSite(processes, renderMs) {
  const dir = mkdtempSync(join(tmpdir(), "diskcache-stampede-"));
  const renders = new Map();
  const workers = await Promise.all(
    Array.from({ length: processes }, async () => {
      const child = fork(WORKER, [dir, String(renderMs)]);
      const [{ port }] = await once(child, "message");
      child.on("message", ({ rendered }) => renders.set(rendered, (renders.get(rendered) ?? 0) + 1));
      return { child, port };
    }),
  );
  return {
    workers,
    rendersOf: (url) => renders.get(url) ?? 0,
    async close() {
      await Promise.all(
        workers.map(async ({ child }) => {
          if (child.exitCode !== null || child.signalCode !== null) return;
          const exited = once(child, "exit");
          child.kill("SIGKILL");
          await exited;
        }),
      );
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Milliseconds until the whole page has come. Rejects when it does not come whole. */
export function visit(port, path, agent) {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    // The same host everywhere, as behind one proxy: pages of different hosts are different pages.
    const headers = { host: "www.example.com" };
    const request = get({ host: "127.0.0.1", port, path, agent, headers }, (response) => {
      let bytes = 0;
      response.on("data", (chunk) => (bytes += chunk.length));
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode === 200 && bytes === WHOLE) resolve(performance.now() - startedMs);
        else reject(new Error(`${response.statusCode} with ${bytes} bytes`));
      });
    });
    request.on("error", reject);
  });
}

/** As many visitors at the same time, spread over the processes; each with a connection that is open already. Milliseconds until the last has his page. */
export async function stampede({ workers }, path, visitors, agent) {
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: visitors }, (_, n) => visit(workers[n % workers.length].port, path, agent)));
  return performance.now() - startedMs;
}

export function keepAlive() {
  return new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: Infinity });
}

export function quantile(values, part) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}

export function median(values) {
  return quantile(values, 0.5);
}
