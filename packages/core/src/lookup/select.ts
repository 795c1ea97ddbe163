/** Finds the stored response a request selects (RFC 9111 §4, §4.1). Says why not; decides nothing about freshness. */
import type { RequestHead } from "../base/exchange.js";
import { variantDigest, variantKey } from "../key/page-key.js";
import type { Store, StoreEntry } from "../store/contract.js";
import type { StoredResponse } from "../stored/stored-response.js";
import type { StoredValue } from "../stored/stored-value.js";
import type { VaryRecord } from "../stored/selection-records.js";
import { andThen } from "../base/async.js";
import type { MaybeAsync } from "../base/async.js";

export type ResponseEntry = StoreEntry<StoredResponse>;

export interface Selection {
  /** The key the entry is stored under. */
  readonly key: string;
  readonly entry: ResponseEntry;
}

/** Why nothing was selected, in the words of RFC 9211 §2.2. */
export type Absence = "uri-miss" | "vary-miss";

export function select(store: Store<StoredValue>, key: string, request: RequestHead): MaybeAsync<Selection | Absence> {
  return andThen(store.get(key), (entry): MaybeAsync<Selection | Absence> => {
    if (entry === undefined) return "uri-miss";
    if (isResponse(entry)) return { key, entry };
    return selectVariant(store, key, entry.value as VaryRecord, request);
  });
}

/** The same entry as another process may have replaced it since this one read it into memory. */
export function selectLatest(store: Store<StoredValue>, { key, entry }: Selection): MaybeAsync<Selection> {
  return andThen(store.getLatest(key), (latest) =>
    latest !== undefined && isResponse(latest) ? { key, entry: latest } : { key, entry },
  );
}

/** The variant record under a key, if there is one and it is in memory. */
export function varyRecordUnder(store: Store<StoredValue>, key: string): MaybeAsync<VaryRecord | undefined> {
  return andThen(store.get(key), (entry) => (entry?.value.kind === "vary" ? entry.value : undefined));
}

function selectVariant(
  store: Store<StoredValue>,
  key: string,
  record: VaryRecord,
  request: RequestHead,
): MaybeAsync<Selection | Absence> {
  let candidates = undefined as MaybeAsync<Selection | undefined>;
  for (const fields of record.selectors) {
    const digest = variantDigest(request, fields);
    const variant = record.variants.find((known) => known.digest === digest);
    // Other machines have variants of which no record here knows.
    if (variant === undefined && store.reachesOthers !== true) continue;
    if (variant !== undefined) variant.hits++;
    const under = variantKey(key, digest);
    const found = store.get(under);
    candidates = andThen(candidates, (best) => andThen(found, (entry) => moreRecent(best, under, entry)));
  }
  return andThen(candidates, (best) => best ?? "vary-miss");
}

/** Of two that match, the more recent (§4.1).
 * @param suits what else is required to match */
export function moreRecent(
  best: Selection | undefined,
  key: string,
  entry: StoreEntry<StoredValue> | undefined,
  suits: (candidate: Selection) => boolean = () => true,
): Selection | undefined {
  if (entry === undefined || !isResponse(entry) || !suits({ key, entry })) return best;
  return best === undefined || entry.head.storedAt > best.entry.head.storedAt ? { key, entry } : best;
}

function isResponse(entry: StoreEntry<StoredValue>): entry is ResponseEntry {
  return entry.value.kind === "response";
}
