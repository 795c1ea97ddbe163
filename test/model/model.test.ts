/**
 * Programs of the model, named and generated, through every framework: with a cache in front, every client gets what
 * it would get without.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { explore, printed, seenAgain } from "./explore.js";
import { FRAMEWORKS } from "./frameworks.js";
import { runInLanes } from "./lanes.js";
import type { Difference } from "./oracle.js";
import type { Program } from "./program.js";
import { REGRESSIONS } from "./regressions.js";
import { Uncaught } from "./uncaught.js";

const LANES = 8;
const SEED = 20_261_129;
/** The older majors differ little from the newer ones. */
const FEWER: ReadonlySet<string> = new Set(["express 4", "koa 2"]);

describe.each(FRAMEWORKS)("$name", (framework) => {
  const chosen = REGRESSIONS.filter(({ only }) => only === undefined || framework.tapped);
  const results = new Map<Program, readonly Difference[]>();
  const uncaught = new Uncaught();
  afterAll(() => uncaught.close());

  // Together: some of them wait for a second.
  beforeAll(() => {
    const programs = chosen.map(({ program }) => program);
    const tell = (_: number, program: Program, differences: readonly Difference[]) =>
      void results.set(program, differences);
    return runInLanes({ framework, uncaught, lanes: LANES }, programs, tell);
  });

  it.each(chosen)("$kind: $name", async ({ program }) => {
    const differences = results.get(program)!;
    expect(await seenAgain(framework, uncaught, { program, differences })).toEqual([]);
  });

  it("gives every client of some hundred generated programs what the bare framework gives", async () => {
    const programs = FEWER.has(framework.name) ? 100 : 300;
    const { failures } = await explore({ framework, programs, seed: SEED, lanes: LANES });
    expect([...failures.values()].flat().map(printed)).toEqual([]);
  }, 180_000);
});
