/** Ends what a successful unsafe request has made wrong (RFC 9111 §4.4), and the cache groups its response names (RFC 9875 §3). */
import type { RequestHead, ResponseHead } from "../base/exchange.js";
import { groupInvalidations } from "../http/groups.js";
import { invalidatedTargets, invalidatesTarget } from "../http/invalidation.js";
import { splitUrl } from "../key/split-url.js";
import type { Observer } from "../observe/observer.js";
import type { Policies } from "../options/policies.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { PurgeSelector, Store } from "../store/contract.js";
import type { StoredValue } from "../stored/stored-value.js";
import { groupTag } from "./group-tag.js";
import { namedPages } from "./named-pages.js";

interface InvalidationDeps {
  readonly store: Store<StoredValue>;
  readonly observer: Observer;
  readonly options: Pick<ResolvedOptions, "enabled">;
  readonly policies: Policies;
}

/** @param asks a POST whose content is part of a key is a question, by the operator's word, and changes nothing */
export function invalidateByUnsafeMethod(
  { store, observer, options, policies }: InvalidationDeps,
  request: RequestHead,
  response: ResponseHead,
  asks: boolean,
): void {
  if (!options.enabled || asks || !invalidatesTarget(request.method, response.status)) return;
  const host = String(request.headers.host ?? "").toLowerCase();
  const selectors: PurgeSelector[] = [];
  for (const uri of invalidatedTargets({ scheme: request.scheme, host, target: request.target }, response)) {
    const named = splitUrl(uri);
    if (named !== undefined) selectors.push(...namedPages(named, (target) => policies.queriesOf(target)));
  }
  for (const group of groupInvalidations(response.rawHeaders))
    selectors.push({ kind: "tag", tag: groupTag(host, group) });
  // Recorded before the visitor learns of the change; only its spreading to other processes is waited for elsewhere.
  store.purge(selectors, { soft: false }).then(
    () => observer.purged(`${request.method} ${request.target}`, false),
    (error) => observer.error(error),
  );
}
