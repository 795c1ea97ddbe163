/**
 * `npm run chaos`: two machines with two processes each over a real redis-server, which is killed, stopped, emptied, cut
 * off and failed over, as the machines are. `-- --seconds 600 --seed 7 --machines 3 --processes 2`; `--faults "way cut,black
 * hole"` lets only these happen; `--without cut-off` serves all pages without contact, whose stale answers have to show;
 * `--without rests`: machines fail although the others have not told them yet what an engine has lost, which cannot be made
 * good; `--verbose` tells what happens. Fails when an answer was stale, or a purge does not arrive.
 */
import { parseArgs } from "node:util";
import { redisVersion } from "../redis/processes.js";
import { FAULTS } from "./chaos-faults.js";
import type { FaultName } from "./chaos-faults.js";
import { chaos } from "./chaos-run.js";

const option = { type: "string" } as const;

export async function main(...args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      seconds: option,
      seed: option,
      machines: option,
      processes: option,
      lease: option,
      faults: option,
      without: option,
      verbose: { type: "boolean" },
    },
  });
  if (redisVersion === undefined) throw new Error("the chaos needs a redis-server");
  const faults = (values.faults?.split(",") ?? FAULTS) as FaultName[];
  if (!faults.every((fault) => FAULTS.includes(fault))) throw new Error(`--faults: of ${FAULTS.join(", ")}`);
  const without = values.without ?? "nothing";
  if (!["nothing", "cut-off", "rests"].includes(without)) throw new Error("--without: cut-off or rests");
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const early = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => early.abort());
  const { stale, tookMs, undelivered, ...sums } = await chaos({
    seconds: Number(values.seconds ?? 60),
    seed,
    machines: Number(values.machines ?? 2),
    processes: Number(values.processes ?? 2),
    leaseMs: Number(values.lease ?? 1.2) * 1000,
    whenCutOff: without === "cut-off" ? "serve" : "young",
    faults,
    rests: without === "nothing",
    tell: values.verbose === true ? console.log : () => undefined,
    signal: early.signal,
  });
  const sorted = tookMs.toSorted((a, b) => a - b);
  const tookAt = (share: number): number => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0);
  console.log(`seed ${seed}`, JSON.stringify(sums));
  console.log(`purges took ${tookAt(0.5)} ms (p50), ${tookAt(0.9)} ms (p90), ${tookAt(1 - 1e-9)} ms at most`);
  for (const each of [...stale.slice(0, 20), ...undelivered.slice(0, 20)]) console.log(each);
  console.log(`${stale.length} stale, ${undelivered.length} undelivered`);
  process.exit(stale.length + undelivered.length > 0 ? 1 : 0);
}
