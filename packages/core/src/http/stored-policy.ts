/** What is remembered of a response to decide on its reuse, and what of a request matters to that. Decides only when a
 * response is of no more use. */

/** What about a request matters to storing and reusing. */
export interface RequestFacts {
  readonly method: string;
  /** It carries `Authorization` that the operator did not declare. */
  readonly authorization: boolean;
  /** It carries cookies that the operator did not declare. */
  readonly cookies: boolean;
}

/** The facts that reuse is decided on, computed once when storing: plain numbers and booleans, so that they are cheap
 * to keep. Seconds unless stated. */
export interface StoredPolicy {
  /** `response_time`, epoch ms. */
  readonly storedAt: number;
  /** `corrected_initial_age`. */
  readonly initialAge: number;
  /** `freshness_lifetime`. */
  readonly lifetime: number;
  /** 0 where stale reuse is prohibited (§4.2.4); so are `staleIfError` and `grace`. */
  readonly staleWhileRevalidate: number;
  readonly staleIfError: number;
  readonly grace: number;
  readonly keep: number;
  /** Validated before each reuse (§5.2.2.4). */
  readonly noCache: boolean;
  /** Never reused stale by default (`must-revalidate`, `proxy-revalidate`, `s-maxage`: §4.2.4); not even when the
   * client offers to accept it. */
  readonly mustRevalidate: boolean;
  /** May answer requests with `Authorization` (`public`, `s-maxage`, `must-revalidate`: §3.5). */
  readonly authorizationAllowed: boolean;
  /** May answer requests with cookies that were not declared: `public`, `s-maxage`, or a lifetime that the response
   * itself named when it was made for a request without any. */
  readonly cookiesAllowed: boolean;
  /** Exempt from the validation that a client's `max-age` requires while it is fresh (RFC 8246 §2.1). Default: not. */
  readonly immutable?: boolean;
}

/** The moment, epoch ms, after which it is of no use at all: stale, out of every stale window, and out of `keep`, for
 * which it is stored if it has a validator. */
export function expiresAt(stored: StoredPolicy, hasValidator: boolean): number {
  const beyond = Math.max(
    stored.staleWhileRevalidate,
    stored.staleIfError,
    stored.grace,
    hasValidator ? stored.keep : 0,
  );
  return stored.storedAt + (stored.lifetime - stored.initialAge + beyond) * 1000;
}
