/** The pages that one URL names, in the store's words. */
import { canonicalTarget } from "../key/query.js";
import { spellings } from "../key/spellings.js";
import type { ResolvedQueryRules } from "../options/resolve-policy.js";
import type { PurgeSelector } from "../store/contract.js";

/** All by which a page asked for under a target may have its name. */
export type QueriesOf = (target: string) => readonly (ResolvedQueryRules | undefined)[];

/** @param scope `undefined` for every host */
export function namedPages(
  { scope, target }: { readonly scope: string | undefined; readonly target: string },
  queriesOf: QueriesOf,
): readonly PurgeSelector[] {
  const names = new Set(
    spellings(target).flatMap((spelling) => queriesOf(spelling).map((query) => canonicalTarget(spelling, query))),
  );
  return [...names].map((name) => ({ kind: "name", name, scope }));
}
