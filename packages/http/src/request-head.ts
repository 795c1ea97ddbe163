/** An incoming message as the cache sees it. */
import type { IncomingMessage } from "node:http";
import type { RequestHead } from "@diskcache/core";
import { http2Fields, isHttp2Request } from "./http2-request.js";
import { schemeOf } from "./server.js";
import { plainFields } from "./watch-request.js";

/** @param target the request target as it came, where the framework has rewritten `url` */
export function requestHead(req: IncomingMessage, target: string = req.url ?? ""): RequestHead {
  const plain = plainFields(req);
  const { headers, rawHeaders } = isHttp2Request(req) ? http2Fields(req, plain) : plain;
  return { method: req.method ?? "", target, scheme: schemeOf(req), headers, rawHeaders };
}
