/**
 * The cache where Nest has let a request through: behind middleware and guards, around pipes and the handler. Decides
 * nothing: it calls the middlewares of @diskcache/express.
 */
import type { ExpressDiskCache } from "@diskcache/express";
import type { CallHandler, ExecutionContext, NestInterceptor } from "@nestjs/common";
import type { Request, RequestHandler, Response } from "express";
import { Observable } from "rxjs";
import type { Observer, Subscriber, Subscription } from "rxjs";
import { isEventStream, saidOf } from "./decorators.js";

type Method = (...given: never[]) => unknown;

/**
 * Answers hits, and stores what the handler's result becomes when Nest sends it. After a hit it emits nothing and never
 * completes, because Nest would send a second response.
 */
export class DiskCacheInterceptor implements NestInterceptor {
  readonly #cache: ExpressDiskCache;
  // Two controllers may inherit one method.
  readonly #middlewares = new WeakMap<object, Map<Method, readonly RequestHandler[]>>();

  constructor(cache: ExpressDiskCache) {
    this.#cache = cache;
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const method = context.getHandler() as Method;
    // Called here, because it keeps the asynchronous context in which it is called.
    const handled: Observable<unknown> = next.handle();
    if (context.getType() !== "http" || isEventStream(method)) return handled;
    const middlewares = this.middlewaresOf(context.getClass(), method);
    const http = context.switchToHttp();
    return new Observable((subscriber) => {
      let handling: Subscription | undefined;
      runAll(middlewares, http.getRequest(), http.getResponse(), (error) => {
        if (error !== undefined) subscriber.error(error);
        else if (!subscriber.closed)
          handling = handled.subscribe(told(subscriber, http.getRequest(), http.getResponse()));
      });
      return () => handling?.unsubscribe();
    });
  }

  /** What runs around a method, made at its first use.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for what a decorator was given wrongly */
  middlewaresOf(controller: object, method: Method): readonly RequestHandler[] {
    const ofController = this.#middlewares.get(controller) ?? new Map<Method, readonly RequestHandler[]>();
    this.#middlewares.set(controller, ofController);
    let made = ofController.get(method);
    if (made === undefined) {
      const { never, policies, purges } = saidOf(controller, method);
      const cached = policies.length === 0 ? [this.#cache] : policies.map((policy) => this.#cache.route(policy));
      made = [...(never ? [this.#cache.never()] : cached), ...purges.map((named) => this.#cache.purges(named))];
      ofController.set(method, made);
    }
    return made;
  }
}

// Nest's filter ends a response that has begun as if it were whole.
function told(subscriber: Subscriber<unknown>, req: Request, res: Response): Partial<Observer<unknown>> {
  return {
    next: (result) => subscriber.next(result),
    complete: () => subscriber.complete(),
    error: (thrown) => {
      if (res.headersSent) req.diskCache?.skip("error");
      subscriber.error(thrown);
    },
  };
}

function runAll(
  [middleware, ...rest]: readonly RequestHandler[],
  req: Request,
  res: Response,
  done: (error?: unknown) => void,
): void {
  if (middleware === undefined) return done();
  void middleware(req, res, (error?: unknown) => (error === undefined ? runAll(rest, req, res, done) : done(error)));
}
