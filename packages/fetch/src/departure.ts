/**
 * The client's side of a forward: that it has left, or has had its answer, and that the head of its response leaves.
 * Never looks at a body.
 */
import type { ServerResponse } from "node:http";
import type { Forward } from "@diskcache/core";
import { beforeHeadLeaves, editHead, headersSetOn } from "@diskcache/http";

export class ClientDeparture {
  /** What the handler is told: aborted when no client and no store wants its response any more. */
  readonly told = new AbortController();
  readonly #forward: Forward;
  #over = false;
  #gone = false;
  #headGone!: () => void;
  readonly #whenHeadHasGone = new Promise<void>((resolve) => (this.#headGone = resolve));
  #headHasGone = false;
  /** Called when the client gets nothing more; with whether the handler goes on without it. */
  onLeave: ((goesOn: boolean) => void) | undefined;

  /** @param signal of the client's request; `undefined` where there is no client */
  constructor(forward: Forward, signal: AbortSignal | undefined) {
    this.#forward = forward;
    forward.onOver = () => {
      this.#over = true;
      signal?.removeEventListener("abort", this.left);
      // As without a cache, now that it cannot cut the response short.
      if (this.#gone) this.told.abort();
    };
    if (signal?.aborted === true) queueMicrotask(this.left);
    else signal?.addEventListener("abort", this.left);
  }

  /** Whether the response is over, or has been given up. */
  get over(): boolean {
    return this.#over;
  }

  /** Whether the client has left, or has had its answer. */
  get gone(): boolean {
    return this.#gone;
  }

  /** The client has left, or has had another answer or its part: the handler goes on without it, or not at all. */
  readonly left = (): void => {
    if (this.#gone) return;
    this.#gone = true;
    if (this.#over) return;
    const goesOn = this.#forward.clientLeft(() => this.giveUp());
    if (goesOn) this.onLeave?.(true);
    else this.giveUp();
    this.#headLeaves();
  };

  /** Neither the store nor a client has use for the rest. */
  giveUp(): void {
    this.told.abort();
    if (!this.#over) this.#forward.abort("aborted");
    this.onLeave?.(false);
  }

  /**
   * The response is about to be handed to the server, with these fields. Where the server's own response is known, code
   * outside may still change them until they are sent; a cookie that comes then keeps the response out of the cache.
   */
  handingOver(sent: Headers, outgoing: ServerResponse | undefined): void {
    if (!this.#forward.awaitsLeaving) return this.#headLeaves();
    if (outgoing === undefined || outgoing.headersSent || this.#gone) {
      for (const [name, value] of this.#forward.leaving([...sent].flat())) sent.set(name, value);
      return this.#headLeaves();
    }
    const status = sent.get("cache-status") ?? "";
    // What a server gives to `writeHead` is set on the response, where all can read it when it leaves.
    editHead(outgoing, () => []);
    beforeHeadLeaves(outgoing, () => {
      if (this.#headHasGone) return;
      const lines = headersSetOn(outgoing);
      // Another response in the place of this one.
      if (!hasLine(lines, "cache-status", status)) this.#forward.abort("error");
      const late = this.#forward.leaving(lines);
      if (!outgoing.headersSent) for (const [name, value] of late) outgoing.setHeader(name, value);
      this.#headLeaves();
    });
    outgoing.once("close", () => {
      if (this.#headHasGone) return;
      this.#forward.leaving([...sent].flat());
      this.#headLeaves();
    });
    return undefined;
  }

  /** Resolves when the head has left, or certainly none will. */
  whenHeadHasGone(): Promise<void> {
    return this.#whenHeadHasGone;
  }

  #headLeaves(): void {
    this.#headHasGone = true;
    this.#headGone();
  }
}

function hasLine(raw: readonly string[], wanted: string, value: string): boolean {
  return raw.some((name, at) => at % 2 === 0 && name.toLowerCase() === wanted && raw[at + 1]!.includes(value));
}
