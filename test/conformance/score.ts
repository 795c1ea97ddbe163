/** Judges results by the suite's rule, as pure functions: a test counts only when every test it depends on, in turn,
 * was passed. */
import type { Kind, Results, SuiteTest } from "./suite.js";

/** `setup`: the test broke off before its question. `hidden`: a test it depends on was not passed. `missing`: it was
 * not run. */
export type Verdict = "passed" | "failed" | "setup" | "hidden" | "missing";

export interface Count {
  passed: number;
  total: number;
}

export type Tally = Readonly<Record<Kind, Count>>;

/** The verdict on each test, by id. */
export function verdicts(tests: readonly SuiteTest[], results: Results): ReadonlyMap<string, Verdict> {
  const byId = new Map(tests.map((test) => [test.id, test]));
  const known = new Map<string, Verdict>();
  const judge = (id: string): Verdict => {
    const verdict = known.get(id) ?? judged(id);
    known.set(id, verdict);
    return verdict;
  };
  const judged = (id: string): Verdict => {
    const result = results[id];
    if (result === undefined) return "missing";
    if (byId.get(id)?.dependsOn.some((dependency) => judge(dependency) !== "passed") === true) return "hidden";
    if (result === true) return "passed";
    return result[0] === "Setup" ? "setup" : "failed";
  };
  return new Map(tests.map(({ id }) => [id, judge(id)]));
}

/** How many of the given tests were passed, by kind. */
export function tally(tests: readonly SuiteTest[], passed: (id: string) => boolean): Tally {
  const counts: Record<Kind, Count> = {
    required: { passed: 0, total: 0 },
    optimal: { passed: 0, total: 0 },
    check: { passed: 0, total: 0 },
  };
  for (const { id, kind } of tests) {
    counts[kind].total += 1;
    if (passed(id)) counts[kind].passed += 1;
  }
  return counts;
}
