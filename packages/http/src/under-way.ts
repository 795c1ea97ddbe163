/** Requests on their way through the application, and the forward each is on its way with. One for each cache. */
import type { IncomingMessage } from "node:http";
import type { Forward } from "@diskcache/core";

/** Kept on the request itself. A forward leads back to its request, and a collection of the young generation takes what a WeakMap holds for alive: in one, every request would live until the next full collection. */
export class ForwardsUnderWay {
  readonly #mark = Symbol("diskcache.underWay");

  get(req: IncomingMessage): Forward | undefined {
    return (req as Marked)[this.#mark];
  }

  set(req: IncomingMessage, forward: Forward): void {
    (req as Marked)[this.#mark] = forward;
  }
}

type Marked = IncomingMessage & Record<symbol, Forward | undefined>;
