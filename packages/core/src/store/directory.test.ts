import { chmodSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import type { Stats } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.js";
import { prepareDirectory, publishedBy } from "./directory.js";
import { nodeFileSystem } from "./file-system.js";
import type { FileSystem } from "./file-system.js";

const CLOSED = { allowPublicDir: false, known: false };

function refusal(dir: string, fs: FileSystem = nodeFileSystem, options = CLOSED): unknown {
  try {
    prepareDirectory(fs, dir, options);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The machine's file system, in which everything belongs to somebody else. */
function belongingTo(uid: number): FileSystem {
  const lstat = (path: string): Stats => Object.assign(lstatSync(path), { uid });
  return { ...nodeFileSystem, lstatSync: lstat as FileSystem["lstatSync"] };
}

describe("a cache directory", () => {
  it("is made for its owner alone, with what is above it", () => {
    const dir = join(temporaryDirectory(), "deep", "cache");
    expect(refusal(dir)).toBeUndefined();
    expect([dir, dirname(dir)].map((path) => lstatSync(path).mode & 0o777)).toEqual([0o700, 0o700]);
  });

  it.each([
    { given: "can be written by everybody", mode: 0o707, remedy: (dir: string) => `run: chmod 700 ${dir}` },
    {
      given: "can be written by everybody, who cannot delete from it, as in /tmp",
      mode: 0o1777,
      remedy: (dir: string) => `give a directory of its own, such as ${dir}/pages`,
    },
    { given: "can be written by a group", mode: 0o770, remedy: (dir: string) => `run: chmod 700 ${dir}` },
  ])("is refused where it $given, and the remedy named", ({ mode, remedy }) => {
    const dir = join(temporaryDirectory(), "cache");
    mkdirSync(dir);
    chmodSync(dir, mode);
    expect(refusal(dir)).toMatchObject({
      code: "ERR_DISKCACHE_DIRECTORY",
      message: `cache directory ${dir}: can be written by others, who could plant pages in it; ${remedy(dir)}`,
    });
    expect(readdirSync(dir)).toEqual([]);
  });

  it("is closed where its group has been given it as well, and is used, at every start", () => {
    const dir = join(temporaryDirectory(), "cache");
    for (let start = 0; start < 3; start++) {
      expect(refusal(dir)).toBeUndefined();
      expect(lstatSync(dir).mode & 0o777).toBe(0o700);
      // As an orchestrator does with a volume.
      chmodSync(dir, 0o2770);
    }
  });

  it("is refused where it stays open to the group, as on a file system that keeps no modes", () => {
    const dir = join(temporaryDirectory(), "cache");
    mkdirSync(dir);
    chmodSync(dir, 0o2770);
    for (const fchmodSync of [() => undefined, () => expect.fail("is disabled")])
      expect(refusal(dir, { ...nodeFileSystem, fchmodSync })).toMatchObject({
        code: "ERR_DISKCACHE_DIRECTORY",
        message: expect.stringContaining("its mode cannot be changed here: give another `dir`"),
      });
  });

  it("is refused where everybody may write, with a group or without", () => {
    const dir = join(temporaryDirectory(), "cache");
    mkdirSync(dir);
    chmodSync(dir, 0o2777);
    expect(refusal(dir)).toMatchObject({ message: expect.stringContaining(`run: chmod 700 ${dir}`) });
    expect(lstatSync(dir).mode & 0o7777).toBe(0o2777);
  });

  it.each([
    {
      given: "a volume of root that the group may write",
      uid: 0,
      mode: 0o42775,
      way: /such as \S+cache\/pages below it$/,
    },
    { given: "somebody else's", uid: 4321, mode: 0o40755, way: /another `dir`, or run as user 4321$/ },
    {
      given: "somebody else's that the group may write",
      uid: 4321,
      mode: 0o42770,
      way: /pages below it, or run as user 4321$/,
    },
  ])("is refused where it is $given, and the ways that help named", ({ uid, mode, way }) => {
    const dir = join(temporaryDirectory(), "cache");
    mkdirSync(dir);
    const getuid = vi.spyOn(process as { getuid(): number }, "getuid").mockReturnValue(1000);
    onTestFinished(() => getuid.mockRestore());
    const gid = process.getegid?.() ?? 0;
    const lstat = (path: string): Stats => Object.assign(lstatSync(path), { uid, gid, mode });
    const fs = { ...nodeFileSystem, lstatSync: lstat as FileSystem["lstatSync"] };
    expect(refusal(dir, fs)).toMatchObject({ message: expect.stringMatching(way) });
    expect(readdirSync(dir)).toEqual([]);
  });

  it("is refused where somebody else has made it before, as he could in a shared temporary directory", () => {
    const dir = join(temporaryDirectory(), "cache");
    mkdirSync(dir);
    expect(refusal(dir, belongingTo(4321))).toMatchObject({
      code: "ERR_DISKCACHE_DIRECTORY",
      message: expect.stringMatching(/belongs to user 4321, and this process runs as \d+; chown it, or give another/),
    });
    expect(readdirSync(dir)).toEqual([]);
  });

  it.each([
    { given: "a link to a directory", lay: (dir: string) => symlinkSync(dirname(dir), dir) },
    { given: "a link to nowhere", lay: (dir: string) => symlinkSync("nowhere", dir) },
    { given: "a file", lay: (dir: string) => writeFileSync(dir, "") },
  ])("is refused where $given has its name", ({ lay }) => {
    const dir = join(temporaryDirectory(), "cache");
    lay(dir);
    expect(refusal(dir)).toMatchObject({ code: "ERR_DISKCACHE_DIRECTORY" });
  });

  it("is refused where a link above it leads into what is served, unless that is allowed", () => {
    const home = temporaryDirectory();
    mkdirSync(join(home, "public"));
    symlinkSync(join(home, "public"), join(home, "data"));
    const dir = join(home, "data", "cache");
    expect(refusal(dir)).toMatchObject({
      code: "ERR_DISKCACHE_DIRECTORY",
      message: expect.stringContaining("lies under `public`"),
    });
    expect(readdirSync(dir)).toEqual([]);
    expect(refusal(dir, nodeFileSystem, { ...CLOSED, allowPublicDir: true })).toBeUndefined();
  });

  it("is refused where a start page lies above it", () => {
    const site = temporaryDirectory();
    writeFileSync(join(site, "index.html"), "");
    expect(refusal(join(site, "assets", "cache"))).toMatchObject({
      code: "ERR_DISKCACHE_DIRECTORY",
      message: expect.stringContaining(`lies in ${site}, whose index.html says`),
    });
    expect(readdirSync(site)).toEqual(["index.html"]);
  });
});

describe("what looks as if it was served", () => {
  it.each([
    { path: "/app/public/cache", home: "/app", because: "lies under `public`" },
    { path: "/app/Static/cache", home: "/app", because: "lies under `Static`" },
    { path: "/app/www/.cache", home: "/app", because: "lies under `www`" },
    { path: "/srv/site/public_html/.cache", home: "/app", because: "lies under `public_html`" },
    { path: "/app/.cache/pages", home: "/app", because: undefined },
    { path: "/srv/public/app/.cache", home: "/srv/public/app", because: undefined },
    { path: "/var/www/app/.cache", home: "/var/www/app", because: undefined },
    { path: "/var/www/app/.cache", home: "/", because: undefined },
    { path: "/var/cache/publications", home: "/app", because: undefined },
    { path: "/var/..cache/static", home: "/var", because: "lies under `static`" },
  ])("$path from $home: $because", ({ path, home, because }) => {
    const found = publishedBy(nodeFileSystem, path, home);
    if (because === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(because);
  });

  it("is not the application itself, whose own start page may lie in its root", () => {
    const home = temporaryDirectory();
    writeFileSync(join(home, "index.html"), "");
    expect(publishedBy(nodeFileSystem, join(home, ".cache"), home)).toBeUndefined();
    mkdirSync(join(home, "client"));
    writeFileSync(join(home, "client", "index.html"), "");
    expect(publishedBy(nodeFileSystem, join(home, "client", ".cache"), home)).toContain(join(home, "client"));
  });
});
