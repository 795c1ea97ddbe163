/** How many entries a purge names, counted before it is made. Reads the head of everything that is stored; invalidates
 * nothing. */
import { namedBy } from "./log/purge-marks.js";
import type { EntryHead, PathSelector, PurgeSelector, Store } from "./contract.js";

/** A store as its cache opens it. */
export interface OpenedStore<Value> extends Store<Value> {
  /** How many valid entries `purge` would invalidate if it were called with these selectors now.
   * @param counts which entries are counted
   * @throws {DiskCacheError} rejects with `ERR_DISKCACHE_STORE_IO` when they cannot be listed */
  countNamed(
    selectors: readonly (PurgeSelector | PathSelector)[],
    counts: (head: EntryHead) => boolean,
  ): Promise<number>;
}

/** @param now epoch milliseconds */
export async function countNamed(
  store: Pick<Store<unknown>, "heads" | "survivesPurges">,
  selectors: readonly (PurgeSelector | PathSelector)[],
  counts: (head: EntryHead) => boolean,
  now: number,
): Promise<number> {
  const isNamed = namedBy(selectors);
  let named = 0;
  for await (const head of store.heads()) {
    if (counts(head) && isNamed(head) && head.expiresAt > now && store.survivesPurges(head)) named++;
  }
  return named;
}
