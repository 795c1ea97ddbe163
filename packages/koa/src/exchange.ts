/** One context through the cache: answered from it, or handed inwards and recorded on the way back. */
import { Stream } from "node:stream";
import { neverPolicy } from "@diskcache/core";
import type { Forward, Outcome, PageCache, Reads, ResolvedPolicy } from "@diskcache/core";
import {
  applyRequestChanges,
  askedAs,
  headersSetOn,
  ignoreReasonPhrase,
  isKnownResponse,
  isNever,
  keyedRequest,
  learnServer,
  mountedAt,
  nestedRequest,
  NODES_OWN,
  readyResponse,
  reasonPhrase,
  refreshBehind,
  routedRequest,
  send,
  stepAside,
  watchProperty,
  watchRequest,
  withdrawRequestChanges,
} from "@diskcache/http";
import type { ForwardsUnderWay } from "@diskcache/http";
import type { Context } from "koa";
import { Capture } from "./capture.js";
import { play } from "./play.js";

type Inward = () => Promise<unknown>;

/** @param outermost whether no other middleware is outside it */
export function runContext(
  cache: PageCache<Context>,
  underWay: ForwardsUnderWay,
  ctx: Context,
  next: Inward,
  outermost: boolean,
): Promise<void> {
  if (!isKnownResponse(ctx.res)) return passBy(cache, ctx, next);
  noteMount(ctx);
  const ready = readyResponse(cache, ctx.req, ctx.originalUrl, ctx);
  if (ready === undefined) return decideOn(cache, underWay, ctx, next);
  if (outermost) {
    // No middleware outside could read the context or change it, so Koa has nothing to do either.
    ctx.respond = false;
    send(ctx.res, ready, ctx.res, KOAS_OWN);
  } else play(ctx, ready);
  return DONE;
}

const DONE = Promise.resolve();

// What koa-mount sets on the context of a mounted application.
function noteMount(ctx: Context & { readonly mountPath?: string }): void {
  if (ctx.mountPath !== undefined) mountedAt(ctx.req, ctx.mountPath);
}

async function passBy(cache: PageCache<Context>, ctx: Context, next: Inward): Promise<void> {
  stepAside(cache, ctx.res, ctx.originalUrl);
  await next();
}
/** Koa listens for the end of every response, and reads none. */
const KOAS_OWN = NODES_OWN + 1;

async function decideOn(
  cache: PageCache<Context>,
  underWay: ForwardsUnderWay,
  ctx: Context,
  next: Inward,
): Promise<void> {
  if (underWay.get(ctx.req) !== undefined) {
    await next(); // mounted twice: the outer one is active
    return;
  }
  await enter(cache, underWay, ctx, next, isNever(ctx.req) ? neverPolicy : undefined);
}

/** The same for one route: refines the current forward, or caches just this route. */
export async function runRoute(
  cache: PageCache<Context>,
  underWay: ForwardsUnderWay,
  policy: ResolvedPolicy,
  ctx: Context,
  next: Inward,
): Promise<void> {
  if (!isKnownResponse(ctx.res)) return passBy(cache, ctx, next);
  noteMount(ctx);
  const own = isNever(ctx.req) ? neverPolicy : policy;
  const under = underWay.ofRoute(ctx.req, ctx.originalUrl, cache);
  if (under === undefined) return enter(cache, underWay, ctx, next, own);
  learnServer(cache, ctx.req);
  const { contentDigest } = await routedRequest(under.cache, under.forward, ctx.req, ctx.originalUrl, own);
  const outcome = under.cache.refine(under.forward, own, ctx as never, contentDigest);
  if (outcome === undefined) {
    await next();
    return;
  }
  withdrawRequestChanges(ctx.req, under.forward);
  await proceed(under.cache, underWay, ctx, next, outcome instanceof Promise ? await outcome : outcome);
}

async function enter(
  cache: PageCache<Context>,
  underWay: ForwardsUnderWay,
  ctx: Context,
  next: Inward,
  policy: ResolvedPolicy | undefined,
): Promise<void> {
  const { req, originalUrl } = ctx;
  const under = underWay.innermost(req, originalUrl, cache);
  if (under !== undefined && !cache.active) {
    await next();
    return;
  }
  learnServer(cache, req);
  if (under !== undefined) withdrawRequestChanges(req, under.forward);
  const keyed =
    under === undefined
      ? keyedRequest(cache, req, originalUrl, policy)
      : nestedRequest(cache, under.forward, req, originalUrl, policy);
  const request = keyed instanceof Promise ? await keyed : keyed;
  if (under !== undefined && cache.join(under.forward, request, ctx, policy)) return passOn(ctx, under.forward, next);
  const asked = { ...askedAs(req), ...(policy && { policy }), ...(under && { around: under.forward }) };
  const outcome = cache.handle(request, ctx, asked);
  await proceed(cache, underWay, ctx, next, outcome instanceof Promise ? await outcome : outcome);
}

// Another cache around this one takes down what leaves: of Koa in an application of node:http, too.
async function passOn(ctx: Context, forward: Forward, next: Inward): Promise<void> {
  applyRequestChanges(ctx.req.headers, forward);
  ctx.diskCache ??= forward.directives;
  await next();
}

// What a request has changed is purged on other machines before its response goes out. Koa does not listen yet to a
// body that fails meanwhile: then that is an error of the handler's.
async function held(ctx: Context, forward: Forward): Promise<void> {
  const { body } = ctx;
  const stream = body instanceof Stream ? body : undefined;
  let failure: { readonly error: unknown } | undefined;
  const failed = (error: unknown): void => void (failure ??= { error });
  stream?.on("error", failed);
  await forward.held({ status: ctx.status, statusText: reasonPhrase(ctx.res), rawHeaders: headersSetOn(ctx.res) });
  stream?.off("error", failed);
  if (failure !== undefined && !ctx.headerSent) throw failure.error;
}

async function proceed<Req>(
  cache: PageCache<Req>,
  underWay: ForwardsUnderWay,
  ctx: Context,
  next: Inward,
  outcome: Outcome,
): Promise<void> {
  if (outcome.kind === "hit") {
    play(ctx, outcome);
    if (outcome.refresh !== undefined) refreshBehind(ctx.req, ctx.originalUrl, outcome.refresh);
    return;
  }
  underWay.set(ctx.req, outcome, cache);
  ignoreReasonPhrase(ctx.res);
  const capture = new Capture(ctx, outcome);
  const giveBack = applyRequestChanges(ctx.req.headers, outcome);
  ctx.diskCache = outcome.directives;
  ctx.req.diskCache = outcome.directives;
  if (outcome.plan.reads !== undefined) watchContext(ctx, outcome.plan.reads);
  try {
    await outcome.run(next);
    if (outcome.mayBeHeld && ctx.respond !== false && !ctx.headerSent) await held(ctx, outcome);
  } catch (thrown) {
    giveBack();
    if (!capture.stoodIn && !hideFailure(ctx, outcome, thrown, capture)) throw thrown;
    if (capture.stoodIn) outcome.abort("thrown");
    ctx.app.emit("error", thrown, ctx); // hidden from the client, not from the operator
    return;
  }
  let pastKoa = false;
  try {
    pastKoa = await capture.record();
  } catch (thrown) {
    // No request is left waiting for it.
    outcome.abort("error");
    throw thrown;
  }
  // A handler that answers past Koa may do so later, and the cache evaluates the client's conditions for it.
  if (!pastKoa) giveBack();
  if (capture.stoodIn) ctx.respond = false;
}

// A stale page may stand in for what would have become a 5xx.
function hideFailure(ctx: Context, forward: Forward, thrown: unknown, capture: Capture): boolean {
  const { status } = (thrown ?? {}) as { status?: unknown };
  const stale = forward.failed(typeof status === "number" ? status : "thrown");
  forward.abort(stale === undefined ? "thrown" : "hidden");
  if (stale === undefined) return false;
  capture.clear();
  play(ctx, stale);
  return true;
}

/* Views of a context through which a handler reads the request, and which note the names of what it reads. */

/** What common routers set on the context. */
interface Routed {
  readonly _matchedRoute?: string | RegExp;
  readonly routerPath?: string;
}

function watchContext(ctx: Context, reads: Reads): void {
  watchRequest(ctx.req, reads);
  if (reads.watchesQuery) watchProperty(ctx.request, "query", (parameter) => reads.parameter(parameter));
  watchCookies(ctx, reads);
  reads.route = () => {
    const { _matchedRoute: matched, routerPath } = ctx as Routed;
    return matched === undefined ? routerPath : String(matched);
  };
}

// Koa makes the object on first access, and so does this.
function watchCookies(ctx: Context, reads: Reads): void {
  const inherited = Object.getPrototypeOf(ctx) as object;
  let view: Context["cookies"] | undefined;
  Object.defineProperty(ctx, "cookies", {
    get: () => (view ??= recording(Reflect.get(inherited, "cookies", ctx) as Context["cookies"], reads)),
    set(given: Context["cookies"]) {
      view = recording(given, reads);
    },
    configurable: true,
    enumerable: true,
  });
}

function recording(cookies: Context["cookies"], reads: Reads): Context["cookies"] {
  return new Proxy(cookies, {
    get: (jar, name) => {
      const value: unknown = Reflect.get(jar, name, jar);
      if (typeof value !== "function") return value;
      return (...given: unknown[]): unknown => {
        if (name === "get") reads.cookie(String(given[0]));
        return Reflect.apply(value, jar, given);
      };
    },
  });
}
