/** `npm run fuzz`: mutated entry files, mutated requests, mutated bytes on sockets. Prints the seeds, so that a run can
 * be repeated: `npm run fuzz -- --seed 7`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fuzzFiles } from "./files.js";
import type { FuzzResult } from "./files.js";
import { Random } from "./random.js";
import { fuzzRequests } from "./requests.js";
import { fuzzSockets } from "./sockets.js";

/** More than this, and something is kept that should not be. */
const MOST_GROWN_MIB = 32;

/** Parts of a run, by name: how much each does when nothing else is said. */
const PARTS = [
  { name: "files", runs: 100_000, fuzz: fuzzFiles },
  { name: "requests", runs: 100_000, fuzz: fuzzRequests },
  { name: "sockets", runs: 10_000, fuzz: fuzzSockets },
] as const;

export async function main(...args: string[]): Promise<void> {
  const option = { type: "string" } as const;
  const options = { seed: option, files: option, requests: option, sockets: option };
  const { values } = parseArgs({ args, options });
  let failed = false;
  const outside: string[] = [];
  process.on("uncaughtException", (error) => outside.push(String(error)));
  process.on("unhandledRejection", (error) => outside.push(String(error)));
  for (const { name, runs, fuzz } of PARTS) {
    const dir = mkdtempSync(join(tmpdir(), "diskcache-fuzz-"));
    const random = new Random(Number(values.seed ?? Math.floor(Math.random() * 2 ** 32)));
    const result = await fuzz(dir, Number(values[name] ?? runs), random);
    rmSync(dir, { recursive: true, force: true });
    print(name, result);
    failed ||= result.wrong.length > 0 || result.grownMib > MOST_GROWN_MIB;
  }
  for (const error of outside) console.log(`outside: ${error}`);
  process.exit(failed || outside.length > 0 ? 1 : 0);
}

function print(name: string, { seed, runs, hits, misses, wrong, grownMib }: FuzzResult): void {
  console.log(
    `${name}: seed ${seed}, ${runs} runs, ${hits} hits, ${misses} misses, ${wrong.length} wrong, memory +${grownMib} MiB`,
  );
  for (const line of wrong.slice(0, 20)) console.log(`  ${line}`);
}
