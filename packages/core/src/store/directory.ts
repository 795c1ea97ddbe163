/** Makes the cache directory and refuses one that others could use to plant or read pages. Never removes anything. */
import { dirname, join, resolve } from "node:path";
import { directoryError } from "../errors.js";
import { CREATE_FLAGS, FILE_MODE, errorCode } from "./file-system.js";
import type { FileSystem } from "./file-system.js";
import { makeDirectory } from "./make-directory.js";
import { publishedBy } from "./published.js";

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

// Backup tools skip a directory with this first line (bford.info/cachedir); .gitignore keeps pages out of a commit.
const MARKERS: readonly (readonly [name: string, content: string])[] = [
  [
    "CACHEDIR.TAG",
    "Signature: 8a477f597d28d172789f06886806bc55\n# Made by diskcache. Everything in this directory can be deleted.\n",
  ],
  [".gitignore", "*\n"],
];

/** As much as the smallest file takes. */
const TRIAL = "\0".repeat(4096);
const OTHER_DIR = "give a `dir` this process may write";
const WRITE_REMEDIES: Readonly<Record<string, string>> = {
  EROFS: "its file system is read-only: mount it for writing, or give another `dir`",
  ENOSPC: "its file system is full: make room, or give another `dir`",
  EDQUOT: "a quota is used up: raise it, or give another `dir`",
};

export interface DirectoryRules {
  readonly allowPublicDir: boolean;
  /** It was there before. What it lay in is not made again then: a release that a deploy has removed stays removed. */
  readonly known: boolean;
}

/** Makes the directory where it is missing and checks it.
 * @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` with the remedy */
export function prepareDirectory(fs: FileSystem, dir: string, options: DirectoryRules): void {
  if (!options.allowPublicDir) refusePublished(fs, dir, resolve(dir));
  make(fs, dir, options.known);
  checkDirectory(fs, dir);
  // Where a link above it leads somewhere else.
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
  if (stat.uid !== uid)
    throw directoryError(
      dir,
      `belongs to user ${stat.uid}, and this process runs as ${uid}; chown it, or give another \`dir\``,
    );
  if ((stat.mode & WRITABLE_BY_OTHERS) !== 0)
    throw directoryError(dir, `can be written by others, who could plant pages in it; ${remedy(dir, stat.mode)}`);
}

// A directory that everybody may put something into is meant to be shared, such as /tmp.
function remedy(dir: string, mode: number): string {
  return (mode & STICKY) === 0 ? `run: chmod 700 ${dir}` : `give a directory of its own, such as ${join(dir, "pages")}`;
}

function refusePublished(fs: FileSystem, dir: string, path: string): void {
  const published = publishedBy(fs, path, process.cwd());
  if (published !== undefined)
    throw directoryError(dir, `${published}; move it, or set \`allowPublicDir: true\` if nothing serves it`);
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
