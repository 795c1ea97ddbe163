import { describe, expect, it } from "vitest";
import { fallenBelow, raised, type Floor } from "./floor.js";
import { tally, verdicts } from "./score.js";
import type { Results, Suite, SuiteTest } from "./suite.js";

const test = (id: string, more: Partial<SuiteTest> = {}): SuiteTest => ({
  id,
  kind: "required",
  category: "any",
  dependsOn: [],
  disconnects: false,
  ...more,
});

const tests = [
  test("base"),
  test("question", { kind: "check" }),
  test("behind-base", { dependsOn: ["base"] }),
  test("behind-both", { kind: "optimal", dependsOn: ["behind-base", "question"] }),
];
const suite: Suite = { edition: "suite 1", root: new URL("file:///"), engine: new URL("file:///"), tests };

const all: Results = { base: true, question: true, "behind-base": true, "behind-both": true };

describe("the suite's rule of scoring", () => {
  it.each([
    { given: "what was passed", results: all, id: "behind-both", verdict: "passed" },
    {
      given: "what was answered wrongly",
      results: { ...all, base: ["Assertion", "wrong"] },
      id: "base",
      verdict: "failed",
    },
    {
      given: "what a network error ended",
      results: { ...all, base: ["FetchError", "gone"] },
      id: "base",
      verdict: "failed",
    },
    {
      given: "what broke off before its question",
      results: { ...all, base: ["Setup", "not stored"] },
      id: "base",
      verdict: "setup",
    },
    {
      given: "what depends on a failed test",
      results: { ...all, base: ["Assertion", "wrong"] },
      id: "behind-base",
      verdict: "hidden",
    },
    {
      given: "what depends on a hidden test",
      results: { ...all, base: ["Assertion", "wrong"] },
      id: "behind-both",
      verdict: "hidden",
    },
    {
      given: "what depends on a question answered no",
      results: { ...all, question: ["Assertion", "no"] },
      id: "behind-both",
      verdict: "hidden",
    },
    { given: "what did not run", results: {}, id: "base", verdict: "missing" },
  ] as { given: string; results: Results; id: string; verdict: string }[])(
    "takes $given as $verdict",
    ({ results, id, verdict }) => {
      expect(verdicts(tests, results).get(id)).toBe(verdict);
    },
  );

  it("counts what was passed by kind", () => {
    const found = verdicts(tests, { ...all, question: ["Assertion", "no"] });
    expect(tally(tests, (id) => found.get(id) === "passed")).toEqual({
      required: { passed: 2, total: 2 },
      optimal: { passed: 0, total: 1 },
      check: { passed: 0, total: 1 },
    });
  });
});

describe("a floor", () => {
  const floor: Floor = { suite: "suite 1", required: ["base"], optimal: [] };

  it("names the tests that fell below it", () => {
    const found = verdicts(tests, { ...all, base: ["Assertion", "wrong"] });
    expect(fallenBelow(floor, found)).toEqual(["base"]);
  });

  it("holds a test that the suite no longer has against the run", () => {
    expect(fallenBelow({ ...floor, required: ["gone"] }, verdicts(tests, all))).toEqual(["gone"]);
  });

  it("rises by what was passed, questions left out", () => {
    expect(raised(floor, suite, verdicts(tests, all))).toEqual({
      suite: "suite 1",
      required: ["base", "behind-base"],
      optimal: ["behind-both"],
    });
  });

  it("keeps what it has when a test is not passed", () => {
    const found = verdicts(tests, { ...all, base: ["Assertion", "wrong"] });
    expect(raised(floor, suite, found).required).toEqual(["base"]);
  });
});
