/** A client that takes a response more slowly than its handler writes it. First it is given a little more than it has taken, then the rest of the body out of what is recorded, at its own pace: neither the handler nor those who read along wait for it. */
import type { ServerResponse } from "node:http";
import type { BodyReader, Forward } from "@diskcache/core";
import { bodyPieces } from "./body-pieces.js";
import { isBareWrite, write } from "./send.js";
import type { Sink } from "./send.js";

/** What may wait in memory for a client while others read along. */
const AHEAD_BYTES = 256 * 1024;

/** What becomes of a response whose client is behind. */
export interface SlowClientEvents {
  /** From now on the client reads for itself. */
  left(): void;
  /** The handler may go on. */
  flows(): void;
  /** The rest cannot be read. */
  breaks(): void;
}

export class SlowClient {
  readonly #res: ServerResponse;
  readonly #forward: Forward;
  readonly #sink: Sink;
  readonly #end: number;
  readonly #events: SlowClientEvents;
  /** Bytes of the handler's body that it has been given. */
  #position = 0;
  /** Bytes that it has been given since it last took all. */
  #owed = 0;
  #reader: BodyReader | undefined;
  #taken: (() => void) | undefined;

  /** @param end of what the client gets of the handler's body; `Infinity`: all there is */
  constructor(res: ServerResponse, forward: Forward, sink: Sink, end: number, events: SlowClientEvents) {
    this.#res = res;
    this.#forward = forward;
    this.#sink = sink;
    this.#end = end;
    this.#events = events;
  }

  /** Whether the client reads the rest for itself: nothing more is written to it, and its response ends when it has read all. */
  get behind(): boolean {
    return this.#reader !== undefined;
  }

  /** The client is about to be given a piece. */
  given(bytes: number): void {
    this.#position += bytes;
    this.#owed += bytes;
  }

  /** It has not taken the last piece at once.
   * @returns whether the handler may go on all the same */
  stalls(): boolean {
    if (this.#mayWait) return true;
    this.#forward.clientStalls(() => this.#leave());
    return this.behind;
  }

  /** It has taken all it was given. */
  drained(): void {
    this.#owed = 0;
    this.#forward.clientFlows();
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  /** The handler is done, or the client has left. */
  over(left: boolean): void {
    this.#forward.clientFlows();
    if (left) this.#reader?.close();
  }

  get #mayWait(): boolean {
    return this.#forward.followed && this.#owed <= AHEAD_BYTES;
  }

  #leave(): void {
    if (!this.#mayWait) {
      const reader = this.#forward.clientReader(this.#position);
      if (reader === undefined) return;
      this.#reader = reader;
      this.#events.left();
      void this.#read(reader, this.#position);
    }
    this.#events.flows();
  }

  async #read(reader: BodyReader, start: number): Promise<void> {
    const source = { pieces: [{ start, end: this.#end }], open: () => reader };
    try {
      for await (const piece of bodyPieces(source, reader)) await this.#give(piece);
      this.#sink.end.call(this.#res);
    } catch {
      this.#events.breaks();
    } finally {
      reader.close();
    }
  }

  #give(piece: Buffer): Promise<void> {
    if (isBareWrite(this.#res, this.#sink)) return write(this.#res, piece, this.#sink);
    // A hooked `write` may drop the callback, as compression does, and keep the bytes.
    const taken = this.#sink.write.call(this.#res, Buffer.from(piece));
    return taken ? DONE : new Promise((resolve) => (this.#taken = resolve));
  }
}

const DONE = Promise.resolve();
