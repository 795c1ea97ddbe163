/** The small middlewares as wrappers of a node:http handler. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { cacheControlEdit, varyEdit } from "@diskcache/core";
import type { CacheControlDirectives } from "@diskcache/core";
import { editHead, neverStore } from "./head-tools.js";

/** Wraps a handler. */
export type RouteTool = (handler: RequestListener) => RequestListener;

/** Has nobody keep the responses of a handler, this cache as little as browsers and proxies.
 * @example createServer(cache(never()(handler))) */
export function never(): RouteTool {
  return tool(neverStore);
}

/** Adds directives to the `Cache-Control` of a handler's responses. Lifetimes only shorten, `private` and `no-store` of the handler stay, and an error page is given only what restricts.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the directive
 * @example createServer(cache(cacheControl({ public: true, maxAge: "5m" })(handler))) */
export function cacheControl(directives: CacheControlDirectives): RouteTool {
  const edit = cacheControlEdit(directives);
  return tool((_req, res) => editHead(res, edit));
}

/** Adds request header fields to the `Vary` of a handler's responses.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when one is no field name
 * @example createServer(cache(varyOn("accept-language")(handler))) */
export function varyOn(...fields: readonly string[]): RouteTool {
  const edit = varyEdit(fields);
  return tool((_req, res) => editHead(res, edit));
}

export function tool(prepare: (req: IncomingMessage, res: ServerResponse) => void): RouteTool {
  return (handler) => (req, res) => {
    prepare(req, res);
    return handler(req, res);
  };
}
