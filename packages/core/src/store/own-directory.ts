/** Checks that directories below the root are the cache's own, never a link to another place: through a link, files
 * outside would be read, written and removed. Makes nothing, removes nothing. */
import type { Stats } from "node:fs";
import { dirname } from "node:path";
import { directoryError } from "../base/errors.js";
import { DIRECTORY_MODE, errorCode, promised } from "./file-system.js";
import type { FileSystem } from "./file-system.js";

/** How long the root is assumed not to have changed. */
const LOOK_MS = 100;

/** The stat of one of the cache's directories; `undefined` if it does not exist.
 * @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` when the path is not a directory; Node's own error */
export function ownDirectory(fs: Pick<FileSystem, "lstatSync">, path: string): Stats | undefined {
  let stat: Stats | undefined;
  try {
    stat = fs.lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // The path above it is not a directory either.
    if (errorCode(error) !== "ENOTDIR") throw error;
  }
  return stat && checked(path, stat);
}

/** The shards that are read from. Each is checked once, and again after something in the root has changed: placing a
 * link there changes the root. */
export class OwnShards {
  readonly #fs: FileSystem;
  readonly #root: string;
  readonly #elapsed: () => number;
  readonly #known = new Set<string>();
  #rootSeen = "";
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** @param elapsed milliseconds of a clock that never jumps */
  constructor(fs: FileSystem, root: string, elapsed: () => number) {
    this.#fs = fs;
    this.#root = root;
    this.#elapsed = elapsed;
  }

  /** Whether the shard of an entry's file exists.
   * @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` when the path is not a directory */
  has(file: string): boolean {
    const shard = shardOf(file);
    if (this.#knows(shard)) return true;
    if (ownDirectory(this.#fs, shard) === undefined) return false;
    this.#known.add(shard);
    return true;
  }

  /** The same asynchronously; also rejects when it does not exist. */
  async ensure(file: string): Promise<void> {
    const shard = shardOf(file);
    if (this.#knows(shard)) return;
    checked(shard, await promised<Stats>((done) => this.#fs.lstat(shard, done)));
    this.#known.add(shard);
  }

  #knows(shard: string): boolean {
    const now = this.#elapsed();
    if (now - this.#lookedAt > LOOK_MS) {
      const { ino, ctimeMs } = this.#fs.lstatSync(this.#root);
      const seen = `${ino} ${ctimeMs}`;
      if (seen !== this.#rootSeen) this.#known.clear();
      this.#rootSeen = seen;
      this.#lookedAt = now;
    }
    return this.#known.has(shard);
  }
}

/** The directory that an entry's file lies in. */
export function shardOf(file: string): string {
  return file.slice(0, file.lastIndexOf("/"));
}

function checked(path: string, stat: Stats): Stats {
  if (stat.isDirectory()) return stat;
  const found = stat.isSymbolicLink() ? "is a symbolic link" : "is not a directory";
  throw directoryError(path, `${found}: nothing is stored there; remove it`);
}

/*
 * Makes a directory, and those missing above it. Tries each name once: Node's own recursive `mkdir` never returns for
 * a name that can neither be made nor found, as below `/proc`. Never changes what exists.
 */

/** For a folder of the cache: the directory of the cache may be missing, too, but not its parent. */
export const IN_THE_CACHE = 1;

/** @param above how many missing directories above it are made; all by default
 * @throws Node's own error, `ENOENT` when more are missing. None when the name exists already, whatever it is. */
export function makeDirectory(fs: Pick<FileSystem, "mkdirSync">, path: string, above = Infinity): void {
  const missing: string[] = [];
  for (let at = path; !makeOne(fs, at); at = dirname(at)) {
    missing.push(at);
    if (missing.length > above || dirname(at) === at) break;
  }
  for (const below of missing.reverse()) {
    if (!makeOne(fs, below)) throw Object.assign(new Error(`cannot make ${below}`), { code: "ENOENT" });
  }
}

// False when the directory above it is missing.
function makeOne(fs: Pick<FileSystem, "mkdirSync">, path: string): boolean {
  try {
    fs.mkdirSync(path, DIRECTORY_MODE);
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT") return false;
    if (code !== "EEXIST") throw error;
  }
  return true;
}
