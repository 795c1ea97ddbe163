/**
 * A recorded response on its way out through the onion: middleware outside may still set a cookie on it, so it is
 * shared and kept only once no outer middleware can change it.
 */
import type { Forward } from "@diskcache/core";
import { beforeHeadLeaves, headersSetOn } from "@diskcache/http";
import type { Departure } from "@diskcache/http";
import type { Context } from "koa";

export class Outward {
  readonly #ctx: Context;
  readonly #forward: Forward;
  readonly #departure: Departure;
  readonly #awaited: boolean;
  readonly #stoodIn: boolean;
  #over = false;
  #then: (() => void) | undefined;

  /** @param stoodIn the client has been given another response: no head of this one will be sent */
  constructor(ctx: Context, forward: Forward, departure: Departure, stoodIn: boolean) {
    this.#ctx = ctx;
    this.#forward = forward;
    this.#departure = departure;
    this.#awaited = forward.awaitsLeaving;
    this.#stoodIn = stoodIn;
    this.#watchOnion();
    if (!stoodIn) beforeHeadLeaves(ctx.res, this.#headLeaves);
  }

  /** Calls `then` once the head has left, or certainly none will. */
  whenOver(then: () => void): void {
    if (this.#over) then();
    else this.#then = then;
  }

  /** The response has been given up. */
  stop(): void {
    if (!this.#over) this.#conclude();
  }

  // Koa reads `respond` when the outermost middleware has returned, and only then.
  #watchOnion(): void {
    let { respond } = this.#ctx;
    Object.defineProperty(this.#ctx, "respond", {
      configurable: true,
      enumerable: true,
      get: () => {
        const { gone } = this.#departure;
        this.#onionIsDone(respond === false);
        // No client is left for what Koa would send.
        return gone ? false : respond;
      },
      set: (given: boolean) => {
        respond = given;
      },
    });
  }

  #onionIsDone(silent: boolean): void {
    if (this.#over) return;
    if (this.#stoodIn || this.#departure.gone) this.#conclude();
    // Middleware outside answers in its own way, with any fields.
    else if (silent) this.#giveUp("body");
  }

  readonly #headLeaves = (): void => {
    if (this.#over) return;
    // An error on its way out becomes the response, and removes every field.
    if (this.#awaited && !this.#ctx.res.hasHeader("Cache-Status")) this.#giveUp("error");
    else this.#conclude();
  };

  #giveUp(reason: string): void {
    this.#forward.abort(reason);
    this.#conclude();
  }

  #conclude(): void {
    this.#over = true;
    const { res } = this.#ctx;
    const late = this.#awaited ? this.#forward.leaving(headersSetOn(res)) : [];
    if (!res.headersSent) for (const [name, value] of late) res.setHeader(name, value);
    this.#then?.();
  }
}
