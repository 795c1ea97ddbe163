import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyHistory, run } from "./history.js";

const RUNS = Number(process.env["DISKCACHE_HISTORIES"] ?? 40);
const SEED = Number(process.env["DISKCACHE_SEED"] ?? 20261130);

describe("whatever happens to machines and their engine", () => {
  it.each([
    { shared: "purges", pages: false },
    { shared: "purges and pages", pages: true },
  ])(
    "serves nothing on any machine that a resolved purge has named, where they share $shared",
    async ({ pages }) => {
      const sums = { asked: 0, answered: 0, confirmed: 0, rejected: 0 };
      await fc.assert(
        fc.asyncProperty(anyHistory(40), async (history) => {
          const ran = await run(history, { pages });
          for (const name of ["asked", "answered", "confirmed", "rejected"] as const) sums[name] += ran[name];
          expect(ran.stale).toEqual([]);
        }),
        { numRuns: RUNS, seed: SEED, endOnFailure: false },
      );
      if (process.env["DISKCACHE_HISTORIES"] !== undefined) console.log(sums);
      expect(sums.answered).toBeGreaterThan(RUNS);
      expect(sums.confirmed).toBeGreaterThan(RUNS);
    },
    600_000,
  );
});
