/** `ctx.diskCache`. */
import type { HandlerDirectives } from "@diskcache/core";

declare module "koa" {
  interface ExtendableContext {
    /**
     * What a handler may say about its response to the cache: `.ttl()`, `.tag()`, `.skip()`, `.vary()`, `.partition()`.
     * Set once the cache has handed the request on.
     */
    diskCache: HandlerDirectives;
  }
}
