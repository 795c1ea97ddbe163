/** The page that a request's answer may be kept for. */
import type { RequestHead } from "../base/exchange.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { WholePolicy } from "../options/resolve-policy.js";

/** The request itself; for a POST whose answer may turn out to answer GETs (`relaxed.postAnswersGet`), that GET. */
export function askedPage({ relaxed }: ResolvedOptions, { methods }: WholePolicy, request: RequestHead): RequestHead {
  if (!relaxed.postAnswersGet || request.method !== "POST" || methods.includes("POST")) return request;
  const { "content-length": _length, "transfer-encoding": _encoding, ...headers } = request.headers;
  return { ...request, method: "GET", headers };
}
