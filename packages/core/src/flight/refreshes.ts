/** Who refreshes a stale page: one request per key at a time, a bounded number together, less and less often while it fails. */
import type { Clock } from "../clock.js";

/** At most this many refreshes run at a time in one process. */
const MAX_TOGETHER = 8;
/** A refresh that has not come back by then no longer counts. */
const MAX_AGE_MS = 60_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
/** Failures remembered; the oldest are forgotten first. */
const MAX_FAILURES = 1_000;

interface Failure {
  /** Which stored response could not be refreshed: another one starts afresh. */
  readonly storedAt: number;
  readonly retryAt: number;
  readonly delayMs: number;
}

export class Refreshes {
  readonly #clock: Clock;
  /** Key to the moment its refresh began. */
  readonly #running = new Map<string, number>();
  readonly #failures = new Map<string, Failure>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Claims the refresh of the response stored at `storedAt`.
   * @returns a function to call when it is over; `undefined` when somebody else is at it, too many are, or it failed a moment ago */
  claim(key: string, storedAt: number): (() => void) | undefined {
    const now = this.#clock.now();
    const since = this.#running.get(key);
    if (since !== undefined && now - since < MAX_AGE_MS) return undefined;
    if (this.#running.size >= MAX_TOGETHER && since === undefined && !this.#forgetLost(now)) return undefined;
    const failure = this.#failures.get(key);
    const again = failure?.storedAt === storedAt;
    if (again && now < failure.retryAt) return undefined;
    // Counted as failed until the response is another one: then nobody asks for this one again.
    const delayMs = again ? Math.min(failure.delayMs * 2, LAST_RETRY_MS) : FIRST_RETRY_MS;
    this.#remember(key, { storedAt, retryAt: now + delayMs, delayMs });
    this.#running.set(key, now);
    return () => {
      if (this.#running.get(key) === now) this.#running.delete(key);
    };
  }

  #remember(key: string, failure: Failure): void {
    this.#failures.delete(key);
    this.#failures.set(key, failure);
    if (this.#failures.size > MAX_FAILURES) this.#failures.delete(this.#failures.keys().next().value!);
  }

  #forgetLost(now: number): boolean {
    for (const [key, since] of this.#running) if (now - since >= MAX_AGE_MS) this.#running.delete(key);
    return this.#running.size < MAX_TOGETHER;
  }
}
