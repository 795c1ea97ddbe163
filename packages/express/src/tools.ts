/** The small middlewares for one route, which decorate a controller method as well. */
import { cacheControlEdit, isDecorating, methodDecoration, varyEdit } from "@diskcache/core";
import type { CacheControlDirectives, CachePolicy, Duration, MethodDecoration } from "@diskcache/core";
import { editHead, neverStore } from "@diskcache/http";
import type { NextFunction, Request, RequestHandler, Response } from "express";
import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * Middleware for a route. Where nothing says which parameters the route has, it is no `RequestHandler` of Express's:
 * from that, the handlers behind it would get parameters that may be missing, in place of those of their path.
 */
export type RouteMiddleware<Params = AnyParams> = AnyParams extends Params
  ? (req: IncomingMessage, res: ServerResponse, next: NextFunction) => void
  : RequestHandler<Params>;

/** Middleware for a route, or a decorator of a controller method `(req, res, next)`. */
export type RouteTool<Params = AnyParams> = MethodDecoration<Handler> & RouteMiddleware<Params>;

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
    { ...asHandler, otherwise: "throw" },
  ) as (...given: unknown[]) => unknown;
  return ((first: unknown, second: unknown, third: unknown) => {
    if (isDecorating(first, second)) return decoration(first, second, third);
    prepare(first as Request, second as Response);
    (third as NextFunction)();
    return undefined;
  }) as RouteTool;
}

// NestJS and others call controllers with what their parameters ask for.
const asHandler = {
  signature: "(req, res, next)",
  fits: ([req, res]: readonly unknown[]): boolean =>
    typeof (req as Request | undefined)?.headers === "object" &&
    typeof (res as Response | undefined)?.setHeader === "function",
};

/* `cache.cached()`: one name for the decorator of a controller method and for the wrapper of a plain handler. */

/** The parameters of a path, where their names are not known. */
export type AnyParams = Request["params"];

/** A handler or controller method of Express. */
// oxlint-disable-next-line typescript/no-explicit-any -- methods of any class, for any path, may be decorated: `this`, parameters and bodies are theirs
export type Handler = (this: any, req: Request<any>, res: Response, next: NextFunction) => unknown;

export interface Cached {
  /** Decorates a controller method. */
  <Params = AnyParams>(policy: CachePolicy<Request<Params>> | Duration): MethodDecoration<Handler>;
  /** Wraps a handler function, and has its type: in `app.get(path, …)` its parameters are those of the path. */
  <Wrapped extends HandlerFunction>(policy: CachePolicy<Request> | Duration, handler: Wrapped): Wrapped;
  /** The same with a policy that says which parameters there are. */
  <Params>(
    policy: CachePolicy<Request<Params>> | Duration,
    handler: (req: Request<Params>, res: Response, next: NextFunction) => unknown,
  ): (req: Request<Params>, res: Response, next: NextFunction) => unknown;
}

/** A handler function, also one for certain parameters: this is written as a method, because the parameters of methods
 * are compared in both directions. */
export type HandlerFunction = { handle(req: Request, res: Response, next: NextFunction): unknown }["handle"];

type Runner = (req: Request, res: Response, next: () => unknown) => unknown;

export function cachedHandlers(runnerFor: (policy: CachePolicy<Request> | Duration) => Runner): Cached {
  return ((policy: CachePolicy<Request> | Duration, handler?: Handler) => {
    const run = runnerFor(policy);
    const wrap = (wrapped: Handler): Handler =>
      function cached(this: unknown, req, res, next) {
        return run(req, res, () => wrapped.call(this, req, res, next));
      };
    return handler === undefined ? methodDecoration(wrap, { ...asHandler, otherwise: "call" }) : wrap(handler);
  }) as Cached;
}
