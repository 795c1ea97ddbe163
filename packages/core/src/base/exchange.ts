/** Plain request and response heads: what policy decides on, whatever the framework. Holds no sockets and no
 * bodies. */

/** Header fields as they came over the wire: name, value, name, value, … in order, repeats kept (the shape of
 * node:http's `rawHeaders`). */
export type RawHeaders = readonly string[];

/** A request, as it was before any handler could change it. */
export interface RequestHead {
  /** As sent; methods are case-sensitive (RFC 9110 §9.1). */
  readonly method: string;
  /** Request target, raw bytes of the request line, never decoded: `/a?b=c`, or absolute-form. */
  readonly target: string;
  /** The target that middleware before the cache has put in its place. It may depend on anything in the request, so it
   * is part of the key beside the original target. */
  readonly rewritten?: string;
  /** `"http"` or `"https"`, as the framework trusts it. */
  readonly scheme: string;
  /** Field values by lower-case name, as node:http joins them: quick to ask, but it hides repeats of some fields. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Every field line, for what must not be hidden: those that came, and behind them those that middleware before the
   * cache has put in their place. */
  readonly rawHeaders: RawHeaders;
  /** Those that came, where `rawHeaders` has more. */
  readonly received?: RawHeaders;
  /** Whether it came with cookies that the operator ignores and that are removed from its fields here. */
  readonly ignoredCookies?: true;
  /** Whether it identifies the user by other means than `Authorization` and cookies; then the rules for
   * `Authorization` apply to it. */
  readonly identified?: true;
  /** Digest of the content, if it was read because the response depends on it: `PageCache.keysContent()`. */
  readonly contentDigest?: string;
}

/** The head of a response: that of the handler's answer, or of a stored response. */
export interface ResponseHead {
  readonly status: number;
  /** Reason phrase; empty where none was given. */
  readonly statusText: string;
  readonly rawHeaders: RawHeaders;
}
