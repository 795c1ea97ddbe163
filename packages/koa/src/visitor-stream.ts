/** The body on its way to the visitor: the handler's pieces as they come, and once he is slower than the handler while others wait for it, what is recorded, at his own pace. */
import { Readable } from "node:stream";
import type { BodyReader, Forward } from "@diskcache/core";

export class VisitorStream extends Readable {
  readonly #forward: Forward;
  readonly #start: number;
  readonly #end: number;
  /** So far the handler's body has come. */
  #given = 0;
  /** So far a visitor who is behind has read. */
  #read = 0;
  #reader: BodyReader | undefined;
  #goOn: (() => void) | undefined;

  /** The visitor gets the bytes from `start` to `end` (exclusive). */
  constructor(forward: Forward, start: number, end: number) {
    super();
    this.#forward = forward;
    this.#start = start;
    this.#end = end;
  }

  /** @returns a promise when the handler is to wait until it resolves */
  give(bytes: Buffer): Promise<void> | undefined {
    const at = this.#given;
    this.#given += bytes.length;
    const part = bytes.subarray(Math.max(0, this.#start - at), Math.max(0, Math.min(bytes.length, this.#end - at)));
    if (part.length === 0 || this.destroyed || this.#reader !== undefined || this.push(part)) return undefined;
    return new Promise((resolve) => {
      this.#goOn = resolve;
      this.#forward.clientStalls(() => this.#fallBehind());
    });
  }

  /** The handler is done; a visitor who is behind gets the rest. */
  finish(): void {
    this.#forward.clientFlows();
    if (this.#reader === undefined) this.push(null);
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

  #release(): void {
    this.#forward.clientFlows();
    this.#goOn?.();
    this.#goOn = undefined;
  }

  #fallBehind(): void {
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
      this.#read += piece.length;
      // A stream keeps what it is given.
      this.push(Buffer.from(piece));
    } catch (error) {
      this.destroy(error as Error);
    }
  }
}
