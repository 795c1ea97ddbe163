/** Reports changes to a lock at once, where the file system supports it. One watch of the directory, and only while a
 * caller waits. Never relied on alone: the watch may be refused, and may miss a change. */
import type { FSWatcher } from "node:fs";
import type { FileSystem } from "../file-system.js";

/** A wait for changes under one name. */
export interface Listening {
  /** Resolves when something has changed since the last call, or after this many milliseconds. Returns whether it
   * has. */
  changed(longestMs: number): Promise<boolean>;
  stop(): void;
}

export class LockWatch {
  readonly #fs: FileSystem;
  readonly #directory: string;
  /** The callbacks that wait, by name. */
  readonly #listening = new Map<string, Set<() => void>>();
  #watcher: FSWatcher | undefined;

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs;
    this.#directory = directory;
  }

  /** Every change under the name from now on is reported. */
  listen(name: string): Listening {
    let heard = false;
    let wake: () => void = () => undefined;
    const tell = (): void => {
      heard = true;
      wake();
    };
    const listeners = this.#listening.get(name) ?? new Set();
    this.#listening.set(name, listeners.add(tell));
    this.#watcher ??= this.#watch();
    return {
      changed: async (longestMs) => {
        let timer: NodeJS.Timeout | undefined;
        if (!heard) {
          await new Promise<void>((resolve) => {
            wake = resolve;
            timer = setTimeout(resolve, longestMs);
          });
          clearTimeout(timer);
        }
        const told = heard;
        heard = false;
        return told;
      },
      stop: () => {
        listeners.delete(tell);
        if (listeners.size === 0) this.#listening.delete(name);
        if (this.#listening.size === 0) this.#end();
      },
    };
  }

  // The watch keeps no process alive. Without one, waiting callers only poll.
  #watch(): FSWatcher | undefined {
    try {
      const watcher = this.#fs.watch(this.#directory, { persistent: false }, (_event, name) => this.#tell(name));
      return watcher.on("error", () => this.#end());
    } catch {
      return undefined;
    }
  }

  // Some systems do not report which name has changed.
  #tell(name: string | null): void {
    const told = name === null ? [...this.#listening.values()] : [this.#listening.get(name) ?? []];
    for (const listeners of told) for (const listener of listeners) listener();
  }

  #end(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
