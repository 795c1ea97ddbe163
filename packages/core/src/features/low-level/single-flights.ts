/** Values that are being made: once for all callers that ask for one, in this process and, by a lock beside that of
 * the value, in all others. */
import { performance } from "node:perf_hooks";
import { LONGEST_WAIT_MS } from "./exclusive.js";
import type { Locks } from "./exclusive.js";

/** Made here, or found because another process had made it. */
export interface Made {
  readonly bytes: Uint8Array;
}

export interface SingleFlight {
  /** False once a purge or a removal has come between: then the result goes to the callers that asked before, and is
   * not stored. */
  readonly current: () => boolean;
}

interface UnderWay<Result> {
  readonly result: Promise<Result>;
  readonly valid: () => boolean;
}

export class SingleFlights<Result extends object = Made> {
  readonly #locks: Locks;
  readonly #patienceMs: number;
  readonly #underWay = new Map<string, UnderWay<Result>>();

  /** @param patienceMs how long to wait for another process before this one makes the value, too */
  constructor(locks: Locks, patienceMs = LONGEST_WAIT_MS) {
    this.#locks = locks;
    this.#patienceMs = patienceMs;
  }

  /** The result of the making under way, or of a new one.
   * @param valid whether later callers may still join what is begun now
   * @param find reads what has been stored meanwhile
   * @param make makes and stores it */
  join(
    key: string,
    valid: () => boolean,
    find: () => Promise<Result | undefined>,
    make: (making: SingleFlight) => Promise<Result>,
  ): Promise<Result> {
    const known = this.#underWay.get(key);
    if (known?.valid() === true) return known.result;
    const current = (): boolean => this.#underWay.get(key) === own;
    const result = this.#alone(key, find, () => make({ current })).finally(() => {
      if (current()) this.#underWay.delete(key);
    });
    const own: UnderWay<Result> = { result, valid };
    this.#underWay.set(key, own);
    return result;
  }

  /** What is being made under the key is out of date: it is not stored, and no caller joins it any more. */
  forget(key: string): void {
    this.#underWay.delete(key);
  }

  async #alone(key: string, find: () => Promise<Result | undefined>, make: () => Promise<Result>): Promise<Result> {
    const startedMs = performance.now();
    const lockKey = `making ${key}`;
    for (;;) {
      const lock = this.#locks.lock(lockKey, { always: true });
      try {
        // Under this lock, or after another process held it, the value may be there by now.
        const found = await find();
        if (found !== undefined) return found;
        if (lock !== "held" || performance.now() - startedMs >= this.#patienceMs) return await make();
      } finally {
        // Released once other processes can read what was made.
        if (typeof lock === "object") lock.release([key]);
      }
      await this.#locks.released(lockKey, this.#patienceMs);
    }
  }
}
