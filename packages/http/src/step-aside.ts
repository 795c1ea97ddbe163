/** A request with a response of no known class: the application answers as if there were no cache. Never throws. */
import type { ServerResponse } from "node:http";
import type { PageCache } from "@diskcache/core";

const DETAIL = "response";

let warned = false;

/** Says so in the response, where it takes a field, in the counters and events, and once to the operator. */
export function stepAside<Req>(cache: PageCache<Req>, res: ServerResponse, target: string): void {
  cache.leftAlone(target, DETAIL);
  try {
    res.setHeader("Cache-Status", `diskcache; fwd=bypass; detail=${DETAIL}`);
  } catch {
    // It is no response that takes fields.
  }
  if (warned) return;
  warned = true;
  process.emitWarning("a response is neither node:http's nor node:http2's: requests like it are not cached", {
    type: "DiskCacheWarning",
    code: "DISKCACHE_RESPONSE",
    detail: "Said once. On HTTP/2, Express needs `cache.front(app)` for its hits; it does not work there by itself.",
  });
}
