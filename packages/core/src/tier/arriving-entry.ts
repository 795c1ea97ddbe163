/** A long page on its way from another machine to the disk: a client that asks for it reads along. A piece that does
 * not come ends it as damage in a file does. */
import { corruptEntryError } from "../base/errors.js";
import type { BodyReader, EntryHead, EntryWriter, StoreEntry } from "../store/contract.js";
import { StoredEntry } from "../store/entries/stored-entry.js";

export interface Arrival {
  readonly writer: EntryWriter;
  /** In order; `undefined` for one that is gone or damaged. */
  readonly pieces: AsyncIterable<Buffer | undefined>;
  /** What is stored under its key, once it has arrived. */
  readonly stored: () => StoreEntry<unknown> | undefined | Promise<StoreEntry<unknown> | undefined>;
  /** Epoch milliseconds. */
  readonly now: number;
}

export class ArrivingEntry<Value> extends StoredEntry<Value> {
  /** Resolves when it is stored, or has been given up. */
  readonly over: Promise<void>;
  readonly #writer: EntryWriter;
  readonly #stored: Arrival["stored"];
  /** Keeps what has arrived readable until it is over. */
  readonly #held: BodyReader;
  #arrived = 0;
  #broken = false;
  #ended = false;
  #waiting: (() => void)[] = [];

  constructor(head: EntryHead, value: Value, bodyBytes: number, { now, pieces, stored, writer }: Arrival) {
    super(head, value, bodyBytes, undefined, undefined, now);
    this.#writer = writer;
    this.#stored = stored;
    this.#held = writer.reader();
    this.over = this.#take(pieces);
  }

  override reader(): BodyReader {
    if (this.#ended) return this.#storedReader();
    const reader = this.#writer.reader();
    return {
      read: async (start, end) => {
        while (!this.#broken && start >= this.#arrived && start < Math.min(end, this.bodyBytes))
          await new Promise<void>((resolve) => this.#waiting.push(resolve));
        if (start < this.#arrived || start >= this.bodyBytes) return reader.read(start, Math.min(end, this.#arrived));
        throw corruptEntryError("another machine", "a piece of the page is gone or damaged");
      },
      close: () => reader.close(),
    };
  }

  async #take(pieces: AsyncIterable<Buffer | undefined>): Promise<void> {
    try {
      for await (const piece of pieces) {
        if (piece === undefined || this.#writer.failed) break;
        const goesOn = this.#writer.write(piece);
        this.#arrived += piece.length;
        this.#wake();
        if (!goesOn) await this.#drained();
      }
      if (this.#arrived === this.bodyBytes && !this.#writer.failed) await this.#writer.commit(this.head);
    } finally {
      this.#broken = this.#arrived < this.bodyBytes;
      if (this.#broken) this.#writer.abort();
      this.#wake();
      this.#ended = true;
      this.#held.close();
    }
  }

  // For a request that has found it before it was over, and reads it now.
  #storedReader(): BodyReader {
    let opening: Promise<BodyReader> | undefined;
    const opened = async (): Promise<BodyReader> => {
      const entry = await this.#stored();
      if (entry?.head.storedAt !== this.head.storedAt) throw corruptEntryError("another machine", "it was not stored");
      return entry.reader();
    };
    return {
      read: async (start, end) => (await (opening ??= opened())).read(start, end),
      close: () => void opening?.then((reader) => reader.close()).catch(() => undefined),
    };
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#writer.onDrain = resolve;
    });
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
