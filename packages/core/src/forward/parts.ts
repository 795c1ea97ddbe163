/** Parts of a page that the application cuts itself (`relaxed.partial`): which ranges go to it, and which of its answers are parts to keep. */
import type { ResponseHead } from "../base/exchange.js";
import { contentRangeOf, missingRange } from "../http/fragment.js";
import { rangeSpecs } from "../http/range.js";
import { validatorsOf } from "../http/validators.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { ForwardPlan } from "./forward-plan.js";

/** Whether the visitor's `Range` goes to the application as it came: one part, of a page that is not stored. */
export function passesRange(
  { relaxed }: ResolvedOptions,
  { page, request: { method, headers }, selection }: Pick<ForwardPlan, "page" | "request" | "selection">,
): boolean {
  if (!relaxed.partial || page === undefined || method !== "GET" || selection !== undefined) return false;
  return typeof headers.range === "string" && rangeSpecs(headers.range)?.length === 1;
}

/** Whether the answer is a part to keep beside the page. */
export function isPart(options: ResolvedOptions, plan: ForwardPlan, head: ResponseHead): boolean {
  return head.status === 206 && contentRangeOf(head) !== undefined && passesRange(options, plan);
}

/** The fields that ask for what is missing of a stored beginning; `If-Range` where it has a tag to be sure by, which then is a strong one. */
export function askForTheRest(beginning: ResponseHead): [name: string, value: string][] {
  const { etag } = validatorsOf(beginning);
  const asked: [string, string][] = [["range", missingRange(beginning)!]];
  if (etag !== undefined) asked.push(["if-range", etag]);
  return asked;
}
