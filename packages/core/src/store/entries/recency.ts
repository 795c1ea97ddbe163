/** Records, now and then and off the request path, that an entry was used: in the modification time of its file. Never
 * waits for it. */
import { OwnTimers } from "../../base/async.js";
import { promised } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import type { Paths } from "../paths.js";

/** An entry's use is recorded at most this often. */
export const TOUCH_INTERVAL_MS = 60_000;
const FLUSH_AFTER_MS = 200;
const MOST_WAITING = 4096;
const MOST_IN_FLIGHT = 2;

export class Recency {
  readonly #fs: FileSystem;
  readonly #paths: Paths;
  readonly #waiting = new Map<string, FileTimes>();
  #inFlight = 0;
  readonly #timers = new OwnTimers<"flush">();

  constructor(fs: FileSystem, paths: Paths) {
    this.#fs = fs;
    this.#paths = paths;
  }

  /** Both times in epoch milliseconds; the expiry has to be given again, because the call sets both. */
  touch(key: string, expiresAt: number, usedAt: number): void {
    if (this.#waiting.size >= MOST_WAITING) return;
    this.#waiting.set(key, { expiresAt, usedAt });
    if (this.#timers.has("flush")) return;
    this.#timers.set("flush", FLUSH_AFTER_MS, () => {
      while (this.#inFlight < MOST_IN_FLIGHT && this.#next());
    });
  }

  close(): void {
    this.#timers.stop();
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

/* What the times of an entry's file mean, so that the sweep need not open it: access time = expiry, modification time
 * = last use. Hints, never trusted alone: where they cannot be set, the sweep opens the file and takes the time it was
 * made for its last use. */

export interface FileTimes {
  /** Epoch milliseconds, or `Infinity`. */
  readonly expiresAt: number;
  /** Epoch milliseconds. */
  readonly usedAt: number;
}

/** The latest time that every file system can store, in seconds. */
const LATEST_TIME = 2_147_483_647;

/** Epoch milliseconds as a file time, in seconds. */
function fileSeconds(milliseconds: number): number {
  return Math.max(0, Math.min(milliseconds / 1000, LATEST_TIME));
}

/** Sets them, if permitted: under `node --permission` not through a descriptor, on some mounts not at all. Never
 * throws.
 * @param path of the same file */
export function setTimesNow(fs: FileSystem, fd: number, path: string, { expiresAt, usedAt }: FileTimes): void {
  const [accessed, modified] = [fileSeconds(expiresAt), fileSeconds(usedAt)];
  try {
    fs.futimesSync(fd, accessed, modified);
  } catch {
    try {
      fs.lutimesSync(path, accessed, modified);
    } catch {
      // The entry is kept without them.
    }
  }
}

/** The same asynchronously. Never rejects. */
export async function setTimes(fs: FileSystem, fd: number, path: string, times: FileTimes): Promise<void> {
  const [accessed, modified] = [fileSeconds(times.expiresAt), fileSeconds(times.usedAt)];
  await promised<void>((done) => fs.futimes(fd, accessed, modified, done))
    .catch(() => promised<void>((done) => fs.lutimes(path, accessed, modified, done)))
    .catch(() => undefined);
}
