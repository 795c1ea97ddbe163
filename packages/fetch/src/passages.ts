/**
 * Requests that the application is handling, and their forwards: one for each cache a request has come to, the
 * innermost first. Each hands the next one a Request of its own.
 */
import type { Forward, PageCache } from "@diskcache/core";
import type { CachedRequest } from "./request.js";

export interface Passage {
  readonly cache: PageCache<never>;
  readonly forward: Forward;
  /** The request as the client sent it. */
  readonly client: Request;
  readonly around: Passage | undefined;
}

/** One for all caches: those on one directory have to find each other's forwards. */
const PASSAGE = Symbol("diskcache.passage");

type Passing = Request & { [PASSAGE]?: Passage; diskCache?: CachedRequest["diskCache"] };

/** The innermost one. */
export function passageOf(request: Request): Passage | undefined {
  return (request as Passing)[PASSAGE];
}

/** The forward of one cache. */
export function passageThrough<Native>(request: Request, cache: PageCache<Native>): Passage | undefined {
  for (let at = passageOf(request); at !== undefined; at = at.around) if (at.cache === asAny(cache)) return at;
  return undefined;
}

/** The innermost forward of the caches that keep this page in the directory of `cache`. */
export function responsiblePassage<Native>(
  request: Request,
  target: string,
  cache: PageCache<Native>,
): Passage | undefined {
  for (let at = passageOf(request); at !== undefined; at = at.around) {
    const { method, target: asked } = at.forward.plan.request;
    if (method !== request.method || asked !== target) continue;
    if (at.cache === asAny(cache) || at.cache.sharesDirectory(asAny(cache))) return at;
  }
  return undefined;
}

/** @param around the passage that the request had come by */
export function pass<Native>(
  request: Request,
  cache: PageCache<Native>,
  forward: Forward,
  client: Request,
  around: Passage | undefined,
): void {
  const passing = request as Passing;
  passing[PASSAGE] = { cache: asAny(cache), forward, client, around };
  passing.diskCache = forward.directives;
}

// The type of a cache's native request does not matter here.
function asAny<Native>(cache: PageCache<Native>): PageCache<never> {
  return cache as unknown as PageCache<never>;
}
