/**
 * What a client gets of the handler's response, one small object for each way. None of them decides anything, and none
 * depends on the recording.
 */
import type { ServerResponse } from "node:http";
import { breakOff } from "./response-class.js";
import type { Sink } from "./send.js";

/** The arguments of `write` or `end`, as the handler gave them. */
export type Given = readonly unknown[];

export interface Delivering {
  /** Whether what the handler calls goes to the response as it is. */
  readonly passes: boolean;
  /** @param bytes the chunk, where this is not `passes` or the body is recorded
   * @returns whether the client takes more */
  write(given: Given, bytes: Buffer | undefined): boolean;
  /** @param last the rest of the body */
  end(given: Given, last: Buffer | undefined): void;
}

/** The handler's own response. */
export class Passing implements Delivering {
  readonly passes = true;
  readonly #res: ServerResponse;
  readonly #sink: Sink;

  constructor(res: ServerResponse, sink: Sink) {
    this.#res = res;
    this.#sink = sink;
  }

  write(given: Given): boolean {
    return Reflect.apply(this.#sink.write, this.#res, given);
  }

  end(given: Given): void {
    Reflect.apply(this.#sink.end, this.#res, given);
  }
}

/** The bytes from `start` to `end` (exclusive) of the body. The response ends as soon as they are sent. */
export class Part implements Delivering {
  readonly passes = false;
  readonly #res: ServerResponse;
  readonly #sink: Sink;
  readonly #start: number;
  readonly #end: number;
  readonly #complete: () => void;
  #position = 0;

  /** @param complete called when the client has been given all of it */
  constructor(
    res: ServerResponse,
    sink: Sink,
    span: { readonly start: number; readonly end: number },
    complete: () => void,
  ) {
    this.#res = res;
    this.#sink = sink;
    this.#start = span.start;
    this.#end = span.end;
    this.#complete = complete;
  }

  write(_given: Given, bytes: Buffer): boolean {
    const from = this.#position;
    this.#position += bytes.length;
    if (from >= this.#end) return true;
    const wanted = bytes.subarray(Math.max(0, this.#start - from), Math.max(0, this.#end - from));
    const flowing = wanted.length === 0 || this.#sink.write.call(this.#res, wanted);
    if (this.#position < this.#end) return flowing;
    this.#sink.end.call(this.#res);
    this.#complete();
    return true;
  }

  end(given: Given, last: Buffer | undefined): void {
    if (last !== undefined) this.write(given, last);
    // The handler wrote less than it announced: the client must not take the part for whole.
    if (this.#position < this.#end) breakOff(this.#res);
  }
}

/** Nothing of it: the client has another response, reads for itself, or has left. */
export class Aside implements Delivering {
  readonly passes = false;

  write(): boolean {
    return true;
  }

  end(): void {}
}

/** The whole of it at once, when the handler is done. */
export class Gathering implements Delivering {
  readonly passes = false;
  readonly #gathered: Buffer[] = [];
  readonly #whole: (content: Buffer) => void;

  constructor(whole: (content: Buffer) => void) {
    this.#whole = whole;
  }

  write(_given: Given, bytes: Buffer): boolean {
    this.#gathered.push(bytes);
    return true;
  }

  end(_given: Given, last: Buffer | undefined): void {
    if (last !== undefined) this.#gathered.push(last);
    this.#whole(Buffer.concat(this.#gathered));
  }
}
