/** How often something that other processes change has to be checked: once in each turn of the event loop, and again
 * in a long one. Checks nothing itself. */
import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers";

/** A request that was read from its socket this long after the last check may follow a change that the check has not
 * seen. */
const COUNTS_MS = 0.1;

export class TurnLook {
  #inTurn = false;
  #atMs = 0;
  readonly #endTurn = (): void => {
    this.#inTurn = false;
  };

  /** Whether it was checked in this turn. */
  get inTurn(): boolean {
    return this.#inTurn;
  }

  /** Whether the check of this turn is so old that it has to be repeated. */
  get old(): boolean {
    return performance.now() - this.#atMs > COUNTS_MS;
  }

  /** Notes that it is checked now. */
  now(): void {
    this.#atMs = performance.now();
    if (this.#inTurn) return;
    this.#inTurn = true;
    setImmediate(this.#endTurn);
  }
}
