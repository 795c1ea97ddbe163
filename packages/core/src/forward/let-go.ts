/** Lets everybody go who waits for a response that cannot be shared: nobody queues for what everybody has to ask for himself. */
import type { ForwardPlan } from "./forward-plan.js";

/** @param failed only because the application failed */
export function letGo({ leading }: ForwardPlan, failed: boolean): void {
  leading?.unshareable(failed);
  leading?.flight.release("unshareable");
  leading?.lock?.release();
}

/** Those who wait, and those who come, lead for themselves, here and in other processes. */
export function leadNoLonger({ leading }: ForwardPlan): void {
  leading?.flight.complete();
  leading?.lock?.release();
}
