/** What the times of an entry's file say, so that the sweep need not open it: access time = expiry, modification time = last use. Hints, never trusted alone:
 * where they cannot be set the sweep opens the file, and takes it for last used when it was made. */
import { promised } from "../file-system.js";
import type { FileSystem } from "../file-system.js";

export interface FileTimes {
  /** Epoch milliseconds, or `Infinity`. */
  readonly expiresAt: number;
  /** Epoch milliseconds. */
  readonly usedAt: number;
}

/** The furthest time that every file system can note, in seconds. */
const LATEST_TIME = 2_147_483_647;

/** Epoch milliseconds as a file time, in seconds. */
export function fileSeconds(milliseconds: number): number {
  return Math.max(0, Math.min(milliseconds / 1000, LATEST_TIME));
}

/** Sets them, if that may be done here: by `node --permission` not through a descriptor, on some mounts not at all. Never throws.
 * @param path of the same file */
export function setTimesNow(fs: FileSystem, fd: number, path: string, { expiresAt, usedAt }: FileTimes): void {
  const [accessed, modified] = [fileSeconds(expiresAt), fileSeconds(usedAt)];
  try {
    fs.futimesSync(fd, accessed, modified);
  } catch {
    try {
      fs.lutimesSync(path, accessed, modified);
    } catch {
      // Without them it is kept all the same.
    }
  }
}

/** The same without waiting. Never rejects. */
export async function setTimes(fs: FileSystem, fd: number, path: string, times: FileTimes): Promise<void> {
  const [accessed, modified] = [fileSeconds(times.expiresAt), fileSeconds(times.usedAt)];
  await promised<void>((done) => fs.futimes(fd, accessed, modified, done))
    .catch(() => promised<void>((done) => fs.lutimes(path, accessed, modified, done)))
    .catch(() => undefined);
}
