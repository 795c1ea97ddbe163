/** Writes an alias record for a response whose query matters only in part (`No-Vary-Search`), for targets that are
 * equivalent to its own. */
import type { RequestHead, ResponseHead } from "../../base/exchange.js";
import { fieldValue } from "../../http/fields.js";
import { canonicalQuery, parseNoVarySearch } from "../../http/no-vary-search.js";
import { pathKey, searchAliasKey, searchRecordKey } from "../../key/page-key.js";
import type { PageKey } from "../../key/page-key.js";
import { andThen } from "../../base/async.js";
import type { MaybeAsync } from "../../base/async.js";
import type { Store } from "../../store/contract.js";
import type { StoredValue } from "../../stored/stored-value.js";
import { encodeSearchAlias, encodeSearchRecord, withRule } from "../../stored/selection-records.js";

/** @param expiresAt of the response, epoch ms: no record outlives what it points at by much */
export function listEquivalents(
  store: Store<StoredValue>,
  page: PageKey,
  request: RequestHead,
  { rawHeaders }: ResponseHead,
  { storedAt, expiresAt }: { readonly storedAt: number; readonly expiresAt: number },
): MaybeAsync<void> {
  const variance = parseNoVarySearch(rawHeaders);
  const path = variance && pathKey(page, request);
  if (path === undefined) return undefined;
  const rule = fieldValue(rawHeaders, "no-vary-search")!;
  // The record only points at responses, and each of them is checked against purges by itself: so its birth is now.
  const word = { scope: page.scope, name: page.name, tags: [], storedAt, birth: store.position() };
  return andThen(store.get(searchRecordKey(path)), (current) => {
    const known = current?.value.kind === "search" ? current.value : undefined;
    const until = Math.max(expiresAt, current?.head.expiresAt ?? 0);
    if (known?.rules.at(-1) !== rule || until !== current?.head.expiresAt) {
      const meta = encodeSearchRecord(withRule(known, rule));
      store.put({ ...word, key: searchRecordKey(path), meta, expiresAt: until }, Buffer.alloc(0));
    }
    const key = searchAliasKey(path, canonicalQuery(page.name, variance));
    store.put({ ...word, key, meta: encodeSearchAlias({ kind: "alias", key: page.key }), expiresAt }, Buffer.alloc(0));
  });
}
