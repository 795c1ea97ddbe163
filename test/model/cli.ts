/**
 * `npm run model`: explores for as long as it is told to. `npm run model -- --programs 100000 --seed 7 --adapter
 * "express 5"`; `--program <JSON>` runs one.
 */
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { Exercise } from "./exercise.js";
import { Uncaught } from "./uncaught.js";
import { explore, printed, shrink } from "./explore.js";
import type { Exploration, Failures } from "./explore.js";
import { FRAMEWORKS } from "./frameworks.js";
import type { Framework } from "./frameworks.js";
import type { Program } from "./program.js";

const option = { type: "string" } as const;
const OPTIONS = {
  /** How many for each adapter. */
  programs: option,
  seed: option,
  /** One of them; default: all. */
  adapter: option,
  /** How many programs run at a time. */
  lanes: option,
  /** Milliseconds after which a client that waits for nothing hangs. */
  patience: option,
  /** Milliseconds to look for a shorter program, for each kind of fault. */
  shrink: option,
  /** Only kinds of fault with this in their name are shrunk and shown. */
  kind: option,
  program: option,
};

export async function main(...args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: OPTIONS });
  const chosen = FRAMEWORKS.filter(({ name }) => values.adapter === undefined || name === values.adapter);
  if (chosen.length === 0) throw new Error(`--adapter: one of ${FRAMEWORKS.map(({ name }) => name).join(", ")}`);
  const number = (given: string | undefined) => (given === undefined ? undefined : Number(given));
  const seed = number(values.seed) ?? Math.floor(Math.random() * 2 ** 31);
  let found = 0;
  for (const framework of chosen) {
    if (values.program !== undefined) {
      found += await runOne(framework, JSON.parse(values.program) as Program);
      continue;
    }
    const programs = number(values.programs) ?? 2_000;
    const since = performance.now();
    const say = (done: number, failures: Failures): void => {
      const rate = Math.round((done * 1000) / (performance.now() - since));
      console.log(`${framework.name}: seed ${seed}, ${done} programs, ${rate} a second; ${counted(failures)}`);
    };
    const patienceMs = number(values.patience);
    const exploration = { framework, programs, seed, lanes: number(values.lanes), patienceMs, progress: say };
    const { failures, once } = await explore(exploration);
    say(programs, failures);
    for (const [kind, [first]] of once) console.log(`\n${framework.name}: seen once, ${kind}\n${printed(first!)}`);
    await show(exploration, failures, values.kind ?? "", number(values.shrink) ?? 10_000);
    found += failures.size;
  }
  process.exit(found > 0 ? 1 : 0);
}

function counted(failures: Failures): string {
  const counts = [...failures].map(([kind, all]) => `${kind}: ${all.length}`);
  return counts.length === 0 ? "nothing found" : counts.sort().join("; ");
}

async function show(exploration: Exploration, failures: Failures, wanted: string, limitMs: number): Promise<void> {
  for (const [kind, all] of failures) {
    if (!kind.includes(wanted)) continue;
    const shortest = await shrink(exploration, kind, all[0]!, limitMs);
    console.log(`\n${exploration.framework.name}: ${kind}, in ${all.length} programs\n${printed(shortest)}`);
  }
}

async function runOne(framework: Framework, program: Program): Promise<number> {
  const uncaught = new Uncaught();
  const exercise = new Exercise(framework, uncaught);
  const differences = await exercise.run(program);
  console.log(`${framework.name}: ${differences.length} differences\n${printed({ program, differences })}`);
  await exercise.close();
  uncaught.close();
  return differences.length;
}
