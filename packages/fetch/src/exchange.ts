/**
 * One request through the cache: answered from it, or handed to the application with its response recorded. The same
 * for everything that has a web `Request` and `Response`.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { neverPolicy } from "@diskcache/core";
import type { Forward, Outcome, PageCache, RefreshClaim, ResolvedPolicy } from "@diskcache/core";
import { askedAs, isRefresh, learnServer, originalTarget, refreshBehind, serverOf } from "@diskcache/http";
import { Answer } from "./answer.js";
import { ClientDeparture } from "./departure.js";
import { asOwn, ownOf, refreshAgain, withHostOf } from "./own-requests.js";
import { pass, passageOf, passageThrough, responsiblePassage } from "./passages.js";
import type { Passage } from "./passages.js";
import { play } from "./play.js";
import { changeRequest, headOf, keyedHead, digestOf, partsOf, requestFor, watchFields } from "./request.js";
import type { CachedRequest } from "./request.js";
import { isNever } from "./tools.js";

export interface Exchange<Native> {
  readonly request: Request;
  /** What the framework hands to a handler. */
  readonly native: Native;
  /** What middleware before the cache knows of the client. */
  readonly known: object | undefined;
  /** The message and the response of node:http behind the request, where the server hands them on. */
  readonly node: NodeSide | undefined;
  /** Fields that code outside has set for this client already. */
  readonly outside?: Headers | undefined;
  /**
   * How the client is given a stale page while the handler goes on (`timeout`): as the Response that is returned, or
   * past the framework, on the server's own response, where the handler's Response has to come back the same way.
   */
  readonly standsIn: "returned" | "past";
  /** Whether the request itself is changed, because the framework hands no other one on. */
  readonly inPlace: boolean;
  run(request: CachedRequest): Response | Promise<Response>;
  /** The same with a request of the cache's own, to refresh a page behind a stale one. */
  readonly again: ((request: Request) => Promise<Response>) | undefined;
}

export interface NodeSide {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse | undefined;
}

/** @param context what the server hands on beside the request: that of @hono/node-server is `{ incoming, outgoing }` */
export function nodeSideOf(context: unknown): NodeSide | undefined {
  if (typeof context !== "object" || context === null) return undefined;
  const { incoming, outgoing } = context as { readonly incoming?: IncomingMessage; readonly outgoing?: ServerResponse };
  if (!Array.isArray(incoming?.rawHeaders)) return undefined;
  return { incoming, outgoing: typeof outgoing?.writeHead === "function" ? outgoing : undefined };
}

/** Answers from the cache, or calls the application. */
export function runExchange<Native>(
  cache: PageCache<Native>,
  exchange: Exchange<Native>,
): Response | Promise<Response> {
  const { request } = exchange;
  const around = passageOf(request);
  // Mounted twice: the outer one is active.
  if (around !== undefined && passageThrough(request, cache) !== undefined)
    return exchange.run(request as CachedRequest);
  if (around === undefined && !isOwn(exchange) && !isNever(request) && !knowsWhoAsks(cache, exchange)) {
    const { method, target, scheme, rawHeaders, rewritten } = headOf(request);
    const ready = rewritten === undefined ? cache.ready(method, target, scheme, rawHeaders) : undefined;
    if (ready !== undefined) return play(ready, exchange.outside, exchange.node?.outgoing);
  }
  return handle(cache, exchange, undefined);
}

/** The same for one route: refines the current forward, or caches just this route. */
export async function runRoute<Native>(
  cache: PageCache<Native>,
  policy: ResolvedPolicy,
  exchange: Exchange<Native>,
): Promise<Response> {
  const { request, native } = exchange;
  const own = isNever(request) ? neverPolicy : policy;
  const through = passageThrough(request, cache);
  const passage = through && (responsiblePassage(request, partsOf(request.url).target, cache) ?? through);
  if (passage === undefined) return handle(cache, exchange, own);
  const { request: asked } = passage.forward.plan;
  const digest =
    asked.contentDigest === undefined && passage.cache.keysContent(asked, own) ? await digestOf(request) : undefined;
  const outcome = passage.cache.refine(passage.forward, own, native as never, digest ?? asked.contentDigest);
  if (outcome === undefined) return exchange.run(request as CachedRequest);
  return proceed(passage.cache, exchange as Exchange<unknown> as Exchange<never>, passage, await outcome);
}

async function handle<Native>(
  cache: PageCache<Native>,
  exchange: Exchange<Native>,
  policy: ResolvedPolicy | undefined,
): Promise<Response> {
  const { request, native, node } = exchange;
  const own = isNever(request) ? neverPolicy : policy;
  if (node !== undefined) learnServer(cache, node.incoming);
  const passage = passageOf(request);
  const under = responsiblePassage(request, partsOf(request.url).target, cache);
  if (under !== undefined && !cache.active) return exchange.run(request as CachedRequest);
  const keyed = under === undefined ? keyedHead(cache, request, own) : nestedHead(cache, request, own, under);
  const head = keyed instanceof Promise ? await keyed : keyed;
  const whose = knowsWhoAsks(cache, exchange) ? { ...head, identified: true as const } : head;
  if (under !== undefined && cache.join(under.forward, whose, native, own))
    return exchange.run(request as CachedRequest);
  const asked = {
    ...(node === undefined ? undefined : askedAs(node.incoming)),
    ...asOwn(request),
    ...(own && { policy: own }),
    ...(under && { around: under.forward }),
  };
  const outcome = cache.handle(whose, native, asked);
  return proceed(cache, exchange, passage, outcome instanceof Promise ? await outcome : outcome);
}

// A cache further in decides on the client's own request.
function nestedHead<Native>(
  cache: PageCache<Native>,
  request: Request,
  policy: ResolvedPolicy | undefined,
  { client, forward }: Passage,
) {
  const { contentDigest } = forward.plan.request;
  if (contentDigest !== undefined) return { ...headOf(client), contentDigest };
  if (!cache.keysContent(headOf(client), policy)) return headOf(client);
  return digestOf(request).then((digest) =>
    digest === undefined ? headOf(client) : { ...headOf(client), contentDigest: digest },
  );
}

function isOwn<Native>({ request, node }: Exchange<Native>): boolean {
  return ownOf(request) !== undefined || (node !== undefined && isRefresh(node.incoming));
}

function knowsWhoAsks<Native>(cache: PageCache<Native>, { native, known, node }: Exchange<Native>): boolean {
  if (cache.knowsWhoAsks(native)) return true;
  if (known !== undefined && cache.knowsWhoAsks(known)) return true;
  return node !== undefined && cache.knowsWhoAsks(node.incoming);
}

async function proceed<Native>(
  cache: PageCache<Native>,
  exchange: Exchange<Native>,
  passage: Passage | undefined,
  outcome: Outcome,
): Promise<Response> {
  if (outcome.kind === "forward") return forward(cache, exchange, passage, outcome);
  const response = play(outcome, exchange.outside, exchange.node?.outgoing);
  if (outcome.refresh !== undefined) refreshStale(exchange, outcome.refresh);
  return response;
}

// Through the server, where it is known: then the request passes what stands before the cache, as a client's does.
function refreshStale<Native>({ request, node, again, inPlace }: Exchange<Native>, claim: RefreshClaim): void {
  if (node !== undefined && serverOf(node.incoming) !== undefined)
    refreshBehind(node.incoming, originalTarget(node.incoming), withHostOf(request, claim));
  else if (again === undefined) claim.release({ reached: false, status: undefined });
  else refreshAgain(request, claim, again, inPlace);
}

async function forward<Native>(
  cache: PageCache<Native>,
  { request, node, outside, standsIn, inPlace, run }: Exchange<Native>,
  passage: Passage | undefined,
  outcome: Forward,
): Promise<Response> {
  const client = passage?.client ?? request;
  const { plan } = outcome;
  const departure = new ClientDeparture(outcome, plan.own ? undefined : client.signal);
  const answer = new Answer(outcome, departure, client.method, node?.outgoing, outside);
  const late = new Promise<Response>((resolve) => {
    if (standsIn === "returned") outcome.onTimeout = (stale) => resolve(answer.standIn(stale));
    else if (node?.outgoing !== undefined) outcome.onTimeout = (stale) => answer.standInPast(stale);
    else if (plan.policy.timeout !== undefined && plan.selection !== undefined) tellNoTimeout();
  });
  const asked = inPlace ? request : requestFor(request, client, outcome, departure.told.signal);
  if (inPlace) changeRequest(request, outcome, departure.told.signal);
  pass(asked, cache, outcome, client, passage);
  if (plan.reads !== undefined) {
    watchFields(asked, plan.reads);
    // The functions in the options are given this one.
    if (asked !== request) watchFields(request, plan.reads);
  }
  return Promise.race([respond(outcome, answer, () => run(asked as CachedRequest)), late]);
}

let toldNoTimeout = false;

function tellNoTimeout(): void {
  if (toldNoTimeout) return;
  toldNoTimeout = true;
  const message = "option `stale.timeout` has no effect on requests that come without the server's own response";
  process.emitWarning(message, {
    type: "DiskCacheWarning",
    code: "DISKCACHE_TIMEOUT",
    detail: "Said once. @hono/node-server hands it on; `app.request()` does not.",
  });
}

async function respond(outcome: Forward, answer: Answer, run: () => Response | Promise<Response>): Promise<Response> {
  let response: Response;
  try {
    response = await outcome.run(run);
  } catch (thrown) {
    if (answer.isSent) {
      outcome.abort("thrown");
      return answer.sent();
    }
    // A stale page in place of the failure, if there is one that may.
    const { status } = (thrown ?? {}) as { readonly status?: unknown };
    const stale = outcome.failed(typeof status === "number" ? status : "thrown");
    outcome.abort(stale === undefined ? "thrown" : "hidden");
    if (stale === undefined) throw thrown;
    return answer.instead(stale);
  }
  try {
    const given = await answer.of(response);
    return answer.isSent ? answer.sent() : given;
  } catch (thrown) {
    outcome.abort("error"); // no request is left waiting for it
    throw thrown;
  }
}
