/** The time a handler has to begin its response (`timeout`). Only measures: what happens then is for whoever set it. */
import type { ForwardPlan } from "./forward-plan.js";

export class Deadline {
  readonly #missed: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(missed: () => void) {
    this.#missed = missed;
  }

  /** Begins, or begins anew under another policy. Nothing is measured where no stale page could stand in. */
  set({ policy, selection, refresh }: ForwardPlan): void {
    this.clear();
    if (policy.timeout === undefined || selection === undefined || refresh) return;
    this.#timer = setTimeout(this.#missed, policy.timeout * 1000).unref();
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
