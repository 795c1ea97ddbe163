/** Writes down, now and then and off the request path, that an entry was used: the modification time of its file. Never waits for it. */
import type { FileSystem } from "../file-system.js";
import { fileSeconds } from "./file-times.js";
import type { FileTimes } from "./file-times.js";
import type { Paths } from "../paths.js";

/** An entry's use is written down at most this often. */
export const TOUCH_INTERVAL_MS = 60_000;
const FLUSH_AFTER_MS = 200;
const MOST_WAITING = 4096;
const MOST_IN_FLIGHT = 2;

export class Recency {
  readonly #fs: FileSystem;
  readonly #paths: Paths;
  readonly #waiting = new Map<string, FileTimes>();
  #inFlight = 0;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(fs: FileSystem, paths: Paths) {
    this.#fs = fs;
    this.#paths = paths;
  }

  /** Both times in epoch milliseconds; the expiry has to be given again, for the call sets both. */
  touch(key: string, expiresAt: number, usedAt: number): void {
    if (this.#waiting.size >= MOST_WAITING) return;
    this.#waiting.set(key, { expiresAt, usedAt });
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      while (this.#inFlight < MOST_IN_FLIGHT && this.#next());
    }, FLUSH_AFTER_MS).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting.clear();
  }

  #next(): boolean {
    const next = this.#waiting.entries().next();
    if (next.done === true) return false;
    const [key, { expiresAt, usedAt }] = next.value;
    this.#waiting.delete(key);
    this.#inFlight++;
    // Losing one only makes an entry look older than it is.
    const done = (): void => {
      this.#inFlight--;
      this.#next();
    };
    try {
      this.#fs.lutimes(this.#paths.entry(key).file, fileSeconds(expiresAt), fileSeconds(usedAt), done);
    } catch {
      done();
    }
    return true;
  }
}
