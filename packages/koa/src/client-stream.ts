/**
 * The body on its way to the client: the handler's pieces as they come. Once the client is slower than the handler
 * while others wait for it, the client gets the recording, at its own pace.
 */
import { Readable } from "node:stream";
import type { BodyReader, Forward } from "@diskcache/core";

/** How much may wait in memory for a client that others follow. */
const AHEAD_BYTES = 256 * 1024;

export class ClientStream extends Readable {
  readonly #forward: Forward;
  readonly #start: number;
  readonly #end: number;
  /** Bytes of the handler's body so far. */
  #given = 0;
  /** Bytes that a client that is behind has read so far. */
  #read = 0;
  #reader: BodyReader | undefined;
  #goOn: (() => void) | undefined;
  #left = false;

  /** The client gets the bytes from `start` to `end` (exclusive). */
  constructor(forward: Forward, start: number, end: number) {
    super();
    this.#forward = forward;
    this.#start = start;
    this.#end = end;
  }

  /** Whether the client has been sent all it is to get. */
  get complete(): boolean {
    return this.#given >= this.#end;
  }

  /** The client has left. Koa does not learn of it: it would break the response off, and stop the handler with it. */
  leave(): void {
    this.#left = true;
    this.#release();
    this.#reader?.close();
  }

  /** Whether no more of the body is for the client. */
  get over(): boolean {
    return this.#left || this.destroyed || this.complete;
  }

  /** @returns a promise when the handler is to wait until it resolves */
  give(bytes: Buffer): Promise<void> | undefined {
    const at = this.#given;
    if (this.over) return undefined;
    this.#given += bytes.length;
    if (this.#reader !== undefined) return undefined;
    const part = bytes.subarray(Math.max(0, this.#start - at), Math.max(0, Math.min(bytes.length, this.#end - at)));
    const flowing = part.length === 0 || this.push(part);
    // The response ends with its part, whatever else the handler writes.
    if (this.complete) this.push(null);
    if (flowing || this.complete || this.#mayWait) return undefined;
    return new Promise((resolve) => {
      this.#goOn = resolve;
      this.#forward.clientStalls(() => this.#fallBehind());
    });
  }

  /** The handler is done; a client that is behind gets the rest. */
  finish(): void {
    this.#forward.clientFlows();
    if (this.#reader !== undefined || this.over) return;
    if (Number.isFinite(this.#end)) this.destroy(new Error("the response was cut short"));
    else this.push(null);
  }

  /** The handler's body has failed. What comes behind a client's part is none of its concern.
   * @param answered whether the error was answered in the place of the body: nothing may be written after that */
  fail(error: Error, answered: boolean): void {
    if (this.complete && !answered) return;
    // Node gives out what is buffered until the error is told.
    if (answered && this.readableFlowing === true) this.pause();
    this.destroy(error);
  }

  // Koa destroys what it sends once the connection is closed, and Koa 3 the response with it.
  override destroy(error?: Error | null): this {
    return this.#left && !error ? this : super.destroy(error ?? undefined);
  }

  override _read(): void {
    if (this.#reader === undefined) this.#release();
    else void this.#readBehind(this.#reader);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#release();
    this.#reader?.close();
    done(error);
  }

  get #mayWait(): boolean {
    return this.#forward.followed && this.readableLength <= AHEAD_BYTES;
  }

  #release(): void {
    this.#forward.clientFlows();
    const goOn = this.#goOn;
    this.#goOn = undefined;
    goOn?.();
  }

  #fallBehind(): void {
    if (this.#mayWait) return this.#release();
    this.#read = Math.max(this.#start, this.#given);
    this.#reader = this.#forward.clientReader(this.#read);
    if (this.#reader !== undefined) this.#release();
  }

  async #readBehind(reader: BodyReader): Promise<void> {
    try {
      const piece = this.#read < this.#end ? await reader.read(this.#read, this.#end) : undefined;
      if (piece === undefined || piece.length === 0) {
        if (this.#read < this.#end && Number.isFinite(this.#end)) throw new Error("the response was cut short");
        this.push(null);
        return;
      }
      if (this.#left) return;
      this.#read += piece.length;
      // A stream keeps the buffer it is given.
      this.push(Buffer.from(piece));
    } catch (error) {
      if (!this.#left) this.destroy(error as Error);
    }
  }
}
