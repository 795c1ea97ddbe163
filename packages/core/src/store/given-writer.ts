/** The writer of a store that the application hands in, kept from failing a request: it gives up at the first fault, as
 * one whose disk is full. */
import { storeIoError } from "../base/errors.js";
import type { BodyReader, EntryHead, EntryWriter } from "./contract.js";

export class GivenWriter implements EntryWriter {
  readonly #writer: EntryWriter;
  readonly #fault: (operation: string, thrown: unknown) => void;
  #broken = false;

  constructor(writer: EntryWriter, fault: (operation: string, thrown: unknown) => void) {
    this.#writer = writer;
    this.#fault = fault;
  }

  get onDrain(): (() => void) | undefined {
    return this.#writer.onDrain;
  }

  set onDrain(drained: (() => void) | undefined) {
    this.#writer.onDrain = drained;
  }

  get failed(): boolean {
    return this.#broken || this.#writer.failed;
  }

  write(chunk: Buffer): boolean {
    if (this.#broken) return true;
    try {
      return this.#writer.write(chunk);
    } catch (thrown) {
      this.#breakDown("write", thrown);
      return true;
    }
  }

  async commit(head: EntryHead): Promise<boolean> {
    if (this.#broken) return false;
    try {
      return await this.#writer.commit(head);
    } catch (thrown) {
      this.#breakDown("commit", thrown);
      return false;
    }
  }

  reader(): BodyReader {
    try {
      return this.#writer.reader();
    } catch (thrown) {
      this.#breakDown("reader", thrown);
      return { read: () => Promise.reject(storeIoError("read in", "the given store", thrown)), close: () => undefined };
    }
  }

  abort(): void {
    try {
      this.#writer.abort();
    } catch (thrown) {
      if (!this.#broken) this.#breakDown("abort", thrown);
    }
  }

  #breakDown(operation: string, thrown: unknown): void {
    this.#broken = true;
    this.#fault(operation, thrown);
    this.abort();
  }
}
