/** How soon a process notices that a symbolic link is gone, by looking and by watching its directory, and what that costs: `node stampede/watch.mjs [--waits 100]`. The two take turns. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readlinkSync, rmSync, symlinkSync, unlinkSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median, quantile } from "./site.mjs";

const [FIRST_PAUSE_MS, LAST_PAUSE_MS] = [2, 16];
const [, , dirOfWaiter, wayOfWaiter] = process.argv;

if (process.send !== undefined) waitFor(dirOfWaiter, wayOfWaiter);
else {
  const { values } = parseArgs({ options: { waits: { type: "string", default: "100" } } });
  for (const others of [0, 10]) {
    for (const way of ["looking", "watching", "looking", "watching"]) await measure(way, others, Number(values.waits));
  }
}

/** @param others links that come and go every 5 ms meanwhile */
async function measure(way, others, waits) {
  const dir = mkdtempSync(join(tmpdir(), "diskcache-watch-"));
  const waiter = fork(fileURLToPath(import.meta.url), [dir, way]);
  await once(waiter, "message");
  const [latencies, costs] = [[], []];
  for (let n = 0; n < waits; n++) {
    const link = join(dir, `lock-${n}`);
    symlinkSync("nowhere", link);
    waiter.send({ name: `lock-${n}` });
    for (let turn = 0; turn < 12 + (n % 8); turn++) {
      await after(5);
      for (let other = 0; other < others; other++) {
        symlinkSync("nowhere", join(dir, "other"));
        unlinkSync(join(dir, "other"));
      }
    }
    const noticed = once(waiter, "message");
    const goneMs = nowMs();
    unlinkSync(link);
    const [{ noticedMs, cost }] = await noticed;
    latencies.push(noticedMs - goneMs);
    costs.push(cost);
  }
  console.log(
    `${way}, ${others * 200} other links a second: median ${median(latencies).toFixed(2)} ms, p95 ${quantile(latencies, 0.95).toFixed(2)} ms, ${(median(costs) / 1000).toFixed(2)} ms of processor time`,
  );
  waiter.kill();
  rmSync(dir, { recursive: true });
}

function waitFor(dir, way) {
  process.on("message", ({ name }) => {
    const startedCost = process.cpuUsage();
    void (way === "watching" ? watched(dir, name) : looked(dir, name)).then(() => {
      const { user, system } = process.cpuUsage(startedCost);
      process.send({ noticedMs: nowMs(), cost: user + system });
    });
  });
  process.send({});
}

async function looked(dir, name) {
  for (let pauseMs = FIRST_PAUSE_MS; !isGone(dir, name); pauseMs *= 2) await after(Math.min(pauseMs, LAST_PAUSE_MS));
}

function watched(dir, name) {
  return new Promise((resolve) => {
    const watcher = watch(dir, { persistent: false }, (_event, changed) => {
      if (changed === name && isGone(dir, name)) over();
    });
    const over = () => {
      watcher.close();
      resolve();
    };
    if (isGone(dir, name)) over();
  });
}

function isGone(dir, name) {
  try {
    readlinkSync(join(dir, name));
    return false;
  } catch {
    return true;
  }
}

// The same clock in both processes.
function nowMs() {
  return Number(process.hrtime.bigint()) / 1e6;
}
