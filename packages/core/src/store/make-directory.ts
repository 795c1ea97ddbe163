/**
 * Makes a directory, and what is missing above it. Asks for each name once: Node's own recursive `mkdir` never returns where a name can neither be made
 * nor found, as below `/proc`. Never changes what is there.
 */
import { dirname } from "node:path";
import { DIRECTORY_MODE, errorCode } from "./file-system.js";
import type { FileSystem } from "./file-system.js";

/** Of a folder of the cache: the directory of the cache may be missing, too, but not what that lies in. */
export const IN_THE_CACHE = 1;

/** @param above how many directories above it are made where they are missing; all by default
 * @throws Node's own error, `ENOENT` where more is missing. None when something has the name already, whatever it is. */
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
