/** Plain request and response heads: what policy decides on, whatever the framework. Holds no sockets and no bodies. */

/** Header fields as they came over the wire: name, value, name, value, … in order, repeats kept (the shape of node:http's `rawHeaders`). */
export type RawHeaders = readonly string[];

/** A request, as it was before any handler could change it. */
export interface RequestHead {
  /** As sent; methods are case-sensitive (RFC 9110 §9.1). */
  readonly method: string;
  /** Request target, raw bytes of the request line, never decoded: `/a?b=c`, or absolute-form. */
  readonly target: string;
  /** The target that middleware before the cache has put in its place: what it made it from may be anything about the request, so it is part of the key beside the target. */
  readonly rewritten?: string;
  /** `"http"` or `"https"`, as the framework trusts it. */
  readonly scheme: string;
  /** Field values by lower-case name, as node:http joins them: quick to ask, but it hides repeats of some fields. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Every field line, for what must not be hidden. */
  readonly rawHeaders: RawHeaders;
  /** Whether it came with cookies that the operator ignores, and that are taken out of its fields here. */
  readonly ignoredCookies?: true;
  /** Whether it says who asks by other means than `Authorization` and cookies; then what holds for `Authorization` holds for it. */
  readonly identified?: true;
  /** Digest of the content, where that was read because it says what is asked for: `PageCache.keysContent()`. */
  readonly contentDigest?: string;
}

/** The head of a response: what the handler answered, or what a stored response says. */
export interface ResponseHead {
  readonly status: number;
  /** Reason phrase; empty where none was given. */
  readonly statusText: string;
  readonly rawHeaders: RawHeaders;
}
