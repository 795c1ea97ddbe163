/** Values that are being made: once for all who ask for one, in this process and, by a lock beside that of the value, in all others. */
import { performance } from "node:perf_hooks";
import { LONGEST_WAIT_MS } from "./exclusive.js";
import type { Locks } from "./exclusive.js";

/** Made, or found because somebody else had made it. */
export interface Made {
  readonly bytes: Uint8Array;
}

export interface Making {
  /** False once a purge or a removal has come between: the result is for those who had asked before, and is not kept. */
  readonly current: () => boolean;
}

interface UnderWay {
  readonly result: Promise<Made>;
  readonly valid: () => boolean;
}

export class Makings {
  readonly #locks: Locks;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(locks: Locks) {
    this.#locks = locks;
  }

  /** The result of the making under way, or of a new one.
   * @param valid whether what is begun now may still be joined by who comes later
   * @param find what has been stored meanwhile
   * @param make makes and stores it */
  join(
    key: string,
    valid: () => boolean,
    find: () => Promise<Made | undefined>,
    make: (making: Making) => Promise<Made>,
  ): Promise<Made> {
    const known = this.#underWay.get(key);
    if (known?.valid() === true) return known.result;
    const current = (): boolean => this.#underWay.get(key) === own;
    const result = this.#alone(key, find, () => make({ current })).finally(() => {
      if (current()) this.#underWay.delete(key);
    });
    const own: UnderWay = { result, valid };
    this.#underWay.set(key, own);
    return result;
  }

  /** What is being made under the key is out of date: it is not kept, and nobody joins it any more. */
  forget(key: string): void {
    this.#underWay.delete(key);
  }

  async #alone(key: string, find: () => Promise<Made | undefined>, make: () => Promise<Made>): Promise<Made> {
    const startedMs = performance.now();
    const lockKey = `making ${key}`;
    for (;;) {
      const lock = this.#locks.lock(lockKey, { always: true });
      try {
        // Under the lock, or after another one's: it may be there by now.
        const found = await find();
        if (found !== undefined) return found;
        if (lock !== "held" || performance.now() - startedMs >= LONGEST_WAIT_MS) return await make();
      } finally {
        if (typeof lock === "object") lock.release();
      }
      await this.#locks.released(lockKey, LONGEST_WAIT_MS);
    }
  }
}
