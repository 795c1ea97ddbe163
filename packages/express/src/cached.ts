/** `cache.cached()`: one name for the decorator of a controller method and for the wrapper of a plain handler. */
import { methodDecoration } from "@diskcache/core";
import type { CachePolicy, Duration, MethodDecoration } from "@diskcache/core";
import type { NextFunction, Request, Response } from "express";

/** The parameters of a path, where their names are not known. */
export type AnyParams = Request["params"];

/** A handler or controller method of Express. */
// oxlint-disable-next-line typescript/no-explicit-any -- methods of any class, for any path, may be decorated: `this`, parameters and bodies are theirs
export type Handler = (this: any, req: Request<any>, res: Response, next: NextFunction) => unknown;

export interface Cached {
  /** Decorates a controller method. */
  <Params = AnyParams>(policy: CachePolicy<Request<Params>> | Duration): MethodDecoration<Handler>;
  /** Wraps a handler function. */
  <Params = AnyParams>(
    policy: CachePolicy<Request<Params>> | Duration,
    handler: (req: Request<Params>, res: Response, next: NextFunction) => unknown,
  ): (req: Request<Params>, res: Response, next: NextFunction) => unknown;
}

type Runner = (req: Request, res: Response, next: () => unknown) => unknown;

export function cachedHandlers(runnerFor: (policy: CachePolicy<Request> | Duration) => Runner): Cached {
  return ((policy: CachePolicy<Request> | Duration, handler?: Handler) => {
    const run = runnerFor(policy);
    const wrap = (wrapped: Handler): Handler =>
      function cached(this: unknown, req, res, next) {
        return run(req, res, () => wrapped.call(this, req, res, next));
      };
    return handler === undefined ? methodDecoration(wrap) : wrap(handler);
  }) as Cached;
}
