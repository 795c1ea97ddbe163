/** Entries that are being committed: their files are about to get their final names. Until then, each is read from
 * where it was written, so no lookup waits for the disk. Never decides whether an entry may be used. */
import { setImmediate } from "node:timers";
import type { BodyReader, EntryHead } from "../contract.js";
import type { FileEntryWriter } from "./entry-writer.js";
import { StoredEntry } from "./stored-entry.js";

interface Announced<Value> {
  /** `undefined` if its meta cannot be decoded. */
  readonly entry: StoredEntry<Value> | undefined;
  readonly over: Promise<void>;
}

export class Committing<Value> {
  readonly #decode: (head: EntryHead) => Value;
  readonly #now: () => number;
  readonly #announced = new Map<string, Announced<Value>>();

  constructor(decode: (head: EntryHead) => Value, now: () => number) {
    this.#decode = decode;
    this.#now = now;
  }

  get size(): number {
    return this.#announced.size;
  }

  has(key: string): boolean {
    return this.#announced.has(key);
  }

  get(key: string): StoredEntry<Value> | undefined {
    return this.#announced.get(key)?.entry;
  }

  /** Resolves when the commit under the key is over, whether it succeeded or not. */
  over(key: string): Promise<void> | undefined {
    return this.#announced.get(key)?.over;
  }

  allOver(): Promise<unknown> {
    return Promise.all([...this.#announced.values()].map(({ over }) => over));
  }

  delete(key: string): void {
    this.#announced.delete(key);
  }

  /** The writer names its file now; `result` settles when that is over. */
  announce(writer: FileEntryWriter, head: EntryHead, result: Promise<boolean>): void {
    const { key } = head;
    const held = writer.reader();
    const announced: Announced<Value> = {
      entry: this.#entryOf(writer, head),
      over: result.then(() => {
        if (this.#announced.get(key) === announced) this.#announced.delete(key);
        // A lookup that found it in this turn opens it at once.
        setImmediate(() => held.close());
      }),
    };
    this.#announced.set(key, announced);
  }

  #entryOf(writer: FileEntryWriter, head: EntryHead): StoredEntry<Value> | undefined {
    try {
      return new UnnamedEntry(head, this.#decode(head), writer, this.#now());
    } catch {
      return undefined;
    }
  }
}

class UnnamedEntry<Value> extends StoredEntry<Value> {
  readonly #writer: FileEntryWriter;

  constructor(head: EntryHead, value: Value, writer: FileEntryWriter, now: number) {
    super(head, value, writer.bodyBytes, undefined, undefined, now);
    this.#writer = writer;
  }

  override reader(): BodyReader {
    return this.#writer.reader();
  }
}
