/**
 * The body on its way to the client: the handler's pieces as they come. Once the client is slower than the handler, it
 * gets the rest from the recording, at its own pace.
 */
import type { BodyReader, Forward } from "@diskcache/core";

/** How much waits for a client before the handler does. */
const BUFFERED_BYTES = 64 * 1024;
/** How much may wait in memory for a client that others follow. */
const AHEAD_BYTES = 256 * 1024;

/** The client gets the bytes from `start` to `end` (exclusive). */
interface Span {
  readonly start: number;
  readonly end: number;
  /** Whether the handler's body goes on behind a part. */
  readonly recorded: boolean;
}

interface ClientSide {
  /** It wants no more of the body, or has its part. */
  left(): void;
  /** It is not given the whole. */
  failed(): void;
}

export class ClientBody {
  /** For the Response. */
  readonly stream: ReadableStream<Uint8Array>;
  readonly #forward: Forward;
  readonly #start: number;
  readonly #end: number;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  /** Bytes of the handler's body so far. */
  #given = 0;
  /** Bytes that a client that is behind has read so far. */
  #read = 0;
  #reader: BodyReader | undefined;
  #goOn: (() => void) | undefined;
  #closed = false;
  readonly #recorded: boolean;
  readonly #client: ClientSide;

  constructor(forward: Forward, { start, end, recorded }: Span, client: ClientSide) {
    this.#forward = forward;
    this.#start = start;
    this.#end = end;
    this.#recorded = recorded;
    this.#client = client;
    this.stream = new ReadableStream(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => (this.#reader === undefined ? this.#release() : this.#readBehind(this.#reader)),
        cancel: () => {
          this.leave();
          client.left();
        },
      },
      { highWaterMark: BUFFERED_BYTES, size: (piece) => piece.byteLength },
    );
  }

  /** Whether no more of the handler's body is for the client. */
  get over(): boolean {
    return this.#closed || this.#given >= this.#end;
  }

  /** @returns a promise when the handler is to wait until it resolves */
  give(bytes: Buffer): Promise<void> | undefined {
    if (this.over) return undefined;
    const at = this.#given;
    this.#given += bytes.length;
    if (this.#reader !== undefined) return undefined;
    const part = bytes.subarray(Math.max(0, this.#start - at), Math.max(0, Math.min(bytes.length, this.#end - at)));
    // The recording keeps these bytes, and the client may do with its own as it likes.
    if (part.length > 0) this.#controller.enqueue(Uint8Array.from(part));
    // The response ends with its part, whatever else the handler writes.
    if (this.#given >= this.#end) this.#closePart();
    if (this.over || this.#room > 0 || this.#mayWait) return undefined;
    return new Promise((resolve) => {
      this.#goOn = resolve;
      this.#forward.clientStalls(() => this.#fallBehind());
    });
  }

  /** The handler is done; a client that is behind gets the rest. */
  finish(): void {
    this.#forward.clientFlows();
    if (this.#reader !== undefined || this.#closed) return;
    if (Number.isFinite(this.#end)) this.fail(new Error("the response was cut short"));
    else this.#close();
  }

  /** The handler's body has failed: what the client has is not whole, and it sees that. What comes behind a client's
   * part is none of its concern. */
  fail(error: unknown): void {
    if (this.#closed) return;
    this.leave();
    // Code outside may have put another body in the place of one that it never reads.
    if (this.stream.locked) this.#client.failed();
    this.#controller.error(error);
  }

  /** The client gets nothing more. */
  leave(): void {
    this.#closed = true;
    this.#reader?.close();
    this.#release();
  }

  get #room(): number {
    return this.#controller.desiredSize ?? 0;
  }

  get #mayWait(): boolean {
    return this.#forward.followed && BUFFERED_BYTES - this.#room <= AHEAD_BYTES;
  }

  #closePart(): void {
    this.#close();
    if (this.#recorded) this.#client.left();
  }

  #close(): void {
    if (this.#closed) return;
    this.leave();
    this.#controller.close();
  }

  #release(): void {
    this.#forward.clientFlows();
    const goOn = this.#goOn;
    this.#goOn = undefined;
    goOn?.();
  }

  #fallBehind(): void {
    if (!this.#mayWait) {
      this.#read = Math.max(this.#start, this.#given);
      this.#reader = this.#forward.clientReader(this.#read);
      if (this.#reader === undefined) return;
    }
    this.#release();
  }

  async #readBehind(reader: BodyReader): Promise<void> {
    try {
      const piece = this.#read < this.#end ? await reader.read(this.#read, this.#end) : undefined;
      if (this.#closed) return;
      if (piece === undefined || piece.length === 0) {
        if (this.#read < this.#end && Number.isFinite(this.#end)) throw new Error("the response was cut short");
        if (Number.isFinite(this.#end)) this.#closePart();
        else this.#close();
        return;
      }
      this.#read += piece.length;
      this.#controller.enqueue(Uint8Array.from(piece));
    } catch (thrown) {
      this.fail(thrown);
    }
  }
}
