/** The time, as machines that share purges live by it: a steady clock that all processes of a machine have in common. A
 * test moves it by hand. */
import { inOwnContext } from "../base/async.js";

export interface TierTime {
  /** Milliseconds of the steady clock. */
  steady(): number;
  /** Epoch milliseconds of the machine. */
  wall(): number;
  /** Calls back once. Keeps no process from exiting.
   * @returns takes it back */
  after(ms: number, ring: () => void): () => void;
}

/** The machine's own.
 * @param steady milliseconds of the clock that all of its processes share */
export function machineTime(steady: () => number): TierTime {
  return {
    steady,
    wall: () => Date.now(),
    after: (ms, ring) => {
      const timer = inOwnContext(() => setTimeout(ring, ms)).unref();
      return () => clearTimeout(timer);
    },
  };
}

/** The same result, or a rejection when it has not come in time. */
export function inTime<Value>(time: TierTime, ms: number, work: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    const cancel = time.after(ms, () => reject(new Error(`no answer within ${Math.round(ms)} ms`)));
    work.finally(cancel).then(resolve, reject);
  });
}

/** Waits that can all be ended at once. */
export class Waits {
  readonly #time: TierTime;
  readonly #enders = new Set<() => void>();
  #ended = false;

  constructor(time: TierTime) {
    this.#time = time;
  }

  /** Resolves after so long, or when `end` is called. */
  wait(ms: number): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        this.#enders.delete(done);
        resolve();
      };
      const cancel = this.#time.after(ms, done);
      this.#enders.add(done);
    });
  }

  /** Ends the waits that are under way. */
  wake(): void {
    for (const done of this.#enders) done();
  }

  /** Ends them, and all that begin later. */
  end(): void {
    this.#ended = true;
    this.wake();
  }
}
