/**
 * A client that takes a response more slowly than its handler writes it. First it is sent a little more than it has
 * taken, then the rest of the body from the recording, at its own pace: neither the handler nor the followers wait for
 * it.
 */
import type { ServerResponse } from "node:http";
import type { BodyReader, Forward } from "@diskcache/core";
import { bodyPieces } from "./body-pieces.js";
import { isBareWrite, write } from "./send.js";
import type { Sink } from "./send.js";

/** How much may wait in memory for a client that others follow. */
const AHEAD_BYTES = 256 * 1024;

/** Events of a response whose client is behind. */
export interface SlowClientEvents {
  /** From now on the client reads from the recording. */
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
  /** Bytes of the handler's body that the client has been sent. */
  #position = 0;
  /** Bytes sent since the client had last taken everything. */
  #owed = 0;
  #reader: BodyReader | undefined;
  #taken: (() => void) | undefined;

  /** @param end of what the client gets of the handler's body; `Infinity`: all of it */
  constructor(res: ServerResponse, forward: Forward, sink: Sink, end: number, events: SlowClientEvents) {
    this.#res = res;
    this.#forward = forward;
    this.#sink = sink;
    this.#end = end;
    this.#events = events;
  }

  /**
   * Whether the client reads the rest from the recording: nothing more is written to it, and its response ends when it
   * has read all.
   */
  get behind(): boolean {
    return this.#reader !== undefined;
  }

  /** The client is about to be sent a piece. */
  given(bytes: number): void {
    this.#position += bytes;
    this.#owed += bytes;
  }

  /** The client has not taken the last piece at once.
   * @returns whether the handler may go on all the same */
  stalls(): boolean {
    if (this.#mayWait) return true;
    this.#forward.clientStalls(() => this.#leave());
    return this.behind;
  }

  /** The client has taken all it was sent. */
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
