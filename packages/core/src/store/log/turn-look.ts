/** How often something that others change has to be looked at: once in each turn of the event loop, and in a long one again. Looks at nothing itself. */
import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers";

/** A request that was read from its socket so long after the last look may have come after a change that the look has not seen. */
const COUNTS_MS = 0.1;

export class TurnLook {
  #inTurn = false;
  #atMs = 0;
  readonly #endTurn = (): void => {
    this.#inTurn = false;
  };

  /** Whether it was looked at in this turn. */
  get inTurn(): boolean {
    return this.#inTurn;
  }

  /** Whether the look of this turn is so long ago that it has to be looked again. */
  get old(): boolean {
    return performance.now() - this.#atMs > COUNTS_MS;
  }

  /** It is looked at now. */
  now(): void {
    this.#atMs = performance.now();
    if (this.#inTurn) return;
    this.#inTurn = true;
    setImmediate(this.#endTurn);
  }
}
