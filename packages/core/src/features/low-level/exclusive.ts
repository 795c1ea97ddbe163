/** One call at a time per key: in this process by queueing, among processes by the store's lock. Knows nothing of the
 * work done meanwhile, but that a value is made once for all callers. */
import { performance } from "node:perf_hooks";
import { Pending } from "../../base/async.js";
import { busyError, closedError } from "../../base/errors.js";
import type { KeyLock } from "../../store/contract.js";

/** As long as the lock of a living process is valid at most; a caller that still waits then gives up. */
const LONGEST_WAIT_MS = 60_000;

/** The locks of the store. */
export interface Locks {
  lock(key: string, options: { readonly always: boolean }): KeyLock | "held" | undefined;
  released(key: string, timeoutMs: number): Promise<unknown>;
}

export class Exclusive {
  readonly #locks: Locks;
  /** The last call in the queue of each key. */
  readonly #lines = new Map<string, Promise<void>>();
  readonly #underWay = new Pending();
  /** Wakes the calls that wait for another process. */
  readonly #waiting = new Set<() => void>();
  #closed = false;

  constructor(locks: Locks) {
    this.#locks = locks;
  }

  /** Does the work while no other caller holds any of the keys. What the work stores has to be on disk when it ends.
   * @param always takes a lock even if no other process seems to be there: one may just be starting
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_BUSY` when another process does not release a key,
   * `ERR_DISKCACHE_CLOSED` when it had not by `close` */
  run<Result>(keys: readonly string[], always: boolean, work: () => Promise<Result>): Promise<Result> {
    // The same order for all calls, so that no two wait for each other.
    return this.#underWay.add(this.#runInOrder([...new Set(keys)].sort(), always, work));
  }

  /** Lets `close` also wait for a call that does several such works. */
  including<Result>(several: Promise<Result>): Promise<Result> {
    return this.#underWay.add(several);
  }

  /** Calls `end` once all work that has begun is done. Calls that still wait for another process are given up. */
  close(end: () => Promise<void>): Promise<void> {
    this.#closed = true;
    for (const wake of this.#waiting) wake();
    return this.#underWay.thenEnd(end);
  }

  #runInOrder<Result>(keys: readonly string[], always: boolean, work: () => Promise<Result>): Promise<Result> {
    const [first, ...rest] = keys;
    if (first === undefined) return work();
    return this.#inLine(first, () => this.#locked(first, always, () => this.#runInOrder(rest, always, work)));
  }

  async #inLine<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#lines.get(key);
    let leave = (): void => undefined;
    const own = new Promise<void>((resolve) => (leave = resolve));
    this.#lines.set(key, own);
    try {
      if (before !== undefined) await before;
      return await work();
    } finally {
      if (this.#lines.get(key) === own) this.#lines.delete(key);
      leave();
    }
  }

  async #locked<Result>(key: string, always: boolean, work: () => Promise<Result>): Promise<Result> {
    const lock = await this.#lock(key, always);
    try {
      return await work();
    } finally {
      lock?.release();
    }
  }

  async #lock(key: string, always: boolean): Promise<KeyLock | undefined> {
    const startedMs = performance.now();
    for (;;) {
      const lock = this.#locks.lock(key, { always });
      if (lock !== "held") return lock;
      if (this.#closed) throw closedError();
      if (performance.now() - startedMs >= LONGEST_WAIT_MS) throw busyError();
      await this.#released(key);
    }
  }

  #released(key: string): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      void this.#locks.released(key, LONGEST_WAIT_MS).then(wake);
    });
  }
}

/* Values that are being made: once for all callers that ask for one, in this process and, by a lock beside that of
 * the value, in all others. */

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
