/** Whether the handler's response is kept: what HTTP allows, then what operator, route and handler say. They can only refuse. */
import type { CacheContext } from "../context.js";
import { hookError } from "../errors.js";
import type { ResponseHead } from "../exchange.js";
import { fieldValue } from "../http/fields.js";
import { storability } from "../http/storability.js";
import type { StoredPolicy } from "../http/storability.js";
import type { ForwardPlan } from "./forward-plan.js";
import type { HandlerDirectives } from "./handler-directives.js";
import { storagePolicy, tagsOf } from "./storage-policy.js";

export type StoreDecision =
  | {
      readonly store: true;
      readonly policy: StoredPolicy;
      readonly vary: readonly string[];
      readonly tags: readonly string[];
    }
  | { readonly store: false; readonly reason: string };

export function decideStoring(
  { options, observer }: CacheContext,
  { page, request, facts, policy, native, detail }: ForwardPlan,
  directives: HandlerDirectives,
  head: ResponseHead,
  times: { readonly requestAt: number; readonly responseAt: number },
): StoreDecision {
  if (page === undefined) return { store: false, reason: detail ?? "bypass" };
  if (directives.skipReason !== undefined) return { store: false, reason: directives.skipReason };
  const verdict = storability(
    { ...facts, method: request.method },
    head,
    storagePolicy(options, policy, directives),
    times,
  );
  if (!verdict.store) return verdict;
  const vary = [...new Set([...verdict.vary, ...policy.vary, ...directives.varyFields])].sort();
  if (vary.includes("*")) return { store: false, reason: "vary-star" };
  if (announcedTooLong(head, options.maxBody)) return { store: false, reason: "too-long" };
  try {
    if (!policy.shouldStore.every((agrees) => agrees(native, head))) return { store: false, reason: "should-store" };
    return { store: true, policy: verdict.policy, vary, tags: tagsOf(page, policy, directives, native, head) };
  } catch (thrown) {
    observer.error(hookError("shouldStore or tags", thrown));
    return { store: false, reason: "hook" };
  }
}

// Known before the first byte: then nobody begins to read along what will not be kept.
function announcedTooLong({ rawHeaders }: ResponseHead, maxBody: number): boolean {
  return Number(fieldValue(rawHeaders, "content-length") ?? 0) > maxBody;
}
