/** Which requests the cache may handle at all (DESIGN: never stored and never reused by the same rule). Decides from
 * the request alone. */
import { isHost } from "../key/spellings.js";
import type { RequestHead } from "../base/exchange.js";
import { isAskedByContent } from "../key/page-key.js";
import { METHOD_OVERRIDES, URL_OVERRIDES } from "../key/request-fields.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { WholePolicy } from "../options/resolve-policy.js";

/** Why a request goes straight to the application. */
export type BypassReason =
  | "disabled"
  | "method"
  | "body"
  | "method-override"
  | "url-override"
  | "target"
  | "host"
  | "precondition"
  | "upgrade"
  | "never"
  | "path"
  | "skip"
  | "hook"
  | "request-no-store";

/** Longer targets are forwarded: no page needs them, and a flood of them would be cheap to send. */
const MAX_TARGET_LENGTH = 8192;

/** @returns `undefined` when the request may be looked up */
export function bypassReason(
  request: RequestHead,
  methods: readonly string[],
  hosts: ReadonlySet<string> | undefined,
): BypassReason | undefined {
  const { method, target, headers } = request;
  if (!(method === "HEAD" ? methods.includes("GET") : methods.includes(method))) return "method";
  // A body on a GET means nothing to HTTP and something to some applications: it is not in the key, so the answer
  // cannot be stored.
  if (isAskedByContent(method) ? request.contentDigest === undefined : hasContent(request)) return "body";
  if (METHOD_OVERRIDES.some((field) => headers[field] !== undefined)) return "method-override";
  if (URL_OVERRIDES.some((field) => headers[field] !== undefined)) return "url-override";
  if (!isPageTarget(target)) return "target";
  if (!hostIsUnambiguous(request) || (hosts !== undefined && !hosts.has(String(headers.host).toLowerCase())))
    return "host";
  // These make the request's effect depend on the state of the resource (RFC 9110 §13.1): the application's business.
  if (headers["if-match"] !== undefined || headers["if-unmodified-since"] !== undefined) return "precondition";
  if (headers.upgrade !== undefined) return "upgrade";
  return undefined;
}

/** Only origin-form (RFC 9112 §3.2.1): the other forms name a host of their own. */
export function isPageTarget(target: string): boolean {
  return target.charCodeAt(0) === 0x2f && target.length <= MAX_TARGET_LENGTH;
}

function hasContent({ headers }: RequestHead): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

// node:http keeps the first of several Host lines, an application or a proxy may read the last (RFC 9112 §3.2 asks for
// 400).
function hostIsUnambiguous({ headers, rawHeaders }: RequestHead): boolean {
  if (!isHost(headers.host)) return false;
  let lines = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!;
    if (name.length === 4 && name.toLowerCase() === "host") lines++;
  }
  return lines === 1;
}

/* The page that a request's answer may be stored for. */

/** The request itself; for a POST whose answer may turn out to answer GETs (`relaxed.postAnswersGet`), that GET. */
export function askedPage({ relaxed }: ResolvedOptions, { methods }: WholePolicy, request: RequestHead): RequestHead {
  if (!relaxed.postAnswersGet || request.method !== "POST" || methods.includes("POST")) return request;
  const { "content-length": _length, "transfer-encoding": _encoding, ...headers } = request.headers;
  return { ...request, method: "GET", headers };
}
