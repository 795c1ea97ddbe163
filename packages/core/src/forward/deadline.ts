/** The time a handler has to begin its response (`timeout`). */
import type { ForwardPlan } from "./forward-plan.js";

/** Milliseconds; `undefined` where no stale page could stand in, so that nothing is measured. */
export function deadlineMs({ policy, selection, refresh }: ForwardPlan): number | undefined {
  return policy.timeout === undefined || selection === undefined || refresh ? undefined : policy.timeout * 1000;
}
