/** Runs before each test file: what a test writes to the console without expecting it, or warns about, fails that test. */
import { format } from "node:util";
import { afterAll, afterEach } from "vitest";

const unexpected: string[] = [];

// A test that expects output replaces the method itself, with `vi.spyOn(console, "warn").mockImplementation(…)`.
for (const method of ["debug", "error", "info", "log", "trace", "warn"] as const) {
  console[method] = (...values: unknown[]) => void unexpected.push(`console.${method}: ${format(...values)}`);
}

// Leaked listeners, deprecations, descriptors closed by the garbage collector: Node names them here and nowhere else.
// Not what the audit says: it is about the handlers of the tests, which read what they like. What it says has tests of
// its own.
process.on("warning", (warning) => {
  if (warning.name !== "DiskCacheAuditWarning") unexpected.push(`${warning.name}: ${warning.message}`);
});

afterEach(failOnOutput);
afterAll(failOnOutput);

function failOnOutput(): void {
  const lines = unexpected.splice(0);
  if (lines.length > 0) throw new Error(`Unexpected output:\n${lines.join("\n")}`);
}
