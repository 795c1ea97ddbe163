/** The keys whose responses could not be shared. No request waits for them, and as long as nothing was stored under a
 * key a moment ago, the store is not asked again. */
import { performance } from "node:perf_hooks";
import type { Clock } from "../base/clock.js";
import { Recent } from "../base/recent.js";

/** How long a key whose response could not be shared is remembered, so that no request waits for it. */
const REMEMBERED_MS = 60_000;
/** The same after a failure: soon one request leads again for all others, which spares an application that is down. */
const FAILURE_MS = 1_000;
const REMEMBERED_KEYS = 10_000;
/** How long another process's response may go unnoticed: opening a file that is not there costs more than the rest of
 * the request. */
const LOOK_AGAIN_MS = 50;

interface Miss {
  readonly until: number;
  /** When nothing was found under the key, by a clock that never jumps. */
  lookedMs: number;
}

export class HitForMiss {
  readonly #clock: Clock;
  readonly #elapsed: () => number;
  readonly #misses = new Recent<string, Miss>(REMEMBERED_KEYS);

  /** @param elapsed milliseconds of a clock that never jumps */
  constructor(clock: Clock, elapsed: () => number = () => performance.now()) {
    this.#clock = clock;
    this.#elapsed = elapsed;
  }

  /** No request waits for this key for a while.
   * @param failed the application failed, which says nothing about the page */
  remember(key: string, failed = false): void {
    const lookedMs = this.#misses.get(key)?.lookedMs ?? Number.NEGATIVE_INFINITY;
    this.#misses.set(key, { until: this.#clock.now() + (failed ? FAILURE_MS : REMEMBERED_MS), lookedMs });
  }

  has(key: string): boolean {
    const miss = this.#misses.get(key);
    if (miss === undefined) return false;
    // A clock that was set back must not make the mark last forever.
    const leftMs = miss.until - this.#clock.now();
    if (leftMs > 0 && leftMs <= REMEMBERED_MS) return true;
    this.#misses.delete(key);
    return false;
  }

  /** A response for this key can be shared after all. */
  forget(key: string): void {
    this.#misses.delete(key);
  }

  /** Whether a lookup under the key found nothing a moment ago. Runs on every hit, so it is one lookup in a map that
   * is mostly empty. */
  isAbsent(key: string): boolean {
    const miss = this.#misses.get(key);
    return miss !== undefined && this.#elapsed() - miss.lookedMs < LOOK_AGAIN_MS && this.has(key);
  }

  /** A lookup under the key has found nothing. */
  absent(key: string): void {
    const miss = this.#misses.get(key);
    if (miss !== undefined) miss.lookedMs = this.#elapsed();
  }
}
