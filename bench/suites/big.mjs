/** 100 MiB: one visitor, and eight at once. From disk, as against a server that has it in memory. */
import { connect } from "node:net";
import { fill } from "../fill.mjs";
import { cpuMicros, residentBytes } from "../process-cost.mjs";
import { digits, interleave, median } from "../rounds.mjs";
import { available, start } from "../servers.mjs";

const BODY_BYTES = 100 * 2 ** 20;
const SYSTEMS = ["bare", "diskcache", "diskcache in Express, our createServer", "nginx", "express.static"];
const SAMPLE_MS = 5;

export const title = "100 MiB from disk";
export const yardstick = "bare";

export async function run({ rounds, only }) {
  const systems = await Promise.all(
    available(only ?? SYSTEMS).map((name) => start(name, { bodyBytes: BODY_BYTES, memory: 0, files: 1 })),
  );
  for (const system of systems) await fill(system, 1);
  for (const { port } of systems) await download(port);
  const alone = await interleave(systems, rounds + 2, (system) => timed(system, 1));
  const together = await interleave(systems, rounds, (system) => timed(system, 8));
  const list = systems.map((system) => {
    const base = alone.get(systems[0]).map(({ ms }) => ms);
    return {
      system: system.name,
      ms: digits(median(alone.get(system).map(({ ms }) => ms)), 1),
      msRatio: digits(median(alone.get(system).map(({ ms }, round) => ms / base[round])), 2),
      cpuMs: digits(median(alone.get(system).map(({ cpuMs }) => cpuMs)), 1),
      eightMs: digits(median(together.get(system).map(({ ms }) => ms)), 1),
      eightCpuMs: digits(median(together.get(system).map(({ cpuMs }) => cpuMs)), 1),
      eightMoreMiB: digits(Math.max(...together.get(system).map(({ moreMiB }) => moreMiB)), 1),
    };
  });
  await Promise.all(systems.map((system) => system.stop()));
  return [{ case: "100 MiB", rows: list }];
}

async function timed({ port, pids: [pid] }, visitors) {
  const before = residentBytes(pid);
  let highest = before;
  const sampler = setInterval(() => (highest = Math.max(highest, residentBytes(pid))), SAMPLE_MS);
  const cpu = cpuMicros(pid);
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: visitors }, () => download(port)));
  const ms = performance.now() - startedMs;
  clearInterval(sampler);
  return { ms, cpuMs: (cpuMicros(pid) - cpu) / 1000, moreMiB: (highest - before) / 2 ** 20 };
}

// Throws the bytes away as cheaply as can be.
function download(port) {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const onread = { buffer: Buffer.allocUnsafe(262_144), callback: (count) => (bytes += count) > 0 };
    const socket = connect({ port, host: "127.0.0.1", onread });
    socket.write("GET /p-0 HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n");
    socket.on("error", reject).on("close", () => {
      if (bytes > BODY_BYTES) resolve();
      else reject(new Error(`${bytes} bytes came`));
    });
  });
}
