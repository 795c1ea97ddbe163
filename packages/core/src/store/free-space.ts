/** How much the file system has left, asked now and then and not waited for; and how to make a little room on it. Decides nothing else. */
import { performance } from "node:perf_hooks";
import { allocatedBytes } from "./atomic-file.js";
import type { Stored } from "./atomic-file.js";
import type { FileSystem } from "./file-system.js";
import { SHARD_COUNT, isEntryName } from "./paths.js";
import type { Paths } from "./paths.js";

/** How long the free space of the file system is taken as known. */
const KNOWN_MS = 500;
/** So much more than what has to stay free is made free. */
const MARGIN = 1.05;
/** Entries removed at a time to make room for a record of a purge. */
const ROOM_ENTRIES = 64;

export class FreeSpace {
  readonly #fs: FileSystem;
  readonly #root: string;
  readonly #minFree: number;
  #bytes = Infinity;
  #knownUntil = 0;

  /** `minFree` in bytes; 0 for no bound: then nothing is asked. */
  constructor(fs: FileSystem, root: string, minFree: number) {
    this.#fs = fs;
    this.#root = root;
    this.#minFree = minFree;
  }

  /** Bytes that have to be made free. */
  get missing(): number {
    return this.#minFree === 0 ? 0 : Math.max(0, this.#minFree * MARGIN - this.#bytes);
  }

  admits(bytes: number): boolean {
    return this.#bytes - bytes >= this.#minFree;
  }

  used(bytes: number): void {
    if (bytes > 0) this.#bytes -= bytes;
  }

  /** What is known is no more. */
  forget(): void {
    this.#knownUntil = 0;
  }

  /** The answer counts for what comes after it. */
  look(): void {
    if (this.#minFree === 0) return;
    const now = performance.now();
    if (now < this.#knownUntil) return;
    this.#knownUntil = now + KNOWN_MS;
    try {
      // What comes first is not to be taken for what there is no room for.
      if (this.#bytes === Infinity) {
        const { bavail, bsize } = this.#fs.statfsSync(this.#root);
        this.#bytes = bavail * bsize;
        return;
      }
      this.#fs.statfs(this.#root, (error, stat) => {
        if (error === null || error === undefined) this.#bytes = stat.bavail * stat.bsize;
      });
    } catch {
      // Not known: then nothing is held back for it.
    }
  }
}

/** Removes a few entries, whichever come first. */
export function removeSome(fs: FileSystem, paths: Paths, changed: (shard: number, change: Stored) => void): void {
  let removed = 0;
  const first = Math.floor(Math.random() * SHARD_COUNT);
  for (let step = 0; step < SHARD_COUNT && removed < ROOM_ENTRIES; step++) {
    const shard = (first + step) % SHARD_COUNT;
    const directory = paths.shard(shard);
    try {
      if (fs.lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
      for (const name of fs.readdirSync(directory)) {
        if (removed >= ROOM_ENTRIES || !isEntryName(name)) continue;
        const stat = fs.lstatSync(`${directory}/${name}`, { throwIfNoEntry: false });
        if (stat?.isFile() !== true) continue;
        fs.unlinkSync(`${directory}/${name}`);
        changed(shard, { bytes: -allocatedBytes(stat), entries: -1 });
        removed++;
      }
    } catch {
      // Another shard may still give way.
    }
  }
}
