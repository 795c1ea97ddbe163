/** Lists what is on disk by reading the head of every file. Judges nothing: some of the entries may be invalid. */
import type { EntryHead } from "../contract.js";
import type { FileSystem } from "../file-system.js";
import { ownDirectory } from "../own-directory.js";
import { isEntryName, SHARD_COUNT } from "../paths.js";
import type { Paths } from "../paths.js";
import type { EntryFiles } from "./entry-file.js";

/** The heads, one shard after the other. */
export function* storedHeads(fs: FileSystem, paths: Paths, files: EntryFiles): Generator<readonly EntryHead[]> {
  for (let shard = 0; shard < SHARD_COUNT; shard++) {
    const directory = paths.shard(shard);
    const heads = namesIn(fs, directory).flatMap((name) => files.readHead(`${directory}/${name}`)?.head ?? []);
    if (heads.length > 0) yield heads;
  }
}

function namesIn(fs: FileSystem, directory: string): readonly string[] {
  try {
    return ownDirectory(fs, directory) === undefined ? [] : fs.readdirSync(directory).filter(isEntryName);
  } catch {
    return [];
  }
}
