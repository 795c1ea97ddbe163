/** Hears at once when something about a lock changes, where the file system tells. One watch of the directory, and only while somebody waits. Never relied on alone: it may be refused, and may miss something. */
import type { FSWatcher } from "node:fs";
import type { FileSystem } from "../file-system.js";

/** One who waits for something about a name to change. */
export interface Listening {
  /** Resolves when something has changed since it last did, or after so many milliseconds. Says whether it has. */
  changed(longestMs: number): Promise<boolean>;
  stop(): void;
}

export class LockWatch {
  readonly #fs: FileSystem;
  readonly #directory: string;
  /** Who waits, by name. */
  readonly #listening = new Map<string, Set<() => void>>();
  #watcher: FSWatcher | undefined;

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs;
    this.#directory = directory;
  }

  /** From now on, whatever changes about the name is heard. */
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

  // The watch keeps no process alive. Without one, those who wait have only their own looks.
  #watch(): FSWatcher | undefined {
    try {
      const watcher = this.#fs.watch(this.#directory, { persistent: false }, (_event, name) => this.#tell(name));
      return watcher.on("error", () => this.#end());
    } catch {
      return undefined;
    }
  }

  // Some systems do not say what has changed.
  #tell(name: string | null): void {
    const told = name === null ? [...this.#listening.values()] : [this.#listening.get(name) ?? []];
    for (const listeners of told) for (const listener of listeners) listener();
  }

  #end(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
