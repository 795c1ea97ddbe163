/** In which content codings a handler's response is offered beside its own form (`compress`). Known from its head, so that the first visitor is told, too, by what it will differ. */
import type { Coding } from "../base/codings.js";
import type { ResponseHead } from "../base/exchange.js";
import { isCodable } from "../http/codable.js";
import { fieldLines } from "../http/fields.js";
import { varyFields } from "../http/vary.js";
import type { ForwardPlan } from "./forward-plan.js";
import type { HandlerDirectives } from "./handler-directives.js";

const NONE: readonly Coding[] = Object.freeze([]);

/** @returns none where nobody asked for any, or the response is left alone */
export function offeredCodings(
  { page, policy }: ForwardPlan,
  directives: HandlerDirectives,
  head: ResponseHead,
): readonly Coding[] {
  if (policy.compress === undefined || policy.compress.length === 0 || page === undefined) return NONE;
  const named = varyFields(fieldLines(head.rawHeaders, "vary"));
  // Holes are filled in the plain text.
  if (named === "*" || directives.sealHoles() !== undefined) return NONE;
  return isCodable(head, [...named, ...policy.vary, ...directives.varyFields]) ? policy.compress : NONE;
}
