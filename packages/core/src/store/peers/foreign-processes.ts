/**
 * Which processes of other machines, boots and pid namespaces live: the kernel does not tell, so the file by which one makes itself known does, while its
 * times change. Compares no clocks, which may differ: it is watched for how long they stay. Makes and removes nothing.
 */
import type { FileSystem } from "../file-system.js";

/** Who acts, or holds a lock, shows himself so often. */
export const SHOW_MS = 500;
/** Who was watched for so long and has not shown himself is gone, or does nothing; when he does something again, he makes himself known anew. */
const SILENT_MS = 3_000;
/** By the clock, which may have been set since: only at the first look. Longer than clocks differ. */
const LONG_SILENT_MS = 60 * 60 * 1000;

interface Watched {
  readonly mtimeMs: number;
  /** On this process' own clock. */
  readonly since: number;
}

export class ForeignProcesses {
  readonly #fs: FileSystem;
  readonly #elapsed: () => number;
  readonly #watched = new Map<string, Watched>();

  /** @param elapsed milliseconds of a clock that never jumps */
  constructor(fs: FileSystem, elapsed: () => number) {
    this.#fs = fs;
    this.#elapsed = elapsed;
  }

  /** Whether the file has changed lately, as far as it was watched.
   * @throws Node's own error */
  shows(path: string): boolean {
    const stat = this.#fs.lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return false;
    const { mtimeMs } = stat;
    const now = this.#elapsed();
    const before = this.#watched.get(path);
    const first = Date.now() - mtimeMs <= LONG_SILENT_MS ? now : Number.NEGATIVE_INFINITY;
    const since = before === undefined ? first : before.mtimeMs === mtimeMs ? before.since : now;
    this.#watched.set(path, { mtimeMs, since });
    return now - since <= SILENT_MS;
  }

  /** Forgets all but these. */
  forgetBut(paths: ReadonlySet<string>): void {
    for (const path of this.#watched.keys()) if (!paths.has(path)) this.#watched.delete(path);
  }
}
