/** The answers of the cache's own, where there is nothing it may answer with. */
import { formatCacheStatus } from "../http/cache-status.js";
import type { CacheStatus } from "../http/cache-status.js";
import { NO_OUTER_FIELDS } from "../stored/outer-fields.js";
import type { OutgoingResponse } from "./outgoing.js";

/** To `only-if-cached` when nothing stored may be reused (RFC 9111 §5.2.1.7). */
export function gatewayTimeout(): OutgoingResponse {
  return empty(504, { detail: "only-if-cached" });
}

/** When the application, asked for the rest of a page, answered with something that is not it. */
export function badGateway(status: CacheStatus): OutgoingResponse {
  return empty(502, status);
}

function empty(status: number, cacheStatus: CacheStatus): OutgoingResponse {
  return {
    kind: "hit",
    status,
    statusText: "",
    headers: ["Content-Length", "0", "Cache-Status", formatCacheStatus(cacheStatus)],
    body: Buffer.alloc(0),
    outer: NO_OUTER_FIELDS,
    refresh: undefined,
  };
}
