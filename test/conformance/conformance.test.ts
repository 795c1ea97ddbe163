import { describe, expect, it } from "vitest";
import { fallenBelow, readFloor } from "./floor.js";
import { measure } from "./measure.js";
import { nameOf, SUBJECTS } from "./subjects.js";
import { loadSuite, startOrigin } from "./suite.js";

/** A run is some 20 s of the suite's own pauses; the rest is for a machine that is busy. */
const RUN_TIMEOUT_MS = 180_000;

describe("http-tests/cache-tests", { concurrent: true, timeout: RUN_TIMEOUT_MS }, () => {
  it.each(SUBJECTS.map((subject) => ({ name: nameOf(subject), subject })))(
    "finds $name no worse than its floor",
    async ({ name, subject }) => {
      const suite = await loadSuite();
      const origin = await startOrigin(suite);
      const floor = await readFloor(name);
      const { results, verdicts } = await measure(suite, origin.url, subject, [...floor.required, ...floor.optimal]);
      await origin.close();

      expect(floor.suite).toBe(suite.edition);
      expect(fallenBelow(floor, verdicts).map((id) => [id, verdicts.get(id), results[id]])).toEqual([]);
    },
  );
});
