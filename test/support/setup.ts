/** Runs before each test file: what a test writes to the console without expecting it, or warns about, fails that test. */
import { format } from "node:util";
import { afterAll, afterEach, vi } from "vitest";
import { elapsedMs } from "../../packages/core/src/base/clock.js";

const unexpected: string[] = [];

// A test that expects output replaces the method itself, with `vi.spyOn(console, "warn").mockImplementation(…)`.
for (const method of ["debug", "error", "info", "log", "trace", "warn"] as const) {
  console[method] = (...values: unknown[]) => void unexpected.push(`console.${method}: ${format(...values)}`);
}

// Leaked listeners, deprecations, descriptors closed by the garbage collector: Node names them here and nowhere else.
// Not what the audit and the hints say: it is about the handlers of the tests, which do what they like. What they say
// has tests of its own.
const ABOUT_HANDLERS = new Set(["DiskCacheAuditWarning", "DiskCacheHintWarning"]);
const warned = (warning: Error): void => {
  if (!ABOUT_HANDLERS.has(warning.name)) unexpected.push(`${warning.name}: ${warning.message}`);
};
process.on("warning", warned);

// Nor that an option has another name now: most tests write the former ones. Those about the names listen to this method.
const { emitWarning } = process;
process.emitWarning = ((warning: string | Error, ...how: [{ readonly code?: string }?]) => {
  if (how[0]?.code !== "DISKCACHE_DEPRECATED") Reflect.apply(emitWarning, process, [warning, ...how]);
}) as typeof emitWarning;

// The disk of a busy machine does not count as slow: otherwise what a test sees would depend on what else the machine
// does. A disk is slow where a test gives the store its time.
vi.mock(import("../../packages/core/src/store/entries/slow-guard.js"), async (original) => {
  const { SlowGuard } = await original();
  class UnhurriedGuard extends SlowGuard {
    constructor(...[limitMs, spikeMs, restMs, now, ...more]: ConstructorParameters<typeof SlowGuard>) {
      super(limitMs, spikeMs, restMs, now === elapsedMs ? () => 0 : now, ...more);
    }
  }
  return { SlowGuard: UnhurriedGuard };
});

afterEach(failOnOutput);
afterAll(() => {
  // The next file may run in this process.
  process.off("warning", warned);
  process.emitWarning = emitWarning;
  failOnOutput();
});

function failOnOutput(): void {
  const lines = unexpected.splice(0);
  if (lines.length > 0) throw new Error(`Unexpected output:\n${lines.join("\n")}`);
}
