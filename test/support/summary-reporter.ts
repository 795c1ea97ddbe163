/** Ends the output of a run with what a script can read: a line for each failure, `failed: <file>: <test>: <why>`, then
 * `12 passed, 0 failed`, and `, 3 skipped` if there are any. */
import type { Reporter, SerializedError, TestModule } from "vitest/node";

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const counts = { passed: 0, skipped: 0 };
    const failures: string[] = [];
    const fail = (what: string, errors: readonly SerializedError[]): void => {
      for (const { message } of errors) failures.push(`failed: ${what}: ${message.split("\n", 1)[0]}`);
    };
    fail("outside the tests", unhandledErrors);
    for (const module of modules) {
      // A file that cannot be imported, or a hook that throws, has no failed test to show for it: it counts as one.
      fail(module.relativeModuleId, module.errors());
      for (const suite of module.children.allSuites())
        fail(`${module.relativeModuleId}: ${suite.fullName}`, suite.errors());
      for (const test of module.children.allTests()) {
        const { state, errors } = test.result();
        if (state === "passed" || state === "skipped") counts[state] += 1;
        else fail(`${module.relativeModuleId}: ${test.fullName}`, [errors?.[0] ?? { message: state }]);
      }
    }
    const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
    // At exit, because the coverage report is printed after this call, and the line is to be the last one.
    process.once("exit", () => {
      for (const failure of failures) console.log(failure);
      console.log(`${counts.passed} passed, ${failures.length} failed${skipped}`);
    });
  }
}
