import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { lstatSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { Neighbours } from "./neighbours.js";
import { formatIdentity, ownIdentity } from "../process-identity.js";

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
    advance(SETTLED_MS);
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

describe("a process of another machine, boot or pid namespace", () => {
  const ELSEWHERE = { machine: "00000000", pid: 1, start: 1 };
  const SILENT_MS = 3_001;

  afterEach(() => void vi.useRealTimers());

  function withOneElsewhere() {
    const { workers, open, advance } = place();
    const one = open();
    const file = `${workers}/${formatIdentity(ELSEWHERE)}-abcdef`;
    let shown = Date.now() / 1000 - 60;
    const show = () => {
      writeFileSync(file, "");
      utimesSync(file, ++shown, shown);
    };
    show();
    return { one, workers, open, advance, file, show };
  }

  it("is there as long as it shows itself, and gone when it was watched for a while and did not", () => {
    const { one, workers, advance, show } = withOneElsewhere();
    expect([one.present, one.lives(ELSEWHERE), one.solitude]).toEqual([true, true, undefined]);
    for (let beat = 0; beat < 5; beat++) {
      advance(2_000);
      show();
      expect([one.present, one.lives(ELSEWHERE), one.solitude]).toEqual([true, true, undefined]);
    }
    advance(SILENT_MS);
    expect(one.lives(ELSEWHERE)).toBe(false);
    expect([one.present, one.solitude, readdirSync(workers).length]).toEqual([false, expect.any(Number), 1]);
  });

  it("is gone at once when it has not shown itself for hours", () => {
    const { one, workers, advance, file } = withOneElsewhere();
    utimesSync(file, 1000, 1000);
    advance(SETTLED_MS);
    expect([one.lives(ELSEWHERE), one.present, readdirSync(workers).length]).toEqual([false, false, 1]);
  });

  it("is not taken for gone because the clock was set forward since it was seen", () => {
    const { one } = withOneElsewhere();
    expect([one.present, one.lives(ELSEWHERE)]).toEqual([true, true]);
    const now = Date.now() + 7_200_000;
    const clock = vi.spyOn(Date, "now").mockReturnValue(now);
    onTestFinished(() => clock.mockRestore());
    expect(one.lives(ELSEWHERE)).toBe(true);
  });

  it("does not live when it has made itself known nowhere", () => {
    const { one, file } = withOneElsewhere();
    expect(one.lives({ ...ELSEWHERE, pid: 11 })).toBe(false);
    rmSync(file);
    expect(one.lives(ELSEWHERE)).toBe(false);
  });

  it("makes itself known again when it was taken for gone and does something", () => {
    const { workers, open, advance } = place();
    const one = open();
    advance(SETTLED_MS);
    const before = one.solitude;
    rmSync(`${workers}/${readdirSync(workers)[0]}`);
    expect(one.solitude).not.toBe(before);
    expect(readdirSync(workers)).toHaveLength(1);
  });

  it("sees that this one lives, when it does something and as long as it holds something", () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const { workers, open, advance } = place();
    const one = open();
    const file = `${workers}/${readdirSync(workers)[0]}`;
    const shows = (act: () => void): boolean => {
      utimesSync(file, 1000, 1000);
      advance(501);
      act();
      return lstatSync(file).mtimeMs !== 1_000_000;
    };
    expect([shows(() => void one.present), shows(() => void vi.advanceTimersByTime(501))]).toEqual([true, false]);
    one.hold();
    expect(shows(() => void vi.advanceTimersByTime(501))).toBe(true);
    one.release();
    expect([shows(() => void vi.advanceTimersByTime(501)), vi.getTimerCount()]).toEqual([false, 0]);
  });
});
