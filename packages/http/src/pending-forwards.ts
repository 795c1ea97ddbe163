/** Requests on their way through the application, and the forwards each is on its way with: one for each cache it has come to, the innermost first. */
import type { IncomingMessage } from "node:http";
import type { Forward, PageCache } from "@diskcache/core";

/** A forward, and the cache it is one of. */
export interface UnderWay {
  readonly cache: PageCache<never>;
  readonly forward: Forward;
}

interface Mark extends UnderWay {
  readonly by: ForwardsUnderWay;
  /** What the request was on its way with before. */
  readonly around: Mark | undefined;
}

/** One for all caches, whatever the framework: those on one directory have to know of each other. */
const MARK = Symbol("diskcache.underWay");

type Marked = IncomingMessage & { [MARK]?: Mark };

/** Kept on the request itself. A forward leads back to its request, and a collection of the young generation takes what a WeakMap holds for alive: in one, every request would live until the next full collection. */
export class ForwardsUnderWay {
  /** This cache's own forward. */
  get(req: IncomingMessage): Forward | undefined {
    for (let at = (req as Marked)[MARK]; at !== undefined; at = at.around) {
      if (at.by === this) return at.forward;
    }
    return undefined;
  }

  /** The innermost forward of the caches that keep this page in the directory of `cache`: the one that answers for it. */
  innermost<Req>(req: IncomingMessage, target: string, cache: PageCache<Req>): UnderWay | undefined {
    for (let at = (req as Marked)[MARK]; at !== undefined; at = at.around) {
      if (at.by === this || (isFor(at.forward, req, target) && at.cache.sharesDirectory(asAny(cache)))) return at;
    }
    return undefined;
  }

  /** The forward that the policy of one of the cache's routes is for; `undefined` when the request has not come through the cache. */
  ofRoute<Req>(req: IncomingMessage, target: string, cache: PageCache<Req>): UnderWay | undefined {
    return this.get(req) === undefined ? undefined : this.innermost(req, target, cache);
  }

  set<Req>(req: IncomingMessage, forward: Forward, cache: PageCache<Req>): void {
    (req as Marked)[MARK] = { by: this, cache: asAny(cache), forward, around: (req as Marked)[MARK] };
  }
}

// What a cache calls a request matters to nobody here.
function asAny<Req>(cache: PageCache<Req>): PageCache<never> {
  return cache as unknown as PageCache<never>;
}

// A part of the application that was cut a path of its own has pages of its own.
function isFor({ plan: { request } }: Forward, req: IncomingMessage, target: string): boolean {
  return request.target === target && request.method === req.method;
}
