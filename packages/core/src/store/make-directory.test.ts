import fs from "node:fs";
import { lstatSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { makeDirectory } from "./own-directory.js";

function place(): string {
  const root = mkdtempSync(join(tmpdir(), "diskcache-mkdir-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

function failing(code: string): never {
  throw Object.assign(new Error(code), { code });
}

describe("making a directory", () => {
  it("makes what is missing above it, for its owner alone, and does nothing the second time", () => {
    const path = join(place(), "a", "b", "c");
    makeDirectory(fs, path);
    makeDirectory(fs, path);
    for (const made of [path, join(path, ".."), join(path, "..", "..")])
      expect(lstatSync(made).mode & 0o777).toBe(0o700);
  });

  it("leaves what has the name as it is", () => {
    const path = join(place(), "a");
    writeFileSync(path, "precious");
    makeDirectory(fs, path);
    expect(lstatSync(path).isFile()).toBe(true);
    expect(() => makeDirectory(fs, join(path, "b"))).toThrow(expect.objectContaining({ code: "ENOTDIR" }));
  });

  it("gives up where a name can neither be made nor found", () => {
    const asked: string[] = [];
    const mkdirSync = (path: string) => {
      asked.push(path);
      failing(path === "/proc" ? "EEXIST" : "ENOENT");
    };
    expect(() => makeDirectory({ mkdirSync } as unknown as typeof fs, "/proc/a/b")).toThrow(
      expect.objectContaining({ code: "ENOENT" }),
    );
    expect(asked).toEqual(["/proc/a/b", "/proc/a", "/proc", "/proc/a"]);
  });

  it("gives up at the root", () => {
    const mkdirSync = () => failing("ENOENT");
    expect(() => makeDirectory({ mkdirSync }, "/a")).toThrow(expect.objectContaining({ code: "ENOENT" }));
  });
});
