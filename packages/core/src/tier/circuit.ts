/** Whether an engine is worth asking: after some failures in a row it is left alone for a while, longer each time, and
 * then asked once. Asks nothing itself. */

const MOST_FAILURES = 3;
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 30_000;

export class Circuit {
  readonly #now: () => number;
  #failures = 0;
  #restMs = FIRST_REST_MS;
  #restsUntil = -Infinity;
  #trying = false;

  /** @param now milliseconds of a clock that never jumps */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether it is left alone at present. */
  get open(): boolean {
    return this.#failures >= MOST_FAILURES && (this.#trying || this.#now() < this.#restsUntil);
  }

  /** Milliseconds for which it is left alone still. */
  get restsForMs(): number {
    return this.open ? Math.max(0, this.#restsUntil - this.#now()) : 0;
  }

  /** Whether it has not answered the last time. */
  get doubtful(): boolean {
    return this.#failures > 0;
  }

  /** Whether it may be asked now: `answered` or `failed` follows. */
  take(): boolean {
    if (this.open) return false;
    this.#trying = this.#failures >= MOST_FAILURES;
    return true;
  }

  answered(): void {
    this.#failures = 0;
    this.#trying = false;
    this.#restMs = FIRST_REST_MS;
  }

  failed(): void {
    this.#trying = false;
    if (++this.#failures < MOST_FAILURES) return;
    // Machines that have lost it at once do not all come back at once.
    this.#restsUntil = this.#now() + this.#restMs * (0.5 + Math.random() / 2);
    this.#restMs = Math.min(this.#restMs * 2, LONGEST_REST_MS);
  }
}
