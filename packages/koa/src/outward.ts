/** A recorded response on its way out through the onion: middleware outside may still set a cookie on it, so it is shared and kept only once nobody outside has a say any more. */
import type { Forward } from "@diskcache/core";
import { beforeHeadLeaves, headersSetOn } from "@diskcache/http";
import type { Context } from "koa";

/** How long after the visitor has left middleware outside may take before the response counts as given up. */
const ABANDONED_AFTER_MS = 30_000;

export class Outward {
  readonly #ctx: Context;
  readonly #forward: Forward;
  readonly #record: boolean;
  readonly #stoodIn: boolean;
  #over = false;
  #then: (() => void) | undefined;
  #abandoned: NodeJS.Timeout | undefined;

  /** @param stoodIn the visitor has been given another response: no head of this one will leave */
  constructor(ctx: Context, forward: Forward, record: boolean, stoodIn: boolean) {
    this.#ctx = ctx;
    this.#forward = forward;
    this.#record = record;
    this.#stoodIn = stoodIn;
    this.#watchOnion();
    if (!stoodIn) beforeHeadLeaves(ctx.res, this.#headLeaves);
    if (ctx.res.closed) this.#visitorLeft();
    else ctx.res.once("close", this.#visitorLeft);
  }

  /** Calls `then` once the head has left, or it is sure that none will. */
  whenOver(then: () => void): void {
    if (this.#over) then();
    else this.#then = then;
  }

  // Koa asks whether it is to respond when the outermost middleware has returned, and then only.
  #watchOnion(): void {
    let { respond } = this.#ctx;
    Object.defineProperty(this.#ctx, "respond", {
      configurable: true,
      enumerable: true,
      get: () => {
        this.#onionIsDone(respond === false);
        return respond;
      },
      set: (given: boolean) => {
        respond = given;
      },
    });
  }

  #onionIsDone(silent: boolean): void {
    if (this.#over) return;
    if (this.#stoodIn || !this.#ctx.writable) this.#conclude();
    // Somebody outside answers in his own way, with whatever fields.
    else if (silent) this.#giveUp("body");
  }

  readonly #headLeaves = (): void => {
    if (this.#over) return;
    // An error on its way out becomes the response, and sweeps every field away.
    if (this.#record && !this.#ctx.res.hasHeader("Cache-Status")) this.#giveUp("error");
    else this.#conclude();
  };

  readonly #visitorLeft = (): void => {
    if (!this.#over) this.#abandoned = setTimeout(() => this.#giveUp("aborted"), ABANDONED_AFTER_MS).unref();
  };

  #giveUp(reason: string): void {
    if (this.#over) return;
    this.#forward.abort(reason);
    this.#conclude();
  }

  #conclude(): void {
    this.#over = true;
    clearTimeout(this.#abandoned);
    const { res } = this.#ctx;
    const late = this.#record ? this.#forward.leaving(headersSetOn(res)) : [];
    if (!res.headersSent) for (const [name, value] of late) res.setHeader(name, value);
    this.#then?.();
  }
}
