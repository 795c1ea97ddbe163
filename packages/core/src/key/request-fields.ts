/** The request fields that say more about what is requested than method, host and target do. A key, or the decision
 * whether there is one, that depends on another field must name it here: the fast path to a hit and the audit know no
 * others. */

/** Headers that change what a request means to many applications; when present they are part of the key. */
export const FORWARDED_FIELDS = [
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-forwarded-scheme",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-server",
  "x-forwarded-ssl",
  "x-host",
  // HTTP/2's own. Adapters leave it in where the client's value contradicts the connection.
  ":scheme",
  "x-original-host",
  // With these, some proxies say that the connection was encrypted: CloudFront, Cloudflare, Azure, IIS, and older
  // ones.
  "cloudfront-forwarded-proto",
  "cf-visitor",
  "x-arr-ssl",
  "x-appservice-proto",
  "front-end-https",
  "x-forwarded-protocol",
  "x-url-scheme",
  "x-scheme",
] as const;

/** They ask for another method than the request's own. */
export const METHOD_OVERRIDES = ["x-http-method-override", "x-http-method", "x-method-override"] as const;
/** They ask for another URL than the request's own. */
export const URL_OVERRIDES = ["x-original-url", "x-rewrite-url"] as const;

/** Request fields whose presence sends a request straight to the application: a handler that reads them makes nothing
 * that is stored. */
export const BYPASSING_FIELDS = [
  ...METHOD_OVERRIDES,
  ...URL_OVERRIDES,
  "if-match",
  "if-unmodified-since",
  "upgrade",
] as const;

/** Fields that the decision on a request, or its answer, depends on beside those that every key holds. */
export const DECIDING_FIELDS = [
  "authorization",
  "cookie",
  "content-length",
  "transfer-encoding",
  "if-none-match",
  "if-modified-since",
  "if-range",
  "range",
  "forwarded",
  ...BYPASSING_FIELDS,
] as const;
