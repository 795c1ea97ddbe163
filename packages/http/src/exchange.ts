/**
 * One request through the cache: answered from it, or handed to the application with its response tapped. The same for
 * every adapter that has a ServerResponse.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { neverPolicy } from "@diskcache/core";
import type { Outcome, PageCache, Reads, RequestHead, ResolvedPolicy } from "@diskcache/core";
import { isNever } from "./tools.js";
import {
  applyRequestChanges,
  keyedRequest,
  nestedRequest,
  routedRequest,
  withdrawRequestChanges,
} from "./request-head.js";
import { askedAs, refreshBehind } from "./refresh.js";
import { ignoreReasonPhrase, isKnownResponse, stepAside } from "./response-class.js";
import { send } from "./send.js";
import { learnServer } from "./server.js";
import { holdHead } from "./tools.js";
import { tap } from "./tap.js";
import type { ForwardsUnderWay } from "./pending-forwards.js";
import { watchRequest } from "./watch-request.js";

export interface Exchange<Req> {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** What the framework hands to a handler. */
  readonly native: Req;
  /** The request target as received, before any router shortened it. */
  readonly target: string;
}

/** Answers from the cache, or calls `next` and returns what it returns. */
export function runExchange<Req>(
  cache: PageCache<Req>,
  underWay: ForwardsUnderWay,
  exchange: Exchange<Req>,
  next: () => unknown,
): unknown {
  if (underWay.get(exchange.req) !== undefined) return next(); // mounted twice: the outer one is active
  if (!isKnownResponse(exchange.res)) return passBy(cache, exchange, next);
  return handle(cache, underWay, exchange, next, undefined);
}

/** The same for one route: refines the current forward, or caches just this route. */
export function runRoute<Req>(
  cache: PageCache<Req>,
  underWay: ForwardsUnderWay,
  policy: ResolvedPolicy,
  exchange: Exchange<Req>,
  next: () => unknown,
): unknown {
  const { req, native, target } = exchange;
  if (!isKnownResponse(exchange.res)) return passBy(cache, exchange, next);
  const under = underWay.ofRoute(req, target, cache);
  if (under === undefined) return handle(cache, underWay, exchange, next, policy);
  const refine = ({ contentDigest }: RequestHead): unknown => {
    const outcome = under.cache.refine(under.forward, policy, native as never, contentDigest);
    if (outcome === undefined) return next();
    withdrawRequestChanges(req, under.forward);
    return proceed(under.cache, underWay, exchange, next, outcome);
  };
  const request = routedRequest(under.cache, under.forward, req, target, policy);
  return request instanceof Promise ? request.then(refine) : refine(request);
}

function passBy<Req>(cache: PageCache<Req>, { res, target }: Exchange<Req>, next: () => unknown): unknown {
  stepAside(cache, res, target);
  return next();
}

function handle<Req>(
  cache: PageCache<Req>,
  underWay: ForwardsUnderWay,
  exchange: Exchange<Req>,
  next: () => unknown,
  policy: ResolvedPolicy | undefined,
): unknown {
  const { req, native, target } = exchange;
  const own = isNever(req) ? neverPolicy : policy;
  learnServer(cache, req);
  const under = underWay.innermost(req, target, cache);
  if (under !== undefined) {
    if (!cache.active) return next();
    withdrawRequestChanges(req, under.forward);
  }
  const asked = { ...askedAs(req), ...(own && { policy: own }), ...(under && { around: under.forward }) };
  const ask = (request: RequestHead): unknown => {
    if (under !== undefined && cache.join(under.forward, request, native, own)) {
      applyRequestChanges(req.headers, under.forward);
      return next();
    }
    return proceed(cache, underWay, exchange, next, cache.handle(request, native, asked));
  };
  const request =
    under === undefined ? keyedRequest(cache, req, target, own) : nestedRequest(cache, under.forward, req, target, own);
  return request instanceof Promise ? request.then(ask) : ask(request);
}

function proceed<Req, Native>(
  cache: PageCache<Req>,
  underWay: ForwardsUnderWay,
  exchange: Exchange<Native>,
  next: () => unknown,
  outcome: Outcome | Promise<Outcome>,
): unknown {
  if (outcome instanceof Promise) return outcome.then((settled) => proceed(cache, underWay, exchange, next, settled));
  const { req, res } = exchange;
  if (outcome.kind === "hit") {
    send(res, outcome);
    if (outcome.refresh !== undefined) refreshBehind(req, exchange.target, outcome.refresh);
    return undefined;
  }
  underWay.set(req, outcome, cache);
  applyRequestChanges(req.headers, outcome);
  req.diskCache = outcome.directives;
  if (outcome.plan.reads !== undefined) watchExchange(req, outcome.plan.reads);
  ignoreReasonPhrase(res);
  tap(req, res, outcome);
  if (outcome.mayBeHeld) holdHead(res, outcome);
  return outcome.run(next);
}

// Express sets the route of a request once it has matched.
function watchExchange(req: IncomingMessage & RoutedByExpress, reads: Reads): void {
  watchRequest(req, reads);
  reads.route = () => (req.route === undefined ? undefined : `${req.baseUrl ?? ""}${String(req.route.path)}`);
}

interface RoutedByExpress {
  readonly baseUrl?: string;
  readonly route?: { readonly path: unknown };
}

/**
 * Calls a handler whose errors nothing else catches. What it throws stays the application's, but requests that wait for
 * its response are released.
 */
export function callHandler(underWay: ForwardsUnderWay, req: IncomingMessage, handler: () => unknown): unknown {
  const failed = (thrown: unknown): never => {
    const forward = underWay.get(req);
    const stale = forward?.failed("thrown");
    if (stale !== undefined) forward!.onTimeout?.(stale);
    forward?.abort(stale === undefined ? "thrown" : "hidden");
    throw thrown;
  };
  try {
    const result = handler();
    return result instanceof Promise ? result.catch(failed) : result;
  } catch (thrown) {
    return failed(thrown);
  }
}
