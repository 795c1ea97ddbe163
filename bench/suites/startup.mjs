/** From the start of a process to its first answer, a hit, over a directory with 20,000 pages and with 100,000; and the memory it takes then. */
import { mkdtempSync, rmSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fill } from "../fill.mjs";
import { residentBytes } from "../process-cost.mjs";
import { digits, median } from "../rounds.mjs";
import { start } from "../servers.mjs";

const COUNTS = [20_000, 100_000];

export const title = "From the start of a process to its first hit";
export const yardstick = "bare";

export async function run({ rounds }) {
  const dir = mkdtempSync(join(tmpdir(), "diskcache-bench-"));
  const config = { bodyBytes: 10_240, memory: "64mb", dir };
  const cases = [];
  for (const pages of COUNTS) {
    const filler = await start("diskcache", config);
    await fill(filler, pages);
    await filler.stop();
    cases.push({ case: `${pages.toLocaleString("en")} pages`, rows: await startOver(config, rounds * 2) });
  }
  rmSync(dir, { recursive: true });
  return cases;
}

async function startOver(config, rounds) {
  const taken = { bare: [], diskcache: [] };
  for (let round = 0; round < rounds; round++) {
    for (const [name, list] of Object.entries(taken)) list.push(await timed(name, config));
  }
  return Object.entries(taken).map(([system, each]) => {
    const middle = (figure) => digits(median(each.map(figure)), 1);
    return {
      system,
      untilListeningMs: middle(({ listeningMs }) => listeningMs),
      firstAnswerMs: middle(({ firstByteMs }) => firstByteMs),
      startToFirstByteMs: middle(({ listeningMs, firstByteMs }) => listeningMs + firstByteMs),
      residentMiB: Math.round(median(each.map(({ residentMiB }) => residentMiB))),
    };
  });
}

async function timed(name, config) {
  const startedMs = performance.now();
  const server = await start(name, config);
  const listeningMs = performance.now() - startedMs;
  const { cacheStatus, atMs } = await firstAnswer(server.port);
  const firstByteMs = atMs - startedMs - listeningMs;
  const residentMiB = residentBytes(server.pids[0]) / 2 ** 20;
  await server.stop();
  if (!cacheStatus.startsWith("diskcache; hit")) throw new Error(`${name} answered with ${cacheStatus}`);
  return { listeningMs, firstByteMs, residentMiB };
}

function firstAnswer(port) {
  return new Promise((resolve, reject) => {
    const headers = { host: "www.example.com" };
    get({ host: "127.0.0.1", port, path: "/p-7", headers }, (response) => {
      const answer = { cacheStatus: response.headers["cache-status"], atMs: performance.now() };
      response.resume().on("end", () => resolve(answer));
    }).on("error", reject);
  });
}
