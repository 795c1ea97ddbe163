/** Gives a visitor who is slower than the handler the rest of the body at his own pace, out of what is recorded, so that neither the handler nor those who read along wait for him. */
import type { ServerResponse } from "node:http";
import type { Forward } from "@diskcache/core";
import { pump } from "./send.js";
import type { Sink } from "./send.js";

export class CatchUp {
  readonly #res: ServerResponse;
  readonly #forward: Forward;
  readonly #sink: Sink;
  readonly #end: number;
  #at = 0;
  #behind = false;
  #listening = false;

  /** @param end of what the visitor gets of the handler's body; `Infinity`: all there is */
  constructor(res: ServerResponse, forward: Forward, sink: Sink, end: number) {
    this.#res = res;
    this.#forward = forward;
    this.#sink = sink;
    this.#end = end;
  }

  /** Whether the visitor reads the rest by himself: nothing more is written to him, and only this ends his response. */
  get behind(): boolean {
    return this.#behind;
  }

  /** @param at so far the handler's body has come, and the visitor has been given it
   * @param flowing whether he takes it as fast as it comes
   * @returns whether the handler may go on */
  given(at: number, flowing: boolean): boolean {
    this.#at = at;
    if (flowing || this.#behind || this.#res.destroyed) return flowing || this.#behind;
    // Once: compression takes listeners over, and cannot be told to forget one.
    if (!this.#listening) this.#res.once("drain", this.#caughtUp);
    this.#listening = true;
    this.#forward.visitorStalls(() => this.#fallBehind());
    return this.#behind;
  }

  /** The handler is done. */
  over(): void {
    this.#caughtUp();
  }

  readonly #caughtUp = (): void => {
    this.#res.off("drain", this.#caughtUp);
    this.#listening = false;
    this.#forward.visitorFlows();
  };

  #fallBehind(): void {
    const res = this.#res;
    const reader = res.destroyed ? undefined : this.#forward.visitorReader(this.#at);
    if (reader === undefined) return;
    this.#caughtUp();
    this.#behind = true;
    // The handler may wait for a drain that would not come.
    res.emit("drain");
    res.once("close", () => reader.close());
    void pump(res, { pieces: [{ start: this.#at, end: this.#end }], open: () => reader }, this.#sink);
  }
}
