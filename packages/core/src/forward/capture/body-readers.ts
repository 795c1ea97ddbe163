/** Who reads a body along while it is recorded: how far each has come, and who waits for more. The handler's own client
 * may be among them, and loses nothing, whatever happens to the recording. Holds no bytes. */

/** The size of a reader's piece while readers are few; the more there are, the smaller, so that all of them together
 * hold a limited amount. */
const PIECE_BYTES = 64 * 1024;
const LEAST_PIECE_BYTES = 4 * 1024;
const PIECES_BYTES = 16 * 1024 * 1024;

/** One reader that reads along, and how far it has read. */
export interface Reading {
  at: number;
  /** Whether it has had a piece. */
  begun: boolean;
  dismissed: boolean;
}

export class BodyReaders {
  readonly #readings = new Set<Reading>();
  #client: Reading | undefined;
  #waiting: (() => void)[] = [];

  get count(): number {
    return this.#readings.size;
  }

  /** How many there are, not counting the handler's own client. */
  get followers(): number {
    return this.#readings.size - (this.#client === undefined ? 0 : 1);
  }

  /** How far the handler's own client has read, if it is among them. */
  get clientAt(): number | undefined {
    return this.#client?.at;
  }

  get isClientAlone(): boolean {
    return this.#readings.size === 1 && this.#client !== undefined;
  }

  /** The most that each is given at once. */
  get pieceBytes(): number {
    return Math.max(LEAST_PIECE_BYTES, Math.min(PIECE_BYTES, Math.floor(PIECES_BYTES / this.#readings.size)));
  }

  add(at: number, client: boolean): Reading {
    const reading: Reading = { at, begun: false, dismissed: false };
    this.#readings.add(reading);
    if (client) this.#client = reading;
    return reading;
  }

  /** @returns whether it was among them */
  remove(reading: Reading): boolean {
    if (this.#client === reading) this.#client = undefined;
    return this.#readings.delete(reading);
  }

  /** Those that have had nothing yet are not to wait for it. */
  dismissUnbegun(): void {
    for (const reading of this.#readings) reading.dismissed ||= !reading.begun && reading !== this.#client;
    this.wake();
  }

  /** Until there is more, or there will be none. */
  more(): Promise<void> {
    return new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  wake(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
}
