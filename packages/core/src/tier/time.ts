/** The time of machines that share purges: a steady clock that all processes of a machine have in common, and
 * what has to be over in time. A test moves it by hand. */
import { inOwnContext } from "../base/async.js";
import type { EngineConnection, Tier } from "./contract.js";

const LEAST_CONNECT_MS = 500;

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
      let turn: NodeJS.Immediate | undefined;
      // What has arrived while this process was busy is seen before it counts as late.
      const rings = (): void => void (turn = setImmediate(ring));
      const timer = inOwnContext(() => setTimeout(rings, ms)).unref();
      return () => {
        clearTimeout(timer);
        clearImmediate(turn);
      };
    },
  };
}

/** Waits that can all be ended at once. */
export class Waits {
  readonly #time: TierTime;
  readonly #enders = new Set<() => void>();
  /** Of questions that are given up. */
  readonly #failers = new Set<() => void>();
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

  /** The same result; a rejection when it has not come in time, or `end` is called. */
  inTime<Value>(ms: number, work: Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const fail = (): void => {
        cancel();
        this.#failers.delete(fail);
        reject(new Error("it is over"));
      };
      const cancel = this.#time.after(ms, () => {
        this.#failers.delete(fail);
        reject(new Error(`no answer within ${Math.round(ms)} ms`));
      });
      this.#failers.add(fail);
      const done = (): void => {
        cancel();
        this.#failers.delete(fail);
      };
      work.finally(done).then(resolve, reject);
      if (this.#ended) fail();
    });
  }

  /** Ends the waits that are under way. */
  wake(): void {
    for (const done of this.#enders) done();
  }

  /** Ends them, and all that begin later; questions that have no answer yet are given up. */
  end(): void {
    this.#ended = true;
    this.wake();
    for (const fail of this.#failers) fail();
  }
}

/** A connection to the engine, in time. One that comes too late is closed. */
export async function connected(tier: Tier, waits: Waits, leaseMs: number): Promise<EngineConnection> {
  const opening = tier.connect();
  try {
    return await waits.inTime(Math.max(leaseMs / 3, LEAST_CONNECT_MS), opening);
  } catch (error) {
    opening.then(
      (late) => late.close(),
      () => undefined,
    );
    throw error;
  }
}
