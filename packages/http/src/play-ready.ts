/** The shortest way to a hit, before anything is made for a request. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { PageCache } from "@diskcache/core";
import { isRefresh } from "./refresh.js";
import { send } from "./send.js";
import { schemeOf } from "./server.js";

/** Answers from memory if that can be done at a glance; `false` says nothing, and nothing was done.
 * @param target the request target as it came */
export function playReady<Req>(
  cache: PageCache<Req>,
  req: IncomingMessage,
  res: ServerResponse,
  target: string,
): boolean {
  // On its way through a cache already: this one or another must not answer in between.
  if (req.diskCache !== undefined || isRefresh(req)) return false;
  const response = cache.ready(req.method ?? "", target, schemeOf(req), req.rawHeaders);
  if (response === undefined) return false;
  send(res, response);
  return true;
}
