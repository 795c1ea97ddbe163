import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { Neighbours } from "./neighbours.js";
import { formatIdentity, ownIdentity } from "./process-identity.js";

/** By then nobody counts with others who are just coming. */
const SETTLED_MS = 5_001;

function place() {
  const root = mkdtempSync(join(tmpdir(), "diskcache-neighbours-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  let elapsed = 0;
  return {
    root,
    workers: `${root}/workers`,
    open: () => {
      const neighbours = new Neighbours(
        fs,
        root,
        () => elapsed,
        () => undefined,
      );
      neighbours.register();
      return neighbours;
    },
    advance: (ms: number) => void (elapsed += ms),
  };
}

describe("whoever has the directory open", () => {
  it("is taken not to be alone until the others had time to come", () => {
    const { open, advance } = place();
    const only = open();
    expect(only.present).toBe(true);
    advance(SETTLED_MS);
    expect(only.present).toBe(false);
  });

  it("sees another cache come and go", () => {
    const { open, advance } = place();
    const one = open();
    advance(SETTLED_MS);
    expect(one.present).toBe(false);
    const other = open();
    advance(SETTLED_MS);
    expect([one.present, other.present]).toEqual([true, true]);
    other.close();
    expect(one.present).toBe(false);
  });

  it("does not count the dead, and removes their files", () => {
    const { workers, open, advance } = place();
    const one = open();
    const pid = Number(execFileSync(process.execPath, ["-p", "process.pid"], { encoding: "utf8" }));
    writeFileSync(`${workers}/${formatIdentity({ ...ownIdentity, pid })}-abcdef`, "");
    advance(SETTLED_MS);
    expect([one.present, readdirSync(workers).length]).toEqual([false, 1]);
  });

  it("sees, within a second, one who came in the same moment of the file system's clock as another change", () => {
    const { workers, open, advance } = place();
    const one = open();
    advance(SETTLED_MS);
    utimesSync(workers, 1000, 1000);
    expect(one.present).toBe(false);
    open();
    utimesSync(workers, 1000, 1000);
    advance(1001);
    expect(one.present).toBe(true);
  });

  it("registers again when the directory was removed", () => {
    const { root, workers, open, advance } = place();
    const one = open();
    advance(SETTLED_MS);
    rmSync(root, { recursive: true });
    expect([one.present, readdirSync(workers).length]).toEqual([true, 1]);
  });
});
