/** `npm run model`: generates programs, runs them, and tells which give anything else than the bare framework does, each kind of fault with the shortest program that was found. */
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { Exercise, PATIENCE_MS, Uncaught } from "./exercise.js";
import { FRAMEWORKS } from "./frameworks.js";
import type { Framework } from "./frameworks.js";
import { programs } from "./generate.js";
import { kindOf } from "./kinds.js";
import type { Difference } from "./oracle.js";
import type { Program } from "./program.js";

export interface Exploration {
  readonly framework: Framework;
  readonly programs: number;
  readonly seed: number;
  readonly lanes?: number;
  readonly patienceMs?: number;
  readonly progress?: (done: number, failures: ReadonlyMap<string, readonly Failure[]>) => void;
}

export interface Failure {
  /** Which of the programs of this seed. */
  readonly index: number;
  readonly program: Program;
  readonly differences: readonly Difference[];
}

/** What was found, by kind of fault. A program may be under several. */
export async function explore(exploration: Exploration): Promise<Map<string, Failure[]>> {
  const { framework, programs: count, seed, lanes = 8, patienceMs = PATIENCE_MS, progress } = exploration;
  const failures = new Map<string, Failure[]>();
  const uncaught = new Uncaught();
  const suspects: [number, Program][] = [];
  let done = 0;
  const note = (index: number, program: Program, differences: readonly Difference[]): void => {
    for (const kind of new Set(differences.map((difference) => kindOf(program, difference)))) {
      const known = failures.get(kind) ?? [];
      failures.set(kind, [...known, { index, program, differences }]);
    }
  };
  const waiting = fc.sample(programs, { seed, numRuns: count }).entries();
  const lane = async (): Promise<void> => {
    const exercise = new Exercise(framework, uncaught, patienceMs);
    for (const [index, program] of waiting) {
      const differences = await exercise.run(program);
      // It may have been another lane's program: it is run again by itself.
      if (differences.some(({ fault }) => fault === "crash")) suspects.push([index, program]);
      else if (differences.length > 0) note(index, program, differences);
      if (++done % 1000 === 0) progress?.(done, failures);
    }
    await exercise.close();
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const alone = new Exercise(framework, uncaught, patienceMs);
  for (const [index, program] of suspects) note(index, program, await alone.run(program));
  await alone.close();
  uncaught.close();
  return failures;
}

/** The shortest program with the same kind of fault. */
export async function shrink(
  exploration: Exploration,
  kind: string,
  { index, program, differences }: Failure,
  limitMs: number,
): Promise<Omit<Failure, "index">> {
  const { framework, seed, patienceMs = PATIENCE_MS } = exploration;
  const uncaught = new Uncaught();
  const exercise = new Exercise(framework, uncaught, Math.min(patienceMs, 2_100));
  let shortest = { program, differences };
  const property = fc.asyncProperty(programs, async (tried) => {
    const found = await exercise.run(tried);
    if (!found.some((difference) => kindOf(tried, difference) === kind)) return;
    shortest = { program: tried, differences: found };
    throw new Error("the same");
  });
  await fc.check(property, { seed, path: String(index), numRuns: 1, interruptAfterTimeLimit: limitMs });
  await exercise.close();
  uncaught.close();
  return shortest;
}

/** To be pasted into a test. */
export function printed({ program, differences }: Omit<Failure, "index">): string {
  const lines = differences.slice(0, 6).map(({ fault, who, detail }) => `    ${fault} · ${who} · ${detail}`);
  return [`  ${JSON.stringify(program)}`, ...lines].join("\n");
}

export async function main(...args: string[]): Promise<void> {
  const option = { type: "string" } as const;
  const options = {
    programs: option,
    seed: option,
    adapter: option,
    lanes: option,
    patience: option,
    "shrink-ms": option,
    program: option,
    kind: option,
  };
  const { values } = parseArgs({ args, options });
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const patienceMs = Number(values.patience ?? PATIENCE_MS);
  const chosen = FRAMEWORKS.filter(({ name }) => values.adapter === undefined || name === values.adapter);
  if (chosen.length === 0) throw new Error(`--adapter: one of ${FRAMEWORKS.map(({ name }) => name).join(", ")}`);
  let found = 0;
  for (const framework of chosen) {
    if (values.program !== undefined) {
      found += await runOne(framework, JSON.parse(values.program) as Program);
      continue;
    }
    const count = Number(values.programs ?? 2_000);
    const since = performance.now();
    const rate = (done: number): string => `${Math.round((done * 1000) / (performance.now() - since))} a second`;
    const counts = (failures: ReadonlyMap<string, readonly Failure[]>): string =>
      [...failures].map(([kind, all]) => `${kind} ${all.length}`).join(", ") || "nothing found";
    const progress: Exploration["progress"] = (done, failures) =>
      console.log(`${framework.name}: ${done} programs, ${rate(done)}; ${counts(failures)}`);
    const lanes = Number(values.lanes ?? 8);
    const exploration = { framework, programs: count, seed, lanes, patienceMs, progress };
    const failures = await explore(exploration);
    console.log(`${framework.name}: seed ${seed}, ${count} programs, ${rate(count)}; ${counts(failures)}`);
    found += failures.size;
    for (const [kind, all] of failures) {
      if (!kind.includes(values.kind ?? "")) continue;
      const shortest = await shrink(exploration, kind, all[0]!, Number(values["shrink-ms"] ?? 15_000));
      console.log(
        `\n${framework.name}: ${kind}, in ${all.length} programs, first ${all[0]!.index}\n${printed(shortest)}`,
      );
    }
  }
  process.exit(found > 0 ? 1 : 0);
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
