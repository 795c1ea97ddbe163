/** What has failed a moment ago, and is not asked for again yet: after 1, 2, 4 … 60 seconds. */
import type { Clock } from "../base/clock.js";
import { Recent } from "../base/recent.js";

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
/** Failures remembered. */
const REMEMBERED_FAILURES = 1_000;

interface Failure {
  /** Which stored response could not be made anew: another one starts afresh. */
  readonly storedAt: number;
  readonly retryAt: number;
  readonly delayMs: number;
}

export class Backoff {
  readonly #clock: Clock;
  readonly #failures = new Recent<string, Failure>(REMEMBERED_FAILURES);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The response stored at `storedAt` could not be made anew. */
  failed(key: string, storedAt: number): void {
    const before = this.#failures.get(key);
    const delayMs = before?.storedAt === storedAt ? Math.min(before.delayMs * 2, LAST_RETRY_MS) : FIRST_RETRY_MS;
    this.#failures.set(key, { storedAt, retryAt: this.#clock.now() + delayMs, delayMs });
  }

  /** It may be tried again at once. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Whether it is too early to try again. */
  rests(key: string, storedAt: number): boolean {
    if (this.#failures.size === 0) return false;
    const failure = this.#failures.get(key);
    return failure?.storedAt === storedAt && this.#clock.now() < failure.retryAt;
  }
}
