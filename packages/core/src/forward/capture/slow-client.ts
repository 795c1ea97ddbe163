/** The handler's own client, when it reads more slowly than the handler writes: how long it may hold up the handler,
 * and what is left for it of a body that is not kept any more. */

/** For this long when alone: others that wait for the page may be in another process, where they are not seen. */
const STALLED_MS = 100;

export class ClientPace {
  readonly #followed: () => boolean;
  #leave: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param followed whether others in this process read along what the handler writes */
  constructor(followed: () => boolean) {
    this.#followed = followed;
  }

  /** The client does not read what the handler writes as fast as it comes, and the handler waits for it.
   * @param leave called at once when others read along, otherwise when a reader comes or the client has taken too
   * long */
  stalls(leave: () => void): void {
    if (this.#followed()) return leave();
    this.#leave = leave;
    this.#timer ??= setTimeout(() => this.followed(), STALLED_MS).unref();
  }

  /** It has caught up, or there is nothing more to wait for. */
  flows(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leave = undefined;
  }

  /** Another request reads along now. */
  followed(): void {
    const leave = this.#leave;
    this.flows();
    leave?.();
  }
}

/** The latest part of a body that is not kept any more, in memory, for the readers that are left. Holds a limited
 * amount, and never waits: a reader that falls too far behind loses the rest. */

/** A reader that is further behind than this is cut off. */
const WINDOW_BYTES = 4 * 1024 * 1024;

export class Relay {
  /** Where in the body it begins. */
  readonly origin: number;
  readonly #pieces: Buffer[] = [];
  /** Where the first piece begins, and the last one ends. */
  #start: number;
  #end: number;

  constructor(origin: number) {
    this.origin = origin;
    this.#start = origin;
    this.#end = origin;
  }

  get bytes(): number {
    return this.#end - this.#start;
  }

  append(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#end += piece.length;
  }

  /** Releases what no reader needs any more, and what is too far back.
   * @param next the first byte that any reader still needs
   * @param spared the first byte that has to stay, however far back it is */
  forget(next: number, spared: number): void {
    const from = Math.max(next, Math.min(spared, this.#end - WINDOW_BYTES));
    let gone = 0;
    while (gone < this.#pieces.length && this.#start + this.#pieces[gone]!.length <= from)
      this.#start += this.#pieces[gone++]!.length;
    this.#pieces.splice(0, gone);
  }

  /** Bytes from `start` up to at most `end`, or fewer; none where they are gone. */
  read(start: number, end: number): Buffer {
    let begin = this.#start;
    for (const piece of start < begin ? [] : this.#pieces) {
      if (start < begin + piece.length) return piece.subarray(start - begin, end - begin);
      begin += piece.length;
    }
    return Buffer.alloc(0);
  }
}
