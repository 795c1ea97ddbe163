/** What the times of an entry's file say, so that the sweep need not open it: access time = expiry, modification time = last use. Hints, never trusted alone. */

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
