/** What is kept of a response, and where: put together when it begins. */
import { dated } from "../base/clock.js";
import type { FillPlan } from "../capture/fill.js";
import type { RawHeaders, ResponseHead } from "../base/exchange.js";
import { partPage } from "../key/part-page.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { StoreDecision } from "./decide-storing.js";
import type { ForwardPlan } from "./forward-plan.js";
import type { HandlerDirectives } from "./handler-directives.js";
import { offeredCodings } from "./offered-codings.js";
import { isPart } from "./parts.js";
import { clientCacheControl, headToStore, namingVary, outerFields } from "./response-fields.js";

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
 * @param directives the handler's, who may go on labelling */
export function fillPlan(
  options: ResolvedOptions,
  plan: ForwardPlan,
  { policy, vary, tags }: StoreDecision & { readonly store: true },
  { head, before, ownEtag, now }: Beginning,
  directives: HandlerDirectives,
): FillPlan {
  const page = plan.page!;
  const codings = offeredCodings(plan, directives, head);
  const named = codings.length === 0 ? vary : [...vary, "Accept-Encoding"];
  return {
    page: isPart(options, plan, head) ? partPage(page) : page,
    request: plan.request,
    head: headToStore(head, named, dated(options.clock, now)),
    policy,
    vary,
    // A `Vary` that names more than it did outside is no longer the one from there.
    outer: outerFields(before, namingVary(head.rawHeaders, named)),
    clientCacheControl: clientCacheControl(plan.policy, head, policy),
    tags,
    lateTags: directives.tags,
    birth: plan.birth,
    ownEtag,
    codings,
    holes: directives.sealHoles(),
  };
}
