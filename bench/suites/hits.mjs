/** One hot page, asked for again and again over 64 connections: 1, 10 and 100 KiB. */
import { measured, warmUp } from "../load.mjs";
import { compare } from "../rounds.mjs";
import { available, start } from "../servers.mjs";

const SYSTEMS = [
  "bare",
  "diskcache",
  "diskcache in front of Express",
  "diskcache in front of Koa",
  "nginx",
  "nginx, open_file_cache",
  "Varnish",
  "Koa, res.end",
  "diskcache in Koa",
  "diskcache in Koa, behind middleware",
  "koa-cash, lru-cache",
  "Express, res.end, our createServer",
  "diskcache in Express, our createServer",
  "Express, res.end",
  "diskcache in Express",
  "apicache",
  "route-cache",
  "ioredis in Express",
];

export const title = "Hits: one hot page, from memory";
export const yardstick = "bare";

export async function run({ rounds, seconds, only }) {
  const cases = [];
  for (const kibibytes of [1, 10, 100]) {
    const config = { bodyBytes: kibibytes * 1024, memory: "64mb" };
    const systems = await Promise.all(available(only ?? SYSTEMS).map((name) => start(name, config)));
    // Fills the caches, and has the engine compile what is hot.
    for (const system of systems) await warmUp(system, ["one"]);
    const list = await compare(systems, yardstick, rounds, (system) => measured(system, ["one"], seconds));
    cases.push({ case: `${kibibytes} KiB`, rows: list });
    await Promise.all(systems.map((system) => system.stop()));
  }
  return cases;
}
