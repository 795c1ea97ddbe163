/** The files of a cache directory, as one sees them from outside. */
import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Every file below a directory. */
export function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Those that hold stored entries. */
export function entryFiles(dir: string): string[] {
  return filesBelow(dir).filter((file) => /[\\/][0-9a-f]{2}[\\/][0-9a-f]{62}$/.test(file));
}
