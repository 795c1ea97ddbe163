import { chmodSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import type { Stats } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryDirectory } from "../../../../test/support/temporary-directory.js";
import { prepareDirectory } from "./directory.js";
import { nodeFileSystem } from "./file-system.js";
import type { FileSystem } from "./file-system.js";
import { publishedBy } from "./published.js";

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
