/**
 * The small middlewares for one route, which decorate a controller method as well. They act as the onion sees a
 * response: after `await next()`.
 */
import { cacheControlEdit, isDecorating, methodDecoration, neverKeep, varyEdit } from "@diskcache/core";
import type { CacheControlDirectives, HeaderEdit, MethodDecoration } from "@diskcache/core";
import { headersSetOn, isSuccess, markNever, reasonPhrase } from "@diskcache/http";
import type { Context, Middleware, Next } from "koa";
import type { Handler } from "./capture.js";

/** Middleware for a route, or a decorator of a controller method `(ctx, next)`. */
export type RouteTool = Middleware & MethodDecoration<Handler>;

/** Keeps the responses of a route out of every cache: this one, browsers and proxies.
 * @example router.get("/account", never(), (ctx) => { ctx.body = "…"; }) */
export function never(): RouteTool {
  return tool(async (ctx, inward) => {
    markNever(ctx.req);
    await inward();
    editHead(ctx, neverKeep);
  });
}

/**
 * Adds directives to the `Cache-Control` of a route's responses. It only shortens lifetimes, keeps `private` and
 * `no-store` of the handler, and gives an error page only directives that restrict.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the directive
 * @example
 * const edit = cacheControl({ public: true, maxAge: "1m", staleWhileRevalidate: "10m" });
 * router.get("/prices", edit, (ctx) => { ctx.body = {}; });
 */
export function cacheControl(directives: CacheControlDirectives): RouteTool {
  return editing(cacheControlEdit(directives));
}

/** Adds request header fields to the `Vary` of a route's responses.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when one is no field name
 * @example router.get("/", varyOn("accept-language"), (ctx) => { ctx.body = ctx.acceptsLanguages("en", "de"); }) */
export function varyOn(...fields: readonly string[]): RouteTool {
  return editing(varyEdit(fields));
}

/** Purges when the response is a success, and sends nothing of it before that is done. */
export function purging(purge: (ctx: Context) => Promise<void>): RouteTool {
  return tool(async (ctx, inward) => {
    await inward();
    if (isSuccess(ctx.status)) await purge(ctx);
  });
}

function editing(edit: HeaderEdit): RouteTool {
  return tool(async (ctx, inward) => {
    await inward();
    editHead(ctx, edit);
  });
}

function editHead(ctx: Context, edit: HeaderEdit): void {
  if (ctx.headerSent) return;
  const head = { status: ctx.status, statusText: reasonPhrase(ctx.res), rawHeaders: headersSetOn(ctx.res) };
  for (const [name, value] of edit(head)) {
    if (value === undefined) ctx.remove(name);
    else ctx.set(name, value);
  }
}

function tool(around: (ctx: Context, inward: () => Promise<unknown>) => Promise<void>): RouteTool {
  const decoration = methodDecoration<Handler>(
    (method) =>
      function surrounded(this: unknown, ctx: Context, next: Next) {
        return around(ctx, async () => method.call(this, ctx, next));
      },
    { ...asHandler, otherwise: "throw" },
  ) as (...given: unknown[]) => unknown;
  return ((first: unknown, second: unknown, third: unknown) =>
    isDecorating(first, second)
      ? decoration(first, second, third)
      : around(first as Context, second as Next)) as RouteTool;
}

/** How a decorated method has to be called. */
export const asHandler = {
  signature: "(ctx, next)",
  fits: ([ctx]: readonly unknown[]): boolean => typeof (ctx as Context | undefined)?.res === "object",
};
