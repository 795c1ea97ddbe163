/** `req.diskCache`, for every framework whose requests are node:http's. */
import type { HandlerDirectives } from "@diskcache/core";

declare module "node:http" {
  interface IncomingMessage {
    /**
     * What a handler may say about its response to the cache: `.ttl()`, `.tag()`, `.skip()`, `.vary()`, `.partition()`.
     * Set once the cache has handed the request on.
     */
    diskCache: HandlerDirectives;
  }
}
