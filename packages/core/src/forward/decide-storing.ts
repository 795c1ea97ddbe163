/** Whether the handler's response is kept: what HTTP allows, then what operator, route and handler say. They can only refuse. */
import type { CacheContext } from "../context.js";
import { hookError } from "../base/errors.js";
import type { RequestHead, ResponseHead } from "../base/exchange.js";
import type { ExchangeTimes } from "../http/age.js";
import { answersGet } from "../http/answers-get.js";
import { fieldValue, hasField } from "../http/fields.js";
import { lengthAgrees } from "../http/length-agrees.js";
import { storability } from "../http/storability.js";
import type { StoredPolicy } from "../http/stored-policy.js";
import { varyFields } from "../http/vary.js";
import type { PageKey } from "../key/page-key.js";
import { variantDigest, variantKey } from "../key/variant-key.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import { holesRefusal } from "./fill-made.js";
import type { ForwardPlan } from "./forward-plan.js";
import type { HandlerDirectives } from "./handler-directives.js";
import { isPart } from "./parts.js";
import { storagePolicy, tagsOf } from "./storage-policy.js";

/** It may be kept, but is asked for for the first time (`admission`). */
export const NOT_ADMITTED = "admission";

export type StoreDecision =
  | {
      readonly store: true;
      readonly policy: StoredPolicy;
      readonly vary: readonly string[];
      readonly tags: readonly string[];
    }
  | { readonly store: false; readonly reason: string };

export function decideStoring(
  { options, observer, store }: CacheContext,
  plan: ForwardPlan,
  directives: HandlerDirectives,
  { head, bodyBytes }: { readonly head: ResponseHead; readonly bodyBytes: number | undefined },
  times: ExchangeTimes,
): StoreDecision {
  const { page, facts, policy, native, detail } = plan;
  if (page === undefined) return { store: false, reason: detail ?? "bypass" };
  if (directives.skipReason !== undefined) return { store: false, reason: directives.skipReason };
  // It would be found by visitors who are not asked whether they belong to it.
  if (!directives.partitions.every((value) => page.partitions.includes(value)))
    return { store: false, reason: "partition" };
  const unfillable = holesRefusal(directives.sealHoles(), head);
  if (unfillable !== undefined) return { store: false, reason: unfillable };
  const method = countsAs(options, plan, head);
  const verdict = storability(
    method === facts.method ? facts : { ...facts, method },
    head,
    storagePolicy(options, policy, directives, isPart(options, plan, head)),
    times,
  );
  if (!verdict.store) return verdict;
  // Whoever sends a coding has read who accepts it, even if he does not say so.
  const coding = hasField(head.rawHeaders, "content-encoding") ? ["accept-encoding"] : [];
  const said = varyFields(directives.varyFields);
  if (said === "*" || policy.vary.includes("*")) return { store: false, reason: "vary-star" };
  const vary = [...new Set([...verdict.vary, ...policy.vary, ...said, ...coding])].sort();
  if (isEventStream(head)) return { store: false, reason: "event-stream" };
  if ((bodyBytes ?? announcedLength(head)) > options.maxBody) return { store: false, reason: "too-long" };
  if (bodyBytes !== undefined && !lengthAgrees(head, bodyBytes)) return { store: false, reason: "length" };
  try {
    if (!policy.shouldStore.every((agrees) => agrees(native, head))) return { store: false, reason: "should-store" };
    const tags = tagsOf(page, policy, directives, native, head);
    if (!isAwaited(plan) && !store.admits(keyOf(page, plan.request, vary)))
      return { store: false, reason: NOT_ADMITTED };
    return { store: true, policy: verdict.policy, vary, tags };
  } catch (thrown) {
    observer.error(hookError("shouldStore or tags", thrown));
    return { store: false, reason: "hook" };
  }
}

// Others wait for it: so it is asked for more than once.
function isAwaited({ leading }: ForwardPlan): boolean {
  return leading !== undefined && leading.flight.awaited;
}

function keyOf(page: PageKey, request: RequestHead, vary: readonly string[]): string {
  return vary.length === 0 ? page.key : variantKey(page.key, variantDigest(request, vary));
}

// An answer to a POST that is one to a GET, too, is kept as that (RFC 9110 §9.3.3).
function countsAs({ relaxed }: ResolvedOptions, { request, policy }: ForwardPlan, head: ResponseHead): string {
  const { method, scheme, headers, target } = request;
  if (method !== "POST" || !relaxed.postAnswersGet || policy.methods.includes("POST")) return method;
  return answersGet(`${scheme}://${headers.host as string}${target}`, head) ? "GET" : method;
}

// Made for one listener, from the moment he came, and mostly without an end: nobody else may read along.
function isEventStream({ rawHeaders }: ResponseHead): boolean {
  return (fieldValue(rawHeaders, "content-type") ?? "").toLowerCase().startsWith("text/event-stream");
}

/** Whether the response says itself how long it is. */
export function isLengthAnnounced({ rawHeaders }: ResponseHead): boolean {
  return hasField(rawHeaders, "content-length");
}

/** Known before the first byte: then nobody begins to read along what will not be kept. Bytes; 0 where it is not announced. */
export function announcedLength({ rawHeaders }: ResponseHead): number {
  return Number(fieldValue(rawHeaders, "content-length") ?? 0);
}
