/** Background work that has to be over before something else ends. */
import type { MaybeAsync } from "./maybe-async.js";

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
