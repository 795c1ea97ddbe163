/** A handler's response that has no visitor any more, because he has left or has had his answer: for the cache's sake the handler goes on, and a stream that was piped to him is read on. */
import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { readOn } from "./read-on.js";
import type { ReadOn } from "./read-on.js";

/** How long after its visitor has left a handler may go on without writing before its response counts as given up. */
const ABANDONED_AFTER_MS = 30_000;

/** What the handler still writes goes here. */
export interface Unvisited extends ReadOn {
  /** Whether there is nothing more to come. */
  ended(): boolean;
  /** Whether it is known that nobody keeps it. */
  refused(): boolean;
}

export class WithoutVisitor {
  readonly #res: ServerResponse;
  readonly #rest: Unvisited;
  #abandoned: NodeJS.Timeout | undefined;

  /** At the latest when the response closes: a stream stops being piped right after that, because it was piped later. */
  constructor(res: ServerResponse, rest: Unvisited) {
    this.#res = res;
    this.#rest = rest;
    res.on("unpipe", (source: Readable) => this.#unpiped(source));
  }

  closed(): void {
    // The visitor may have had his answer already, whatever the handler still writes.
    if (!visitorLeft(this.#res) && !this.#res.writableFinished) return this.#rest.giveUp();
    // Whether the response still comes is up to the handler.
    this.#abandoned = setTimeout(() => this.#rest.giveUp(), ABANDONED_AFTER_MS).unref();
  }

  /** The handler is still at it. */
  wrote(): void {
    this.#abandoned?.refresh();
  }

  over(): void {
    clearTimeout(this.#abandoned);
  }

  #unpiped(source: Readable): void {
    if (this.#rest.ended() || !(this.#res.destroyed || this.#res.writableFinished)) return;
    // A stream that was piped here stops with its visitor, and nothing more would come. Nobody but the cache and those who read along is left to read it.
    if (source.destroyed || this.#rest.refused()) return this.#rest.giveUp();
    readOn(source, this.#rest);
  }
}

// A visitor who leaves ends or breaks the connection; otherwise it was closed on this side, by the application or by the server's limits.
function visitorLeft({ req }: ServerResponse): boolean {
  const { readableEnded, errored }: { readableEnded: boolean; errored: NodeJS.ErrnoException | null } = req.socket;
  return readableEnded || errored?.syscall !== undefined;
}
