/** Who renders a stale page anew: one request at a time in this process and, by the key's lock, over all of them. */
import type { CacheContext } from "../context.js";
import type { Refreshes } from "../flight/refreshes.js";
import type { ResponseEntry } from "../lookup/select.js";
import { andThen } from "../base/maybe-async.js";
import type { MaybeAsync } from "../base/maybe-async.js";

/** @returns how to give the claim back; `"over"` when another process has done it meanwhile; `undefined` when somebody else is at it */
export function claimRefresh(
  { store }: CacheContext,
  refreshes: Refreshes,
  { head: { key, scope, name, storedAt } }: ResponseEntry,
): MaybeAsync<(() => void) | "over"> | undefined {
  const release = refreshes.claim(key, storedAt);
  if (release === undefined) return undefined;
  const lock = store.lock(key, { making: { scope, name, birth: store.position() } });
  if (lock === "held") {
    release();
    return undefined;
  }
  const over = () => {
    release();
    lock?.release();
  };
  if (lock === undefined) return over;
  // Another process may have done it since this one looked: under the lock that can be told.
  return andThen(store.getLatest(key), (latest) => {
    if (latest === undefined || latest.head.storedAt <= storedAt) return over;
    over();
    return "over";
  });
}
