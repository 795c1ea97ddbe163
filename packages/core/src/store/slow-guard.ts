/** Decides whether the disk is quick enough to be asked synchronously, from measured times alone. Asks nothing itself. */
import { performance } from "node:perf_hooks";

/** Weight of the newest measurement in the running mean. */
const WEIGHT = 0.2;
/** A measurement counts as no more than so many times the limit: one hiccup of a busy machine is not a slow disk, two in a row are. */
const MOST_TIMES_LIMIT = 4;

export class SlowGuard {
  #meanMs = 0;
  #slow = false;
  #slowUntil = 0;
  readonly #limitMs: number;
  readonly #spikeMs: number;
  readonly #restMs: number;

  /** Slow when the running mean passes `limitMs` or one call takes `spikeMs`, for `restMs` at least. */
  constructor(limitMs: number, spikeMs: number, restMs: number) {
    this.#limitMs = limitMs;
    this.#spikeMs = spikeMs;
    this.#restMs = restMs;
  }

  /** True when the next call may be synchronous. */
  get quick(): boolean {
    return !this.#slow;
  }

  /** Takes the duration of a synchronous call that began at `startedMs` (`performance.now()`). */
  synchronous(startedMs: number, endedMs = performance.now()): void {
    const took = endedMs - startedMs;
    this.#meanMs += (Math.min(took, this.#limitMs * MOST_TIMES_LIMIT) - this.#meanMs) * WEIGHT;
    if (this.#meanMs <= this.#limitMs && took <= this.#spikeMs) return;
    this.#slow = true;
    this.#slowUntil = endedMs + this.#restMs;
  }

  /** The same of an asynchronous call. Only these end a slow time: a synchronous probe would hold up everybody. */
  asynchronous(startedMs: number, endedMs = performance.now()): void {
    if (!this.#slow) return;
    if (endedMs - startedMs > this.#limitMs) {
      this.#slowUntil = endedMs + this.#restMs;
    } else if (endedMs >= this.#slowUntil) {
      this.#slow = false;
      this.#meanMs = 0;
    }
  }
}
