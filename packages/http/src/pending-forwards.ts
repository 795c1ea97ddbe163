/**
 * Requests that the application is handling, and their forwards: one for each cache a request has come to, the
 * innermost first.
 */
import type { IncomingMessage } from "node:http";
import type { Forward, PageCache } from "@diskcache/core";

/** A forward, and the cache it belongs to. */
export interface UnderWay {
  readonly cache: PageCache<never>;
  readonly forward: Forward;
}

interface Mark extends UnderWay {
  readonly by: ForwardsUnderWay;
  /** The mark that the request had before. */
  readonly around: Mark | undefined;
}

/** One for all caches, whatever the framework: caches on one directory have to find each other's forwards. */
const MARK = Symbol("diskcache.underWay");

type Marked = IncomingMessage & { [MARK]?: Mark };

/**
 * Kept on the request itself. A forward refers back to its request, and a collection of the young generation treats
 * what a WeakMap holds as alive: with a WeakMap, every request would live until the next full collection.
 */
export class ForwardsUnderWay {
  /** This cache's own forward. */
  get(req: IncomingMessage): Forward | undefined {
    for (let at = (req as Marked)[MARK]; at !== undefined; at = at.around) {
      if (at.by === this) return at.forward;
    }
    return undefined;
  }

  /**
   * The innermost forward of the caches that keep this page in the directory of `cache`: the one that is responsible
   * for it.
   */
  innermost<Req>(req: IncomingMessage, target: string, cache: PageCache<Req>): UnderWay | undefined {
    for (let at = (req as Marked)[MARK]; at !== undefined; at = at.around) {
      if (at.by === this || (isFor(at.forward, req, target) && at.cache.sharesDirectory(asAny(cache)))) return at;
    }
    return undefined;
  }

  /**
   * The forward that a route policy of the cache applies to; `undefined` when the request has not come through the
   * cache.
   */
  ofRoute<Req>(req: IncomingMessage, target: string, cache: PageCache<Req>): UnderWay | undefined {
    return this.get(req) === undefined ? undefined : this.innermost(req, target, cache);
  }

  set<Req>(req: IncomingMessage, forward: Forward, cache: PageCache<Req>): void {
    (req as Marked)[MARK] = { by: this, cache: asAny(cache), forward, around: (req as Marked)[MARK] };
  }
}

// The type of a cache's native request does not matter here.
function asAny<Req>(cache: PageCache<Req>): PageCache<never> {
  return cache as unknown as PageCache<never>;
}

// A part of the application that was given its own path has its own pages.
function isFor({ plan: { request } }: Forward, req: IncomingMessage, target: string): boolean {
  return request.target === target && request.method === req.method;
}
