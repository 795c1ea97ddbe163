import { expect, it } from "vitest";
import { stale, stress } from "./stress.mjs";

/** For what hangs: on a busy machine it takes many seconds only to start the processes. */
const LIMIT_MS = 180_000;

it(
  "eight processes at fifty keys: nothing torn, nothing of another key, nothing stale after a purge",
  async () => {
    const { hits, puts, purges, wrong } = await stress(1500);
    expect(wrong).toEqual([]);
    expect(Math.min(hits, puts, purges)).toBeGreaterThan(0);
  },
  LIMIT_MS,
);

it("the check finds what was made before a purge and read after it", () => {
  const history = { purges: [["/a", "10", "20"]], reads: [["/a", "21", "9"]] };
  expect(stale([history])).toHaveLength(1);
  expect(
    stale([
      {
        ...history,
        reads: [
          ["/a", "19", "9"],
          ["/a", "21", "10"],
          ["/b", "21", "9"],
        ],
      },
    ]),
  ).toEqual([]);
});
