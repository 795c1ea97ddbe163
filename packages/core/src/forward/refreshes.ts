/** Which request refreshes a stale page: one per key at a time, a limited number at once, with a growing delay while
 * it fails. After a refused refresh, a client's own request. */
import type { Clock } from "../base/clock.js";
import { Recent } from "../base/recent.js";

/** At most this many refreshes run at once in one process. */
const MAX_TOGETHER = 8;
/** A refresh that has not returned by then no longer counts. */
const MAX_AGE_MS = 60_000;
/** Refused refreshes remembered. */
const REMEMBERED_REFUSED = 1_000;

export class Refreshes {
  readonly #clock: Clock;
  /** Key to the moment when its refresh began. */
  readonly #running = new Map<string, number>();
  readonly #backoff: Backoff;
  /** Key to the moment when the response was stored that a refresh left as it was. */
  readonly #refused = new Recent<string, number>(REMEMBERED_REFUSED);

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#backoff = new Backoff(clock);
  }

  /** Claims the refresh of the response stored at `storedAt`.
   * @returns a function to call when it is over; `undefined` when another request is refreshing it, too many are
   * running, or it failed a moment ago */
  claim(key: string, storedAt: number): (() => void) | undefined {
    const now = this.#clock.now();
    const since = this.#running.get(key);
    if (since !== undefined && now - since < MAX_AGE_MS) return undefined;
    if (since !== undefined) this.refused(key, storedAt);
    if (this.#running.size >= MAX_TOGETHER && since === undefined && !this.#forgetLost(now)) return undefined;
    if (this.#backoff.rests(key, storedAt)) return undefined;
    // Counted as failed until the response is replaced: then this one is not refreshed again.
    this.#backoff.failed(key, storedAt);
    this.#running.set(key, now);
    return () => {
      if (this.#running.get(key) === now) this.#running.delete(key);
    };
  }

  /** A refresh was answered, and has left the response stored at `storedAt` as it was: the next client's request is
   * forwarded at once. */
  refused(key: string, storedAt: number): void {
    this.#backoff.forget(key);
    this.#refused.set(key, storedAt);
  }

  /** Whether a client's request has to be forwarded, because a request of the cache's own had no effect. */
  needsClient(key: string, storedAt: number): boolean {
    return this.#refused.size > 0 && this.#refused.get(key) === storedAt;
  }

  #forgetLost(now: number): boolean {
    for (const [key, since] of this.#running) if (now - since >= MAX_AGE_MS) this.#running.delete(key);
    return this.#running.size < MAX_TOGETHER;
  }
}

/* What failed a moment ago, and is not retried yet: after 1, 2, 4 … 60 seconds. */

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
/** Failures remembered. */
const REMEMBERED_FAILURES = 1_000;

interface Failure {
  /** Which stored response could not be refreshed: the delays of another one start from the beginning. */
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

  /** The response stored at `storedAt` could not be refreshed. */
  failed(key: string, storedAt: number): void {
    const before = this.#failures.get(key);
    const delayMs = before?.storedAt === storedAt ? Math.min(before.delayMs * 2, LAST_RETRY_MS) : FIRST_RETRY_MS;
    this.#failures.set(key, { storedAt, retryAt: this.#clock.now() + delayMs, delayMs });
  }

  /** It may be retried at once. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Whether it is too early to retry. */
  rests(key: string, storedAt: number): boolean {
    if (this.#failures.size === 0) return false;
    const failure = this.#failures.get(key);
    return failure?.storedAt === storedAt && this.#clock.now() < failure.retryAt;
  }
}
