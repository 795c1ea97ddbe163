/** Runs before each test file: what a test writes to the console without expecting it, or warns about, fails that test. */
import { format } from "node:util";
import { afterAll, afterEach } from "vitest";

const unexpected: string[] = [];

// A test that expects output replaces the method itself, with `vi.spyOn(console, "warn").mockImplementation(…)`.
for (const method of ["debug", "error", "info", "log", "trace", "warn"] as const) {
  console[method] = (...values: unknown[]) => void unexpected.push(`console.${method}: ${format(...values)}`);
}

// Leaked listeners, deprecations, descriptors closed by the garbage collector: Node names them here and nowhere else.
// Not what the audit and the hints say: it is about the handlers of the tests, which do what they like. What they say
// has tests of its own.
const ABOUT_HANDLERS = new Set(["DiskCacheAuditWarning", "DiskCacheHintWarning"]);
process.on("warning", (warning) => {
  if (!ABOUT_HANDLERS.has(warning.name)) unexpected.push(`${warning.name}: ${warning.message}`);
});

afterEach(failOnOutput);
afterAll(failOnOutput);

function failOnOutput(): void {
  const lines = unexpected.splice(0);
  if (lines.length > 0) throw new Error(`Unexpected output:\n${lines.join("\n")}`);
}
