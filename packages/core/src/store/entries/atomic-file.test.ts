import fs from "node:fs";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { AtomicFiles } from "./atomic-file.js";
import { nodeFileSystem } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { Paths } from "../paths.js";

const TIMES = { expiresAt: Infinity, usedAt: 0 };
const PIECES = ["one, ", "two, ", "three"];
const WHOLE = PIECES.join("");

type AnyCall = (...given: unknown[]) => unknown;

function place(faulty: Partial<Record<keyof FileSystem, AnyCall>> = {}) {
  const root = mkdtempSync(join(tmpdir(), "diskcache-atomic-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const paths = new Paths(root);
  const files = new AtomicFiles({ ...nodeFileSystem, ...faulty } as FileSystem, paths, () => undefined, false);
  const path = paths.entry("/a");
  const pieces = () => PIECES.map((text) => Buffer.from(text));
  return {
    path,
    writers: [
      async () => files.writeNow(path, pieces(), TIMES),
      async () => files.write(path, pieces(), TIMES),
    ] as const,
    names: () => readdirSync(path.shard),
  };
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

describe.each([
  { given: "at once", which: 0 },
  { given: "without waiting", which: 1 },
] as const)("a file written $given", ({ which }) => {
  it("is whole although the system takes a few bytes at a time", async () => {
    const short = (pieces: readonly Buffer[]) => Buffer.concat(pieces).subarray(0, 2);
    const { path, writers } = place({
      writevSync: (fd, pieces) => fs.writeSync(fd as number, short(pieces as Buffer[])),
      writev: (fd, pieces, at, done) =>
        fs.write(fd as number, short(pieces as Buffer[]), 0, undefined, at as number, done as never),
    });
    await writers[which]();
    expect(readFileSync(path.file, "utf8")).toBe(WHOLE);
  });

  it("is none, and leaves nothing, when the system takes nothing", async () => {
    const { writers, names } = place({
      writevSync: () => 0,
      writev: (...given) => void (given.at(-1) as AnyCall)(null, 0),
    });
    await expect(writers[which]()).rejects.toMatchObject({ code: "EIO" });
    expect(names()).toEqual([]);
  });

  it("leaves nothing when it cannot be closed: what was written may not have arrived", async () => {
    const { writers, names } = place({
      closeSync: (fd) => {
        fs.closeSync(fd as number);
        throw failure("EDQUOT");
      },
      close: (fd, done) => fs.close(fd as number, () => (done as AnyCall)(failure("EDQUOT"))),
    });
    await expect(writers[which]()).rejects.toMatchObject({ code: "EDQUOT" });
    expect(names()).toEqual([]);
  });
});

describe("a name that another program holds for a moment", () => {
  it.each(["EPERM", "EBUSY", "EACCES"])("is tried again after %s", async (code) => {
    let left = 3;
    const { path, writers, names } = place({
      rename: (from, to, done) =>
        left-- > 0
          ? setImmediate(() => (done as AnyCall)(failure(code)))
          : fs.rename(from as string, to as string, done as never),
    });
    await writers[1]();
    expect(readFileSync(path.file, "utf8")).toBe(WHOLE);
    expect(names()).toHaveLength(1);
  });

  it("is given up after a bounded number of attempts, and leaves nothing", async () => {
    let attempts = 0;
    const { writers, names } = place({
      rename: (...given) => {
        attempts++;
        setImmediate(() => (given.at(-1) as AnyCall)(failure("EBUSY")));
      },
    });
    await expect(writers[1]()).rejects.toMatchObject({ code: "EBUSY" });
    expect(attempts).toBe(6);
    expect(names()).toEqual([]);
  });

  it("is not tried again after a failure that would stay", async () => {
    let attempts = 0;
    const { writers } = place({
      rename: (...given) => {
        attempts++;
        setImmediate(() => (given.at(-1) as AnyCall)(failure("ENOSPC")));
      },
    });
    await expect(writers[1]()).rejects.toMatchObject({ code: "ENOSPC" });
    expect(attempts).toBe(1);
  });
});
