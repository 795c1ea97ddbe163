/** Programs of the model, named and generated, through every framework: with a cache in front, every client gets what it would get without. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Exercise, Uncaught } from "./exercise.js";
import { FRAMEWORKS } from "./frameworks.js";
import { REGRESSIONS } from "./regressions.js";

const uncaught = new Uncaught();
afterAll(() => uncaught.close());

describe.each(FRAMEWORKS)("$name", (framework) => {
  let exercise!: Exercise;
  beforeAll(() => void (exercise = new Exercise(framework, uncaught)));
  afterAll(() => exercise.close());

  const where = (only?: "tapped" | "koa"): boolean => only === undefined || (only === "tapped") === framework.tapped;

  describe.each(REGRESSIONS)("kind $kind", ({ all }) => {
    it.each(all.filter(({ only }) => where(only)))("$name", async ({ program }) => {
      expect(await exercise.run(program)).toEqual([]);
    });
  });
});
