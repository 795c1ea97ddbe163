/** Time, as the cache asks for it; a test gives one that it moves by hand. */

/** A source of wall-clock time. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
}

/** The machine's own clock. */
export const systemClock: Clock = { now: () => Date.now() };
