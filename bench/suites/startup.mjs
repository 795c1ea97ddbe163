/** From the start of a process to its first answer, a hit, over a directory with 20,000 pages; and the memory it takes then. */
import { mkdtempSync, rmSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fill } from "../fill.mjs";
import { residentBytes } from "../process-cost.mjs";
import { digits, median } from "../rounds.mjs";
import { start } from "../servers.mjs";

const PAGES = 20_000;

export const title = "Start over 20,000 pages";
export const yardstick = "bare";

export async function run({ rounds }) {
  const dir = mkdtempSync(join(tmpdir(), "diskcache-bench-"));
  const config = { bodyBytes: 10_240, memory: "64mb", dir };
  const filler = await start("diskcache", config);
  await fill(filler, PAGES);
  await filler.stop();
  const taken = { bare: [], diskcache: [] };
  for (let round = 0; round < rounds * 2; round++) {
    for (const [name, list] of Object.entries(taken)) list.push(await timed(name, config));
  }
  rmSync(dir, { recursive: true });
  const list = Object.entries(taken).map(([system, each]) => ({
    system,
    untilListeningMs: digits(median(each.map(({ listeningMs }) => listeningMs)), 1),
    firstAnswerMs: digits(median(each.map(({ answerMs }) => answerMs)), 1),
    residentMiB: Math.round(median(each.map(({ residentMiB }) => residentMiB))),
  }));
  return [{ case: "20,000 pages", rows: list }];
}

async function timed(name, config) {
  const startedMs = performance.now();
  const server = await start(name, config);
  const listeningMs = performance.now() - startedMs;
  const cacheStatus = await firstAnswer(server.port);
  const answerMs = performance.now() - startedMs - listeningMs;
  const residentMiB = residentBytes(server.pids[0]) / 2 ** 20;
  await server.stop();
  if (!cacheStatus.startsWith("diskcache; hit")) throw new Error(`${name} answered with ${cacheStatus}`);
  return { listeningMs, answerMs, residentMiB };
}

function firstAnswer(port) {
  return new Promise((resolve, reject) => {
    const headers = { host: "www.example.com" };
    get({ host: "127.0.0.1", port, path: "/p-7", headers }, (response) => {
      response.resume().on("end", () => resolve(response.headers["cache-status"]));
    }).on("error", reject);
  });
}
