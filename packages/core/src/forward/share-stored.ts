/** What a leader shares when the answer is a stored response after all: one that was freshened, or a stale one that stands in. */
import type { CacheContext } from "../context.js";
import { sameVariant } from "../key/variant-key.js";
import type { ResponseEntry } from "../lookup/select.js";
import type { ForwardPlan, SharedResponse } from "./forward-plan.js";

export function shareStored(
  { store }: CacheContext,
  { request, page, birth }: ForwardPlan,
  entry: ResponseEntry,
  detail?: string,
): SharedResponse {
  const { scope, name } = page!;
  return {
    entry,
    answers: (other) => sameVariant(request, other, entry.value.vary),
    alive: () => store.alive({ scope, name, tags: entry.head.tags, birth }),
    detail,
  };
}
