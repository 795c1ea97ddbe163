/** The small middlewares for one route, which decorate a controller method as well. */
import { cacheControlEdit, isDecorating, methodDecoration, varyEdit } from "@diskcache/core";
import type { CacheControlDirectives, MethodDecoration } from "@diskcache/core";
import { editHead, neverStore } from "@diskcache/http";
import type { NextFunction, Request, RequestHandler, Response } from "express";
import type { AnyParams, Handler } from "./cached.js";

/** Middleware for a route, or a decorator of a controller method `(req, res, next)`. */
export type RouteTool<Params = AnyParams> = RequestHandler<Params> & MethodDecoration<Handler>;

/** Keeps the responses of a route out of every cache: this one, browsers and proxies.
 * @example app.get("/account", never(), (req, res) => res.json({})) */
export function never(): RouteTool {
  return tool(neverStore);
}

/**
 * Adds directives to the `Cache-Control` of a route's responses. It only shortens lifetimes, keeps `private` and
 * `no-store` of the handler, and gives an error page only directives that restrict.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the directive
 * @example
 * const edit = cacheControl({ public: true, maxAge: "1m", staleWhileRevalidate: "10m" });
 * app.get("/prices", edit, (req, res) => res.json({}));
 */
export function cacheControl(directives: CacheControlDirectives): RouteTool {
  const edit = cacheControlEdit(directives);
  return tool((_req, res) => editHead(res, edit));
}

/** Adds request header fields to the `Vary` of a route's responses.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when one is no field name
 * @example app.get("/", varyOn("accept-language"), (req, res) => res.send(req.acceptsLanguages("en", "de"))) */
export function varyOn(...fields: readonly string[]): RouteTool {
  const edit = varyEdit(fields);
  return tool((_req, res) => editHead(res, edit));
}

export function tool(prepare: (req: Request, res: Response) => void): RouteTool {
  const decoration = methodDecoration<Handler>(
    (method) =>
      function prepared(this: unknown, req, res, next) {
        prepare(req, res);
        return method.call(this, req, res, next);
      },
  ) as (...given: unknown[]) => unknown;
  return ((first: unknown, second: unknown, third: unknown) => {
    if (isDecorating(first, second)) return decoration(first, second, third);
    prepare(first as Request, second as Response);
    (third as NextFunction)();
    return undefined;
  }) as RouteTool;
}
