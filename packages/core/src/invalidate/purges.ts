/** Ends what the application names for requests that have changed something. */
import type { Observer } from "../observe/observer.js";
import { DiskCacheError, hookError, optionError } from "../base/errors.js";
import { checkTarget } from "./purge-target.js";
import type { Purges, PurgeTarget } from "./purge-target.js";

/** @returns called for each such request. Never rejects: when it fails, the response is as good as before, and an event tells
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for what is named once and for all, and wrongly */
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
