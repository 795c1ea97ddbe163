import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { DECLINED } from "./declined.js";
import { report, REPORT, unexplained, withReport } from "./report.js";
import { loadSuite } from "./suite.js";

describe("docs/conformance.md", () => {
  it("agrees with the floors and the recorded figures", async () => {
    const document = await readFile(REPORT, "utf8");
    expect(document).toBe(withReport(document, await report(await loadSuite())));
  });

  it("gives a reason for every required and optimal test that is not passed", async () => {
    expect(await unexplained(await loadSuite())).toEqual([]);
  });

  it("gives reasons for tests that exist", async () => {
    const ids = new Set((await loadSuite()).tests.map(({ id }) => id));
    expect(Object.keys(DECLINED).filter((id) => !ids.has(id))).toEqual([]);
  });
});
