/** Pages of 1 KiB in random order from disk, the more of them the longer the list: 1,000 to 100,000, with `--million` 1,000,000. */
import { fill } from "../fill.mjs";
import { measured, warmUp } from "../load.mjs";
import { readAll } from "../page-cache.mjs";
import { compare } from "../rounds.mjs";
import { available, start } from "../servers.mjs";

const SYSTEMS = ["bare", "bare, reading a file", "diskcache"];

export const title = "Hits: more and more pages on disk";
export const yardstick = "bare";

export async function run({ rounds, seconds, million, only }) {
  const counts = [1000, 10_000, 100_000, ...(million ? [1_000_000] : [])];
  const cases = [];
  for (const pages of counts) {
    const config = { bodyBytes: 1024, memory: 0, files: pages };
    const systems = await Promise.all(available(only ?? SYSTEMS).map((name) => start(name, config)));
    for (const system of systems) await fill(system, pages);
    for (const system of systems) await warmUp(system, ["random", pages]);
    const list = await compare(systems, yardstick, rounds, (system) => {
      readAll(system.dir);
      return measured(system, ["random", pages], seconds);
    });
    cases.push({ case: `${pages.toLocaleString("en")} pages`, rows: list });
    await Promise.all(systems.map((system) => system.stop()));
  }
  return cases;
}
