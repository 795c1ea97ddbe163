import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";

it("keeps values, counts over runs, and makes a report anew after its purge", async () => {
  const dir = mkdtempSync(join(tmpdir(), "low-level-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  vi.stubEnv("CACHE_DIR", dir);
  const said = vi.spyOn(console, "log").mockImplementation(() => undefined);
  for (const visit of ["visit 1", "visit 2"]) {
    said.mockClear();
    vi.resetModules();
    await import("./main.js");
    expect(said.mock.calls.map(([line]): unknown => line)).toEqual([
      { name: "Ada", since: new Date("2026-01-02"), roles: new Set(["admin"]) },
      "rendering",
      `Report 7, rendered in process ${process.pid}`,
      visit,
      "purged",
    ]);
  }
  vi.unstubAllEnvs();
});
