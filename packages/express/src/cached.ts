/** `cache.cached()`: one name for the decorator of a controller method and for the wrapper of a plain handler. */
import { methodDecoration } from "@diskcache/core";
import type { CachePolicy, Duration, MethodDecoration } from "@diskcache/core";
import type { NextFunction, Request, Response } from "express";

/** A handler or controller method of Express. */
// oxlint-disable-next-line typescript/no-explicit-any -- methods of any class may be decorated: `this` is theirs
export type Handler = (this: any, req: Request, res: Response, next: NextFunction) => unknown;

export interface Cached {
  /** Decorates a controller method. */
  (policy: CachePolicy<Request> | Duration): MethodDecoration<Handler>;
  /** Wraps a handler function. */
  (policy: CachePolicy<Request> | Duration, handler: Handler): Handler;
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
