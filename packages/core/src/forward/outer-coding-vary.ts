/** Middleware outside the cache that compresses by itself says so in `Vary` before the handler runs (koa-compress does). Where the page is kept in codings here, that is nothing the page inside differs by. */
import { namesCodingVary, withoutCodingVary } from "../coding/coded-head.js";
import type { ForwardPlan, ResponseStart } from "./forward-plan.js";
import type { HandlerDirectives } from "./handler-directives.js";
import { offeredCodings } from "./offered-codings.js";

/** The response with the `Vary` of its handler alone, where it makes a difference. */
export function withoutOuterCodingVary(
  plan: ForwardPlan,
  directives: HandlerDirectives,
  start: ResponseStart,
): ResponseStart {
  const { head, before } = start;
  const { policy, selection } = plan;
  if (policy.compress === undefined || policy.compress.length === 0 || !namesCodingVary(before)) return start;
  const own = { ...head, rawHeaders: withoutCodingVary(head.rawHeaders) };
  // A 304 is about the page that is stored.
  const offered = head.status === 304 ? selection?.entry.value.offer?.codings : offeredCodings(plan, directives, own);
  return offered === undefined || offered.length === 0 ? start : { ...start, head: own };
}
