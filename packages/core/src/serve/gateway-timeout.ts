/** The answer to `only-if-cached` when nothing stored may be reused (RFC 9111 §5.2.1.7). */
import { formatCacheStatus } from "../http/cache-status.js";
import type { OutgoingResponse } from "./outgoing.js";

export function gatewayTimeout(): OutgoingResponse {
  const status = formatCacheStatus({ detail: "only-if-cached" });
  return {
    kind: "hit",
    status: 504,
    statusText: "",
    headers: ["Content-Length", "0", "Cache-Status", status],
    body: Buffer.alloc(0),
    outer: [],
    refresh: undefined,
  };
}
