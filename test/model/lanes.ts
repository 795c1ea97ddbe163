/**
 * Runs many programs at a time in one process, so that one that waits does not hold up the others. Never mixes up
 * whose fault it was: what nobody caught is looked for again with one program at a time.
 */
import { Exercise } from "./exercise.js";
import { SOMEBODY } from "./uncaught.js";
import type { Uncaught } from "./uncaught.js";
import type { Framework } from "./frameworks.js";
import type { Difference } from "./oracle.js";
import type { Program } from "./program.js";

export interface LaneOptions {
  readonly framework: Framework;
  readonly uncaught: Uncaught;
  /** How many at a time. */
  readonly lanes: number;
  readonly patienceMs?: number | undefined;
}

/** @param tell called once for each program, with its place in the order given */
export async function runInLanes(
  { framework, uncaught, lanes, patienceMs }: LaneOptions,
  programs: Iterable<Program>,
  tell: (index: number, program: Program, differences: readonly Difference[]) => void,
): Promise<void> {
  const waiting = numbered(programs);
  const suspects: [number, Program][] = [];
  const lane = async (): Promise<void> => {
    const exercise = new Exercise(framework, uncaught, patienceMs);
    for (let next = waiting.next(); !next.done; next = waiting.next()) {
      const [index, program] = next.value;
      const differences = await exercise.run(program);
      if (differences.some(({ who }) => who === SOMEBODY)) suspects.push([index, program]);
      else tell(index, program, differences);
    }
    await exercise.close();
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const alone = new Exercise(framework, uncaught, patienceMs);
  for (const [index, program] of suspects) tell(index, program, await alone.run(program));
  await alone.close();
}

function* numbered(programs: Iterable<Program>): Generator<[number, Program], undefined> {
  let index = 0;
  for (const program of programs) yield [index++, program];
  return undefined;
}
