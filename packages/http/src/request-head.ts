/** An incoming message as the cache sees it. */
import type { IncomingMessage } from "node:http";
import type { RequestHead } from "@diskcache/core";

/** @param target the request target as it came, where the framework has rewritten `url` */
export function requestHead(req: IncomingMessage, target: string = req.url ?? ""): RequestHead {
  const scheme = "encrypted" in req.socket && req.socket.encrypted === true ? "https" : "http";
  return { method: req.method ?? "", target, scheme, headers: req.headers, rawHeaders: req.rawHeaders };
}
