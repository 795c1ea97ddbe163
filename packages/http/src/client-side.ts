/**
 * The client's side of a tapped response: what it gets of what the handler writes, and how it keeps up. Of the
 * recording it knows only that there is one.
 */
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { Delivery, Forward } from "@diskcache/core";
import { Aside, Gathering, Part, Passing } from "./deliveries.js";
import type { Delivering, Given } from "./deliveries.js";
import type { Departure } from "./departure.js";
import { detach, endSources } from "./detach-handler.js";
import { Drain } from "./drain.js";
import type { Sink } from "./send.js";
import { SlowClient } from "./slow-client.js";
import type { TappedHead } from "./tapped-head.js";

export interface ClientSideParts {
  readonly res: ServerResponse;
  readonly forward: Forward;
  readonly sink: Sink;
  readonly head: TappedHead;
  readonly departure: Departure;
}

export class ClientSide {
  readonly #res: ServerResponse;
  readonly #forward: Forward;
  readonly #sink: Sink;
  readonly #head: TappedHead;
  readonly #departure: Departure;
  readonly #drain: Drain;
  #delivering: Delivering | undefined;
  /** For a client that may turn out slower than the handler. */
  #slow: SlowClient | undefined;
  /** Whether the handler's body is recorded. */
  record = false;

  constructor({ res, forward, sink, head, departure }: ClientSideParts) {
    this.#res = res;
    this.#forward = forward;
    this.#sink = sink;
    this.#head = head;
    this.#departure = departure;
    this.#drain = new Drain(res, () => this.#slow?.drained());
    // Of several caches, each writes to the one around it, and the outermost to the connection. Middleware between them
    // may not pass `drain` on.
    if (departure.parties === 0 || !this.#drain.mustTell) departure.drains.push(() => this.#drain.drained());
  }

  /** Whether the response has begun. */
  get begun(): boolean {
    return this.#delivering !== undefined;
  }

  /** Whether what the handler calls goes to the response as it is. */
  get passes(): boolean {
    return this.#delivering?.passes !== false;
  }

  /** Whether nothing of it goes out before the handler has ended. */
  get gathers(): boolean {
    return this.#delivering instanceof Gathering;
  }

  /** Whether the client gets nothing of it. */
  get isAside(): boolean {
    return this.#delivering instanceof Aside;
  }

  /** The response begins.
   * @param stoodIn the client has had another one already
   * @param complete called when the client has had its part, and nothing is recorded
   * @param whole called with the whole body, where it is gathered */
  begin(
    delivery: Delivery,
    status: number,
    stoodIn: boolean,
    complete: () => void,
    whole: (content: Buffer) => void,
  ): void {
    this.record = delivery.record;
    this.#delivering = new Aside();
    if (delivery.kind === "filled") this.#delivering = new Gathering(whole);
    else if (this.#departure.gone) this.#head.makeUnsent(status);
    else if (stoodIn) this.#head.leaves();
    else if (delivery.kind === "instead") this.#head.replace(delivery.response);
    else if (delivery.kind === "pass") {
      this.#mayBeSlow(Number.POSITIVE_INFINITY);
      this.#delivering = new Passing(this.#res, this.#sink);
    } else {
      this.#mayBeSlow(delivery.end);
      this.#head.replaceByPart(delivery.head);
      this.#delivering = new Part(this.#res, this.#sink, delivery, () => (this.record ? this.turnAside() : complete()));
    }
    if (!this.passes) detach(this.#res);
  }

  /** Everything goes to the response as it is, and nothing is recorded. */
  pass(): void {
    this.#delivering = new Passing(this.#res, this.#sink);
  }

  /** @param bytes where the body is recorded, or does not go out as it is
   * @param room whether the recording takes more
   * @returns whether the handler may go on */
  write(given: Given, bytes: Buffer | undefined, room: boolean): boolean {
    const drain = this.#drain;
    if (!room) this.#forward.onDrain ??= drain.diskFlows;
    this.#slow?.given(bytes!.length);
    const taken = this.#delivering!.write(this.record ? this.#withoutNews(given) : given, bytes);
    if (!this.record && !drain.mustTell) return taken;
    return drain.wrote(!taken && this.#slow?.stalls() !== true, !room);
  }

  end(given: Given, last: Buffer | undefined): void {
    this.#delivering!.end(given, last);
  }

  /** The client has left. */
  leave(): void {
    this.#slow?.over(true);
    if (this.begun && !this.gathers) this.turnAside();
    this.#drain.clientFlows();
  }

  /** Nothing more goes from the handler to the client. */
  turnAside(): void {
    this.#delivering = new Aside();
    detach(this.#res);
  }

  /** Nothing that is piped here is of use any more. */
  endSources(): void {
    const sources = [...this.#departure.sources] as Readable[];
    setImmediate(() => endSources(this.#res, sources));
  }

  /** The response is whole, and its client has left. */
  endUnsent(): void {
    if (!this.passes) this.#sink.end.call(this.#res);
  }

  /** Nothing more is written.
   * @param left nothing more is read either */
  handlerIsDone(left: boolean): void {
    this.#slow?.over(left);
  }

  // To the callback of `write`, an error says that the client has left. Whether the handler may know is decided in the
  // same turn.
  #withoutNews(given: Given): Given {
    const callback = given.at(-1);
    if (typeof callback !== "function") return given;
    const told = (error?: Error | null): void => {
      if (!error) callback(error);
      else setImmediate(() => callback(this.#departure.isKeptFromHandler ? null : error));
    };
    return [...given.slice(0, -1), told];
  }

  #mayBeSlow(end: number): void {
    if (!this.record) return;
    this.#slow = new SlowClient(this.#res, this.#forward, this.#sink, end, {
      left: () => this.turnAside(),
      flows: this.#drain.clientFlows,
      breaks: () => this.#departure.breakOff(),
    });
  }
}
