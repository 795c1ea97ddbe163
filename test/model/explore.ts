/**
 * Generates programs, runs them, and collects what is wrong by its kind, each with the shortest program that was
 * found. Never prints.
 */
import fc from "fast-check";
import { Exercise, PATIENCE_MS } from "./exercise.js";
import { Uncaught } from "./uncaught.js";
import type { Framework } from "./frameworks.js";
import { programs } from "./generate.js";
import { kindOf } from "./kinds.js";
import { runInLanes } from "./lanes.js";
import type { Difference } from "./oracle.js";
import type { Program } from "./program.js";

/** A shrinking program that hangs costs this much at each step. */
const SHRINK_PATIENCE_MS = 2_100;
/** Programs that are made at a time: millions would not fit into memory. */
const BATCH = 10_000;

export interface Exploration {
  readonly framework: Framework;
  readonly programs: number;
  readonly seed: number;
  readonly lanes?: number | undefined;
  readonly patienceMs?: number | undefined;
  readonly progress?: (done: number, failures: Failures) => void;
}

export interface Failure {
  /** By which fast-check makes the program again. */
  readonly seed: number;
  readonly path: string;
  readonly program: Program;
  readonly differences: readonly Difference[];
}

/** By kind of fault; a program may be under several. */
export type Failures = ReadonlyMap<string, readonly Failure[]>;

export interface Explored {
  readonly failures: Failures;
  /** Seen among many others, and not again alone: what a busy machine is late with, or a race. */
  readonly once: Failures;
}

export async function explore(exploration: Exploration): Promise<Explored> {
  const { framework, programs: count, seed, lanes = 8, patienceMs, progress } = exploration;
  const failures = new Map<string, Failure[]>();
  const once = new Map<string, Failure[]>();
  const uncaught = new Uncaught();
  let done = 0;
  for (let from = 0; from < count; from += BATCH) {
    const batchSeed = seed + from / BATCH;
    const batch = fc.sample(programs, { seed: batchSeed, numRuns: Math.min(BATCH, count - from) });
    const suspects: Failure[] = [];
    await runInLanes({ framework, uncaught, lanes, patienceMs }, batch, (index, program, differences) => {
      if (differences.length > 0) suspects.push({ seed: batchSeed, path: String(index), program, differences });
      if (++done % 1000 === 0) progress?.(done, byKind(suspects, new Map(failures)));
    });
    for (const suspect of suspects) {
      const differences = await seenAgain(framework, uncaught, suspect, patienceMs);
      if (differences.length > 0) byKind([{ ...suspect, differences }], failures);
      else byKind([suspect], once);
    }
  }
  uncaught.close();
  return { failures, once };
}

/** What is wrong with it each time, with the process to itself. */
export async function seenAgain(
  framework: Framework,
  uncaught: Uncaught,
  { program, differences }: Pick<Failure, "program" | "differences">,
  patienceMs?: number,
): Promise<readonly Difference[]> {
  const exercise = new Exercise(framework, uncaught, patienceMs);
  let seen = differences;
  for (let time = 0; time < 2 && seen.length > 0; time++) seen = await exercise.run(program);
  await exercise.close();
  return seen;
}

function byKind(found: readonly Failure[], into: Map<string, Failure[]>): Failures {
  for (const failure of found)
    for (const kind of new Set(failure.differences.map((difference) => kindOf(failure.program, difference))))
      into.set(kind, [...(into.get(kind) ?? []), failure]);
  return into;
}

/** The shortest program with the same kind of fault that is found in this time. */
export async function shrink(
  { framework, patienceMs = PATIENCE_MS }: Exploration,
  kind: string,
  { seed, path, program, differences }: Failure,
  limitMs: number,
): Promise<Pick<Failure, "program" | "differences">> {
  const uncaught = new Uncaught();
  const exercise = new Exercise(framework, uncaught, Math.min(patienceMs, SHRINK_PATIENCE_MS));
  let shortest: Pick<Failure, "program" | "differences"> = { program, differences };
  const property = fc.asyncProperty(programs, async (tried) => {
    const found = await exercise.run(tried);
    if (!found.some((difference) => kindOf(tried, difference) === kind)) return;
    shortest = { program: tried, differences: found };
    throw new Error("the same");
  });
  await fc.check(property, { seed, path, numRuns: 1, interruptAfterTimeLimit: limitMs });
  await exercise.close();
  uncaught.close();
  return shortest;
}

/** To be pasted into a test, and what was wrong. */
export function printed({ program, differences }: Pick<Failure, "program" | "differences">): string {
  const lines = differences.slice(0, 6).map(({ fault, who, detail }) => `    ${fault} · ${who} · ${detail}`);
  return [`  ${JSON.stringify(program)}`, ...lines].join("\n");
}
