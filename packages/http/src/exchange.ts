/** One request through the cache: played from it, or handed to the application with its response tapped. The same for every adapter that has a ServerResponse. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Forward, Outcome, PageCache, ResolvedPolicy } from "@diskcache/core";
import { isRefresh, refreshBehind } from "./refresh.js";
import { requestHead } from "./request-head.js";
import { send } from "./send.js";
import { tap } from "./tap.js";

export interface Exchange<Req> {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** What the framework hands to a handler. */
  readonly native: Req;
  /** The request target as it came, before any router cut it. */
  readonly target: string;
}

/** Requests on their way through the application, by the cache they are on their way for. */
export type ForwardsUnderWay = WeakMap<IncomingMessage, Forward>;

/** Answers from the cache, or calls `next` and returns what it returns. */
export function runExchange<Req>(
  cache: PageCache<Req>,
  underWay: ForwardsUnderWay,
  exchange: Exchange<Req>,
  next: () => unknown,
): unknown {
  if (underWay.has(exchange.req)) return next(); // mounted twice: the outer one is at work
  const request = requestHead(exchange.req, exchange.target);
  return proceed(
    underWay,
    exchange,
    next,
    cache.handle(request, exchange.native, { refresh: isRefresh(exchange.req) }),
  );
}

/** The same for one route: refines the forward under way, or caches just this route. */
export function runRoute<Req>(
  cache: PageCache<Req>,
  underWay: ForwardsUnderWay,
  policy: { readonly own: ResolvedPolicy; readonly whole: ResolvedPolicy },
  exchange: Exchange<Req>,
  next: () => unknown,
): unknown {
  const forward = underWay.get(exchange.req);
  if (forward !== undefined) {
    const outcome = cache.refine(forward, policy.own, exchange.native);
    return outcome === undefined ? next() : proceed(underWay, exchange, next, outcome);
  }
  const request = requestHead(exchange.req, exchange.target);
  const outcome = cache.handle(request, exchange.native, { policy: policy.whole, refresh: isRefresh(exchange.req) });
  return proceed(underWay, exchange, next, outcome);
}

function proceed<Req>(
  underWay: ForwardsUnderWay,
  exchange: Exchange<Req>,
  next: () => unknown,
  outcome: Outcome | Promise<Outcome>,
): unknown {
  if (outcome instanceof Promise) return outcome.then((settled) => proceed(underWay, exchange, next, settled));
  const { req, res } = exchange;
  if (outcome.kind === "hit") {
    send(res, outcome);
    if (outcome.refresh !== undefined) refreshBehind(req, exchange.target, outcome.refresh);
    return undefined;
  }
  underWay.set(req, outcome);
  applyRequestChanges(req, outcome);
  req.diskCache = outcome.directives;
  tap(res, outcome);
  return next();
}

/** What the handler sees of the request instead of the visitor's own conditions. */
export function applyRequestChanges(req: IncomingMessage, { requestChanges }: Forward): void {
  for (const name of requestChanges.remove) delete req.headers[name];
  for (const [name, value] of requestChanges.set) req.headers[name] = value;
}
