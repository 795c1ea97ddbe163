/** A clock that stands still until the test moves it. */
import type { Clock } from "@diskcache/core";

export class ManualClock implements Clock {
  #now: number;

  constructor(start = "2026-01-02T03:04:05Z") {
    this.#now = Date.parse(start);
  }

  now(): number {
    return this.#now;
  }

  /** Seconds; negative ones set the clock back. */
  advance(seconds: number): void {
    this.#now += seconds * 1000;
  }
}

/** The machine's own time, for what is shared with another process. */
export const systemClock: Clock = { now: () => Date.now() };
