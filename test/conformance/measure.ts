/** Runs the suite through subjects and says which tests each of them passed. */
import { verdicts, type Verdict } from "./score.js";
import { startSubject, type Subject } from "./subjects.js";
import { runSuite, startOrigin, type Results, type Suite } from "./suite.js";

export interface Measurement {
  readonly subject: Subject;
  readonly results: Results;
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

/** Measures one subject. Tests that `expected` names and that are not passed get a second chance by themselves:
 * the suite counts in seconds, and a machine that was busy for two of them has not shown a fault. */
export async function measure(
  suite: Suite,
  origin: URL,
  subject: Subject,
  expected: readonly string[],
): Promise<Measurement> {
  const server = await startSubject(subject, origin);
  try {
    const first = await runSuite(suite, server.url);
    const late = notPassed(suite, first, expected);
    const results = late.length === 0 ? first : { ...first, ...(await runSuite(suite, server.url, { ids: late })) };
    return { subject, results, verdicts: verdicts(suite.tests, results) };
  } finally {
    await server.close();
  }
}

/** Measures all of them at once, for most of a run is the suite's own pauses. */
export async function measureAll(
  suite: Suite,
  subjects: readonly Subject[],
  expected: (subject: Subject) => Promise<readonly string[]>,
): Promise<Measurement[]> {
  const origin = await startOrigin(suite);
  try {
    return await Promise.all(
      subjects.map(async (subject) => measure(suite, origin.url, subject, await expected(subject))),
    );
  } finally {
    await origin.close();
  }
}

/** Those of the expected tests, and of the tests that hide them, that did not end well. */
function notPassed(suite: Suite, results: Results, expected: readonly string[]): string[] {
  const found = verdicts(suite.tests, results);
  const byId = new Map(suite.tests.map((test) => [test.id, test]));
  const behind = (id: string): string[] => {
    const test = byId.get(id);
    return test === undefined || found.get(id) === "passed" ? [] : [id, ...test.dependsOn.flatMap(behind)];
  };
  return [...new Set(expected.flatMap(behind))].filter((id) => results[id] !== true);
}
