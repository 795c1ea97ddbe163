/** Every page asked for once, 10 KiB, by a handler of no cost: what keeping a page costs, and what the visitor waits for its first byte. */
import { firstByteMicros } from "../first-byte.mjs";
import { measuredToTheEnd, warmUp } from "../load.mjs";
import { compare, digits, interleave, median } from "../rounds.mjs";
import { available, start } from "../servers.mjs";

const SYSTEMS = [
  "uncached",
  "diskcache",
  "nginx",
  "Varnish",
  "keyv-file",
  "cache-manager-fs-hash",
  "cacache",
  "Koa, res.end",
  "diskcache in Koa",
  "koa-cash, lru-cache",
  "Express, res.end",
  "diskcache in Express",
  "diskcache in Express, our createServer",
  "ioredis in Express",
  "apicache",
];

export const title = "Misses: every page once, each of them stored";
export const yardstick = "uncached";

export async function run({ rounds, seconds, only }) {
  const config = { bodyBytes: 10_240, memory: "64mb" };
  const systems = await Promise.all(available(only ?? SYSTEMS).map((name) => start(name, config)));
  for (const system of systems) await warmUp(system, ["unique", "warm-up"]);
  const list = await compare(systems, yardstick, rounds, (system, round) =>
    measuredToTheEnd(system, ["unique", `r${round}`], seconds),
  );
  await Promise.all(systems.map((system) => system.stop()));
  // Those that refuse while too much waits to be written have stored less than they were asked for.
  return [{ case: "10 KiB", rows: list }, await firstByte(rounds)];
}

async function firstByte(rounds) {
  const config = { bodyBytes: 10_240, memory: "64mb" };
  const systems = await Promise.all(["streaming", "diskcache, streaming"].map((name) => start(name, config)));
  const measure = async (when) => {
    const taken = await interleave(systems, rounds * 2 + 1, ({ port }, round) =>
      firstByteMicros(port, `${when}${round}`, 500),
    );
    return [...taken].map(([{ name }, [_warmUp, ...each]]) => [name, digits(median(each), 1)]);
  };
  // Young processes expect others to be starting beside them, and their code has not been compiled.
  const young = await measure("young");
  for (const system of systems) await warmUp(system, ["unique", "warm-up"]);
  const list = [
    ...(await measure("old")),
    ...young.map(([name, micros]) => [`${name}, in its first seconds`, micros]),
  ].map(([system, micros]) => ({ system, firstByteMicros: micros }));
  await Promise.all(systems.map((system) => system.stop()));
  return { case: "time to first byte, one connection, 10 KiB in four pieces", rows: list };
}
