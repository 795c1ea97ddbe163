/** The fast path to a hit, before any object is made for a request. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { OutgoingResponse, PageCache } from "@diskcache/core";
import { isNever } from "./tools.js";
import { changedFields } from "./changed-fields.js";
import { http2Lines, isHttp2Request } from "./http2-request.js";
import { rewrittenTarget } from "./request-head.js";
import { isRefresh } from "./refresh.js";
import { isKnownResponse } from "./response-class.js";
import { send } from "./send.js";
import { http1Scheme, schemeOf } from "./server.js";

/**
 * The answer, if it is in memory and can be found without parsing the fields; with `undefined` the normal path decides.
 * @param target the request target as received
 * @param native what the framework hands to handlers
 */
export function readyResponse<Req>(
  cache: PageCache<Req>,
  req: IncomingMessage,
  target: string,
  native: unknown = req,
): OutgoingResponse | undefined {
  // Already in a cache: this one or another must not answer in between.
  if (req.diskCache !== undefined || isRefresh(req) || isNever(req)) return undefined;
  if (cache.knowsWhoAsks(native)) return undefined;
  if (rewrittenTarget(req, target) !== undefined) return undefined;
  if (changedFields(req) !== undefined) return undefined;
  const method = req.method ?? "";
  if (isHttp2Request(req)) return cache.ready(method, target, schemeOf(req), http2Lines(req));
  return cache.ready(method, target, http1Scheme(req), req.rawHeaders);
}

/** Sends it; `false`: the normal path decides, and nothing was done. */
export function playReady<Req>(
  cache: PageCache<Req>,
  req: IncomingMessage,
  res: ServerResponse,
  target: string,
): boolean {
  const response = readyResponse(cache, req, target);
  if (response === undefined || !isKnownResponse(res)) return false;
  send(res, response);
  return true;
}
