/** An incoming message as the cache sees it. */
import type { IncomingMessage } from "node:http";
import type { RequestHead } from "@diskcache/core";
import { http2Fields, isHttp2Request } from "./http2-request.js";
import { schemeOf } from "./server.js";
import { plainFields } from "./watch-request.js";

/** Where a framework that does not say so on the request itself (Express: `baseUrl`) has mounted the application whose request this is. */
const MOUNTS = new WeakMap<IncomingMessage, string>();

/** Says where the application is mounted: its requests have a shorter `url` than the target, and nobody has rewritten it. */
export function mountedAt(req: IncomingMessage, path: string): void {
  MOUNTS.set(req, path);
}

/** What middleware has put in the place of the target; `undefined` where it is as it came, or only shorter by where the application is mounted.
 * @param target the request target as it came */
export function rewrittenTarget(req: IncomingMessage, target: string): string | undefined {
  const { url = "", baseUrl = MOUNTS.get(req) ?? "" } = req as { readonly url?: string; readonly baseUrl?: string };
  if (url === target) return undefined;
  // At the very place where it is mounted there is no slash to keep.
  const isMounted = baseUrl + url === target || (url.startsWith("/") && baseUrl + url.slice(1) === target);
  return isMounted ? undefined : baseUrl + url;
}

/** @param target the request target as it came, where the framework has rewritten `url` */
export function requestHead(req: IncomingMessage, target: string = req.url ?? ""): RequestHead {
  const plain = plainFields(req);
  const { headers, rawHeaders } = isHttp2Request(req) ? http2Fields(req, plain) : plain;
  const rewritten = rewrittenTarget(req, target);
  const head = { method: req.method ?? "", target, scheme: schemeOf(req), headers, rawHeaders };
  return rewritten === undefined ? head : { ...head, rewritten };
}
