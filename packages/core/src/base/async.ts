/** How work is continued, where it belongs, and when all of it is over. */
import { AsyncResource } from "node:async_hooks";

/* A value that is usually available at once: no promise and no extra turn unless the disk made one necessary. */

export type MaybeAsync<Value> = Value | Promise<Value>;

export function andThen<A, B>(value: MaybeAsync<A>, next: (value: A) => MaybeAsync<B>): MaybeAsync<B> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/* The asynchronous context of the cache's own work: that in which this module was loaded, never that of the request
 * that caused it. An application stores in it which user a request is for (`AsyncLocalStorage`); a page that is
 * rendered for all users is for none of them. */

const loading = new AsyncResource("DiskCache");

/** Does work that belongs to no request. What it begins belongs to none either. */
export function inOwnContext<Result>(work: () => Result): Result {
  return loading.runInAsyncScope(work);
}

/** Timers of the cache's own, one under each name. They belong to no request, and keep no process from exiting. */
export class OwnTimers<Name extends string> {
  readonly #timers = new Map<Name, NodeJS.Timeout>();
  #stopped = false;

  has(name: Name): boolean {
    return this.#timers.has(name);
  }

  /** In the place of the one that is set under the name. */
  set(name: Name, afterMs: number, ring: () => void): void {
    if (this.#stopped) return;
    this.clear(name);
    const timer = inOwnContext(() =>
      setTimeout(() => {
        this.#timers.delete(name);
        ring();
      }, afterMs),
    );
    this.#timers.set(name, timer.unref());
  }

  clear(name: Name): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  /** Clears all, and sets none any more. */
  stop(): void {
    this.#stopped = true;
    for (const name of this.#timers.keys()) this.clear(name);
  }
}

/** Resolves with the work, or after so long, when `late` is called. The work never rejects. */
export function atMost(ms: number, work: Promise<void>, late: () => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = inOwnContext(() =>
      setTimeout(() => {
        late();
        resolve();
      }, ms),
    );
    void work.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/* Background work that has to be over before something else ends. */

export class Pending {
  readonly #work = new Set<Promise<unknown>>();

  add<Work extends Promise<unknown>>(work: Work): Work {
    const done = (): void => void this.#work.delete(work);
    this.#work.add(work);
    work.then(done, done);
    return work;
  }

  /** Calls `end` as soon as no work is under way, including work added meanwhile. */
  async thenEnd(end: () => MaybeAsync<void>): Promise<void> {
    while (this.#work.size > 0) await Promise.allSettled(this.#work);
    await end();
  }
}
