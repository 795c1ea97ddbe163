/** 10,000 pages of 10 KiB in random order, no memory tier: every hit is read from disk by those that keep files. */
import { fill } from "../fill.mjs";
import { measured, warmUp } from "../load.mjs";
import { readAll } from "../page-cache.mjs";
import { compare } from "../rounds.mjs";
import { available, start } from "../servers.mjs";

const PAGES = 10_000;
const SYSTEMS = [
  "bare",
  "bare, reading a file",
  "diskcache",
  "diskcache in front of Express",
  "nginx",
  "nginx, open_file_cache",
  "Varnish",
  "diskcache in Koa",
  "diskcache in Express, our createServer",
  "diskcache in Express",
  "ioredis in Express",
  "apicache",
  "express.static",
  "keyv-file",
  "cache-manager-fs-hash",
  "cacache",
];

export const title = "Hits: 10,000 pages at random, from disk";
export const yardstick = "bare";

export async function run({ rounds, seconds, only }) {
  const config = { bodyBytes: 10_240, memory: 0, files: PAGES };
  const systems = await Promise.all(available(only ?? SYSTEMS).map((name) => start(name, config)));
  for (const system of systems) await fill(system, PAGES);
  for (const system of systems) await warmUp(system, ["random", PAGES]);
  const list = await compare(systems, yardstick, rounds, (system) => {
    readAll(system.dir);
    return measured(system, ["random", PAGES], seconds);
  });
  await Promise.all(systems.map((system) => system.stop()));
  return [{ case: "10 KiB", rows: list }];
}
