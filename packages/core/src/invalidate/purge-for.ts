/** Ends what the application names for a request that has changed something. */
import type { CacheContext } from "../context.js";
import { DiskCacheError, hookError } from "../errors.js";
import type { Purges, PurgeTarget } from "./purge-target.js";

/** Never rejects: when it fails, the response is as good as before, and an event tells. */
export async function purgeFor<Req>(
  purges: Purges<Req>,
  native: Req,
  purge: (target: string | PurgeTarget) => Promise<void>,
  { observer }: CacheContext,
): Promise<void> {
  try {
    const named = typeof purges === "function" ? await purges(native) : purges;
    await Promise.all([named].flat().map((target) => purge(target)));
  } catch (thrown) {
    observer.error(thrown instanceof DiskCacheError ? thrown : hookError("purges", thrown));
  }
}
