/** Writes the records that lead to a stored response: the list of its page's variants (RFC 9111 §4.1), and an alias for
 * targets that are equivalent to its own (`No-Vary-Search`). A record only points at responses, and each of them is
 * checked against purges by itself: so its birth is now, and it never starts out purged. */
import { fieldValue } from "../../http/fields.js";
import { canonicalQuery, parseNoVarySearch } from "../../http/no-vary-search.js";
import { pathKey, searchAliasKey, searchRecordKey, variantKey } from "../../key/page-key.js";
import { andThen } from "../../base/async.js";
import type { MaybeAsync } from "../../base/async.js";
import { varyRecordUnder } from "../../lookup/select.js";
import type { Store } from "../../store/contract.js";
import type { StoredValue } from "../../stored/stored-value.js";
import {
  encodeSearchAlias,
  encodeSearchRecord,
  encodeVaryRecord,
  withRule,
  withVariant,
} from "../../stored/selection-records.js";
import type { CapturePlan } from "./capture-plan.js";

/** When the response was stored, and until when it is usable, epoch ms: no record outlives what it points at by much. */
interface Lifetime {
  readonly storedAt: number;
  readonly expiresAt: number;
}

/** @param digest which variant of its page it is, where it is one of several */
export function listRecords(
  store: Store<StoredValue>,
  plan: CapturePlan,
  digest: string | undefined,
  lifetime: Lifetime,
): MaybeAsync<void> {
  const listed = digest === undefined ? undefined : listVariant(store, plan, digest, lifetime);
  return andThen(listed, () => listEquivalents(store, plan, lifetime));
}

function listVariant(
  store: Store<StoredValue>,
  { page, vary }: CapturePlan,
  digest: string,
  { storedAt, expiresAt }: Lifetime,
): MaybeAsync<void> {
  return andThen(varyRecordUnder(store, page.key), (current) => {
    const { record, dropped } = withVariant(current, vary, { digest, expiresAt });
    const latest = Math.max(...record.variants.map((variant) => variant.expiresAt));
    const { key, scope, name } = page;
    const head = { key, scope, name, tags: [], storedAt, expiresAt: latest, birth: store.position() };
    store.put({ ...head, meta: encodeVaryRecord(record) }, Buffer.alloc(0));
    for (const old of dropped) store.remove(variantKey(key, old));
  });
}

function listEquivalents(
  store: Store<StoredValue>,
  { page, request, head: { rawHeaders } }: CapturePlan,
  { storedAt, expiresAt }: Lifetime,
): MaybeAsync<void> {
  const variance = parseNoVarySearch(rawHeaders);
  const path = variance && pathKey(page, request);
  if (path === undefined) return undefined;
  const rule = fieldValue(rawHeaders, "no-vary-search")!;
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
