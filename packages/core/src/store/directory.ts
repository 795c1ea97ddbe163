/** Makes the cache directory and refuses one that others could use to plant or read pages. Never removes anything. */
import { statSync } from "node:fs";
import type { Stats } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { directoryError } from "../base/errors.js";
import { CREATE_FLAGS, DIRECTORY_FLAGS, DIRECTORY_MODE, errorCode, FILE_MODE } from "./file-system.js";
import type { FileSystem } from "./file-system.js";
import { makeDirectory } from "./own-directory.js";

const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
const WRITABLE_BY_OTHERS = GROUP_WRITES | OTHERS_WRITE;
const SETGID = 0o2000;
const STICKY = 0o1000;

// Backup tools skip a directory with this first line (bford.info/cachedir); .gitignore keeps pages out of a commit.
const MARKERS: readonly (readonly [name: string, content: string])[] = [
  [
    "CACHEDIR.TAG",
    "Signature: 8a477f597d28d172789f06886806bc55\n# Made by diskcache. Everything in this directory can be deleted.\n",
  ],
  [".gitignore", "*\n"],
];

/** The space that the smallest file takes. */
const TRIAL = "\0".repeat(4096);
const OTHER_DIR = "give a `dir` this process may write";
const WRITE_REMEDIES: Readonly<Record<string, string>> = {
  EROFS: "its file system is read-only: mount it for writing, or give another `dir`",
  ENOSPC: "its file system is full: make room, or give another `dir`",
  EDQUOT: "a quota is used up: raise it, or give another `dir`",
};

export interface DirectoryRules {
  readonly allowPublicDir: boolean;
  /** The directory existed before. Then its parent is not made again: a release that a deploy has removed stays
   * removed. */
  readonly known: boolean;
}

/** Makes the directory if it is missing, and checks it.
 * @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` with the remedy */
export function prepareDirectory(fs: FileSystem, dir: string, options: DirectoryRules): void {
  if (!options.allowPublicDir) refusePublished(fs, dir, resolve(dir));
  make(fs, dir, options.known);
  checkDirectory(fs, dir);
  // In case a link above it leads elsewhere.
  if (!options.allowPublicDir) refusePublished(fs, dir, realPath(fs, dir));
  for (const [name, content] of MARKERS) writeMarker(fs, `${dir}/${name}`, content);
}

/** Writes a file and removes it.
 * @param path of a temporary file in the directory
 * @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` with the remedy */
export function writeTrial(fs: FileSystem, dir: string, path: string): void {
  try {
    const fd = fs.openSync(path, CREATE_FLAGS, FILE_MODE);
    try {
      if (fs.writeSync(fd, TRIAL) < TRIAL.length) throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
    } finally {
      fs.closeSync(fd);
      fs.unlinkSync(path);
    }
  } catch (cause) {
    const code = errorCode(cause);
    throw directoryError(
      dir,
      `cannot be written (${code || String(cause)}); ${WRITE_REMEDIES[code] ?? OTHER_DIR}`,
      cause,
    );
  }
}

function make(fs: FileSystem, dir: string, known: boolean): void {
  try {
    makeDirectory(fs, dir, known ? 0 : Infinity);
  } catch (cause) {
    const code = errorCode(cause);
    // Where nothing can be made, the directory may exist already.
    if (code !== "ENOENT" && code !== "ENOTDIR" && fs.lstatSync(dir, { throwIfNoEntry: false }) !== undefined) return;
    if (known && code === "ENOENT")
      throw directoryError(
        dir,
        `was removed together with what it lay in; nothing is stored until ${dirname(dir)} is there again`,
        cause,
      );
    throw directoryError(dir, `cannot be made (${code || String(cause)}); make it, or ${OTHER_DIR}`, cause);
  }
}

function checkDirectory(fs: FileSystem, dir: string): void {
  let stat;
  try {
    stat = fs.lstatSync(dir);
  } catch (cause) {
    throw directoryError(dir, `cannot be read (${errorCode(cause) || String(cause)})`, cause);
  }
  if (stat.isSymbolicLink()) throw directoryError(dir, "is a symbolic link; give the path it points to");
  if (!stat.isDirectory()) throw directoryError(dir, "is not a directory; remove it or give another `dir`");
  const uid = process.getuid?.();
  if (uid === undefined) return;
  if (stat.uid !== uid) {
    const others = `belongs to user ${stat.uid}, and this process runs as ${uid}`;
    throw directoryError(dir, `${others}; chown it, or give another \`dir\`${otherWays(dir, stat)}`);
  }
  if ((stat.mode & WRITABLE_BY_OTHERS) !== 0 && !(isGroupVolume(stat) && close(fs, dir)))
    throw directoryError(dir, `can be written by others, who could plant pages in it; ${remedy(dir, stat)}`);
}

// A directory that every user may write to is meant to be shared, such as /tmp.
function remedy(dir: string, stat: Stats): string {
  if ((stat.mode & STICKY) !== 0) return `give a directory of its own, such as ${join(dir, "pages")}`;
  return isGroupVolume(stat) ? "its mode cannot be changed here: give another `dir`" : `run: chmod 700 ${dir}`;
}

// For a volume that this process may write to without owning it: what it makes there is its own.
function otherWays(dir: string, { uid, gid, mode }: Stats): string {
  const written = (mode & OTHERS_WRITE) !== 0 || ((mode & GROUP_WRITES) !== 0 && isOwnGroup(gid));
  const below = written ? `, such as ${join(dir, "pages")} below it` : "";
  return uid === 0 ? below : `${below}, or run as user ${uid}`;
}

// A directory that the owner of a volume, or an orchestrator at each start (`fsGroup` of Kubernetes), has opened to a
// group of this process.
function isGroupVolume({ mode, gid }: Stats): boolean {
  return (mode & (GROUP_WRITES | OTHERS_WRITE | SETGID)) === (GROUP_WRITES | SETGID) && isOwnGroup(gid);
}

function isOwnGroup(gid: number): boolean {
  return process.getuid?.() === 0 || process.getegid?.() === gid || process.getgroups?.().includes(gid) === true;
}

// Closes it to all but its owner. False when it stays open, as on a file system that keeps no modes.
function close(fs: FileSystem, dir: string): boolean {
  try {
    const fd = fs.openSync(dir, DIRECTORY_FLAGS);
    try {
      fs.fchmodSync(fd, DIRECTORY_MODE);
      return (fs.fstatSync(fd).mode & WRITABLE_BY_OTHERS) === 0;
    } finally {
      fs.closeSync(fd);
    }
  } catch {
    return false;
  }
}

function refusePublished(fs: FileSystem, dir: string, path: string): void {
  const published = publishedBy(fs, path, process.cwd());
  if (published !== undefined)
    throw directoryError(
      dir,
      `${published}; move it, or set \`allowPublicDir\` (of pages in \`safety\`) if nothing serves it`,
    );
}

function realPath(fs: FileSystem, dir: string): string {
  try {
    return fs.realpathSync(dir);
  } catch (cause) {
    throw directoryError(dir, `cannot be read (${errorCode(cause) || String(cause)})`, cause);
  }
}

function writeMarker(fs: FileSystem, path: string, content: string): void {
  try {
    const fd = fs.openSync(path, CREATE_FLAGS, FILE_MODE);
    try {
      fs.writeSync(fd, content);
    } finally {
      fs.closeSync(fd);
    }
  } catch {
    // Already there, or the disk is full: the cache works without it.
  }
}

/*
 * Whether a directory looks like one that is served to clients. What a framework's static middleware serves cannot be
 * seen from outside (`express.static` and `koa-static` keep their root private), so names and neighbouring files have
 * to decide. Reads no file.
 */

/** Directory names that web servers and static middleware commonly publish. */
const PUBLISHED_NAMES: ReadonlySet<string> = new Set(["public", "public_html", "static", "htdocs", "wwwroot"]);
/** The same, but only inside an application: many live under `/var/www` themselves. */
const PUBLISHED_WITHIN: ReadonlySet<string> = new Set(["www"]);

/** Why clients could probably fetch the files of the directory; `undefined` when nothing suggests it.
 * @param path absolute
 * @param home the working directory: an application may itself live under /srv/public, so if `path` lies below it,
 * only the part below it counts */
export function publishedBy(fs: FileSystem, path: string, home: string): string | undefined {
  const below = relative(home, path);
  const within = !isAbsolute(below) && below.split(sep)[0] !== ".." && dirname(home) !== home;
  const name = (within ? below : path)
    .split(/[\\/]/)
    .find((part) => PUBLISHED_NAMES.has(part.toLowerCase()) || (within && PUBLISHED_WITHIN.has(part.toLowerCase())));
  if (name !== undefined) return `lies under \`${name}\`, which is commonly served to clients`;
  const site = siteAbove(fs, path, home);
  return site && `lies in ${site}, whose index.html says that it is served to clients`;
}

// The nearest directory above that has a start page; not that of the application itself, nor one above it.
function siteAbove(fs: FileSystem, path: string, home: string): string | undefined {
  for (let at = path; at !== dirname(at) && !holds(at, home); at = dirname(at)) {
    if (exists(fs, `${at}/index.html`)) return at;
  }
  return undefined;
}

function exists(fs: FileSystem, path: string): boolean {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

function holds(directory: string, path: string): boolean {
  const below = relative(directory, path);
  return !isAbsolute(below) && below.split(sep)[0] !== "..";
}

/* Whether two paths name one directory: spelled differently, or through a link. Creates nothing, never throws. */

export function sameDirectory(a: string, b: string): boolean {
  if (a === b || resolve(a) === resolve(b)) return true;
  const one = identity(a);
  return one !== undefined && one === identity(b);
}

function identity(path: string): string | undefined {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat && `${stat.dev}:${stat.ino}`;
  } catch {
    return undefined;
  }
}
