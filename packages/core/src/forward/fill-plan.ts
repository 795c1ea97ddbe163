/** What is kept of a response, and where: put together when it begins. */
import type { FillPlan } from "../capture/fill.js";
import type { RawHeaders, ResponseHead } from "../exchange.js";
import { partPage } from "../key/part-page.js";
import type { ResolvedOptions } from "../resolve-options.js";
import type { StoreDecision } from "./decide-storing.js";
import type { ForwardPlan } from "./forward-plan.js";
import { isPart } from "./parts.js";
import { clientCacheControl, headToStore, outerFields } from "./response-fields.js";

/** The response as it begins. */
interface Beginning {
  readonly head: ResponseHead;
  /** Fields that were set before the handler was called. */
  readonly before: RawHeaders;
  /** Made here, for a response that had none. */
  readonly ownEtag: string | undefined;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** @param plan of a request that has a page
 * @param lateTags those the handler gives while it goes on */
export function fillPlan(
  options: ResolvedOptions,
  plan: ForwardPlan,
  { policy, vary, tags }: StoreDecision & { readonly store: true },
  { head, before, ownEtag, now }: Beginning,
  lateTags: readonly string[],
): FillPlan {
  const page = plan.page!;
  return {
    page: isPart(options, plan, head) ? partPage(page) : page,
    request: plan.request,
    head: headToStore(head, vary, now),
    policy,
    vary,
    outer: outerFields(before, head.rawHeaders),
    clientCacheControl: clientCacheControl(plan.policy, head, policy),
    tags,
    lateTags,
    birth: plan.birth,
    ownEtag,
  };
}
