/** What status codes mean to a cache (RFC 9110 §15). */

/** Codes whose caching this cache understands, for `must-understand` (RFC 9111 §5.2.2.3): those RFC 9110 defines, less
 * 206 and 304. */
export function isUnderstood(status: number): boolean {
  return UNDERSTOOD.has(status);
}

/** Codes that the operator's one `ttl` applies to: complete answers that stay true for a while. */
export function isCoveredByTtl(status: number): boolean {
  return COVERED_BY_TTL.has(status);
}

/** Codes that a cache must not store, whatever freshness is named (RFC 6585 §3 to §6): they are about one client or
 * its way in. */
export function isNeverStored(status: number): boolean {
  return NEVER_STORED.has(status);
}

const COVERED_BY_TTL: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308]);
const NEVER_STORED: ReadonlySet<number> = new Set([428, 429, 431, 511]);
const UNDERSTOOD: ReadonlySet<number> = new Set([
  200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 305, 307, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409,
  410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 426, 500, 501, 502, 503, 504, 505,
]);
