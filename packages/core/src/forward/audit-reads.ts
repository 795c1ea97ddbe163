/** What the handler reads of a request, and whether its page is selected by it. */
import { Reads } from "../audit/reads.js";
import type { CacheContext } from "../context.js";
import type { RequestHead } from "../base/exchange.js";
import { everyFieldBut } from "../key/every-field.js";
import { ignoredParameters } from "../key/query.js";
import type { ResolvedPolicy } from "../options/resolve-policy.js";
import type { StoreDecision } from "./decide-storing.js";
import type { ForwardPlan } from "./forward-plan.js";

export function readsOf({ target }: RequestHead, { query, keyFunction }: ResolvedPolicy): Reads {
  // With a key function, what the query means is the operator's own affair.
  return keyFunction === undefined ? new Reads(query !== undefined, ignoredParameters(target, query)) : new Reads();
}

/** The decision, unless the handler has read what does not select the page and the audit is to keep such pages out. Where it went through all fields, each may have been used: then the page is for requests that are alike in all of them. Tells of it either way. */
export function audited(
  { auditor, options }: CacheContext,
  { reads, request, policy, page, native }: ForwardPlan,
  decision: StoreDecision,
): StoreDecision {
  if (auditor === undefined || reads === undefined || page === undefined || !decision.store) return decision;
  const { vary, policy: stored } = decision;
  const { cookies, credentials } = options;
  const { ignore } = options.audit;
  const selectors = { request, policy, cookies, credentials, partitioned: page.partitioned, vary, stored, ignore };
  const { named, copied } = auditor.finds(reads, selectors, native);
  if (!auditor.enforces || !(named || copied)) return decision;
  if (named) return { store: false, reason: "audit" };
  // What a partition answers for, it answers for here, too.
  const answered = Object.keys(request.headers).filter((name) => credentials.has(name));
  const others = page.partitioned ? [...UNDER_PARTITIONS, ...answered] : [];
  return { ...decision, vary: [everyFieldBut([...ignore, ...others]), ...vary] };
}

const UNDER_PARTITIONS: readonly string[] = ["authorization", "cookie"];
