/** Invalidates what a successful unsafe request has put out of date (RFC 9111 §4.4), and the cache groups its response
 * names (RFC 9875 §3). */
import { DiskCacheError, hookError, optionError } from "../base/errors.js";
import type { RequestHead, ResponseHead } from "../base/exchange.js";
import { groupInvalidations } from "../http/labels.js";
import { invalidatedTargets, invalidatesTarget } from "../http/invalidation.js";
import { splitUrl } from "../key/spellings.js";
import type { Observer } from "../base/observer.js";
import type { Policies } from "../options/policies.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { PurgeSelector, Store } from "../store/contract.js";
import type { StoredValue } from "../stored/stored-value.js";
import { checkTarget, groupTag, namedPages } from "./purge-target.js";
import type { Purges, PurgeTarget } from "./purge-target.js";

interface InvalidationDeps {
  readonly store: Store<StoredValue>;
  readonly observer: Observer;
  readonly options: Pick<ResolvedOptions, "enabled">;
  readonly policies: Policies;
}

/** @returns resolves when it is purged everywhere, or that has failed, which is reported; `undefined`: nothing is
 * @param asks a POST whose content is part of a key is a query, as the operator has configured, and changes
 * nothing */
export function invalidateByUnsafeMethod(
  { store, observer, options, policies }: InvalidationDeps,
  request: RequestHead,
  response: ResponseHead,
  asks: boolean,
): Promise<void> | undefined {
  if (!options.enabled || asks || !invalidatesTarget(request.method, response.status)) return undefined;
  const host = String(request.headers.host ?? "").toLowerCase();
  const selectors: PurgeSelector[] = [];
  for (const uri of invalidatedTargets({ scheme: request.scheme, host, target: request.target }, response)) {
    const named = splitUrl(uri);
    if (named !== undefined) selectors.push(...namedPages(named, (target) => policies.queriesOf(target)));
  }
  for (const group of groupInvalidations(response.rawHeaders))
    selectors.push({ kind: "tag", tag: groupTag(host, group) });
  // Recorded before the client learns of the change.
  return store.purge(selectors, { soft: false }).then(
    () => observer.purged(`${request.method} ${request.target}`, false),
    (error) => observer.error(error),
  );
}

/* Purges what the application names for requests that have changed something. */

/** @returns called for each such request. Never rejects: a failure leaves the response as it is, and is reported by an
 * event
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for a fixed target that is wrong */
export function purgesOf<Req>(
  purges: Purges<Req>,
  purge: (target: string | PurgeTarget) => Promise<void>,
  { observer }: { readonly observer: Observer },
): (native: Req) => Promise<void> {
  if (typeof purges !== "function") {
    const named = [purges].flat();
    if (named.length === 0) throw optionError("purges", "one thing to end at least", purges);
    for (const target of named) checkTarget("purges", target);
  }
  return async (native) => {
    try {
      const named = typeof purges === "function" ? await purges(native) : purges;
      await Promise.all([named].flat().map((target) => purge(target)));
    } catch (thrown) {
      observer.error(thrown instanceof DiskCacheError ? thrown : hookError("purges", thrown));
    }
  };
}
