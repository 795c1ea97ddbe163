/** Keeps the bytes of one outgoing body while the visitor receives them: in memory while they are few, in a temporary file once they are not. Others may read along. Stores nothing until told that the body is whole. */
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import etag from "etag";
import type { BodyReader, EntryHead, EntryWriter, Store } from "../store/contract.js";

/** Bodies up to this size gather in memory and are written behind the response in one go. */
const GATHER_BYTES = 64 * 1024;
/** What a reader is given at a time, while they are few; the more they are, the less, so that all of them together hold a bounded amount. */
const PIECE_BYTES = 64 * 1024;
const LEAST_PIECE_BYTES = 4 * 1024;
const PIECES_BYTES = 16 * 1024 * 1024;

export type GivenUp = "too-long" | "store" | "aborted";

export class BodyRecorder {
  readonly #store: Store<unknown>;
  readonly #key: string;
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #writer: EntryWriter | undefined;
  #hash: Hash | undefined;
  #bytes = 0;
  #givenUp: GivenUp | undefined;
  #ended = false;
  /** Those who read along, the file they share once there is one, and how to wake those who wait for more. */
  #readers = 0;
  #file: BodyReader | undefined;
  #waiting: (() => void)[] = [];

  /** Called when `write` returned false and there is room again. */
  onDrain: (() => void) | undefined;

  constructor(store: Store<unknown>, key: string, maxBytes: number) {
    this.#store = store;
    this.#key = key;
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many read along just now. */
  get readers(): number {
    return this.#readers;
  }

  /** The body, if it has ended and is short. */
  get whole(): Buffer | undefined {
    return this.#ended && this.#writer === undefined ? this.#gathered() : undefined;
  }

  /** Why the body can no longer be kept, if so. */
  get givenUp(): GivenUp | undefined {
    return this.#givenUp ?? (this.#writer?.failed === true ? "store" : undefined);
  }

  /** False asks the sender to wait for `onDrain`. The chunk must not change afterwards. */
  write(chunk: Buffer): boolean {
    if (this.givenUp !== undefined && !this.#readAlong) return true;
    this.#bytes += chunk.length;
    // Too long to keep, but whoever reads along still gets all of it.
    if (this.#bytes > this.#maxBytes && !this.#readAlong) {
      this.#giveUp("too-long");
      return true;
    }
    const room = this.#writer === undefined ? this.#gather(chunk) : this.#spill(this.#writer, chunk);
    this.#wake();
    return room;
  }

  /** An entity tag of what was recorded, strong: the same bytes give the same tag. */
  entityTag(): string {
    if (this.#hash === undefined) return etag(this.#gathered());
    // The form that `etag` gives a buffer, for bytes that were never in memory together.
    return `"${this.#bytes.toString(16)}-${this.#hash.copy().digest("base64").slice(0, 27)}"`;
  }

  /** The body is whole: keeps it under `head`. Says, or resolves to, whether it is kept or will be written behind. */
  keep(head: EntryHead): boolean | Promise<boolean> {
    if (this.givenUp !== undefined) return false;
    if (this.#bytes > this.#maxBytes) {
      this.finish();
      return false;
    }
    this.#ended = true;
    this.#wake();
    return this.#writer === undefined ? this.#store.put(head, this.#gathered()) : this.#writer.commit(head);
  }

  /** The body is whole, and is not to be kept: those who read along get the rest of it. */
  finish(): void {
    this.#ended = true;
    this.#writer?.abort();
    this.#wake();
  }

  /** Leaves nothing behind; those who read along learn that the body is not whole. */
  abort(): void {
    this.#giveUp("aborted");
  }

  /** Reads along from the first byte, each reader at its own pace. Fails when the body turns out not to be whole. */
  reader(): BodyReader {
    this.#readers++;
    if (this.#writer !== undefined) this.#file ??= this.#writer.reader();
    let open = true;
    return {
      read: (start, end) => this.#read(start, end),
      close: () => {
        if (!open) return;
        open = false;
        if (--this.#readers > 0 || !this.#over) return;
        this.#file?.close();
        this.#file = undefined;
      },
    };
  }

  async #read(start: number, end: number): Promise<Buffer> {
    for (;;) {
      if (start < this.#bytes) {
        const piece = await this.#recorded(start, Math.min(end, this.#bytes, start + this.#pieceBytes));
        // What was given up may be gone: an empty piece would pass for the end.
        if (piece.length === 0) throw new Error("the response was cut short");
        return piece;
      }
      if (this.#ended) return Buffer.alloc(0);
      if (this.#givenUp !== undefined) throw new Error("the response was cut short");
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  get #pieceBytes(): number {
    return Math.max(LEAST_PIECE_BYTES, Math.min(PIECE_BYTES, Math.floor(PIECES_BYTES / this.#readers)));
  }

  #recorded(start: number, end: number): Buffer | Promise<Buffer> {
    return this.#file === undefined ? this.#gathered().subarray(start, end) : this.#file.read(start, end);
  }

  get #over(): boolean {
    return this.#ended || this.#givenUp !== undefined;
  }

  get #readAlong(): boolean {
    return this.#readers > 0 && this.#givenUp === undefined && this.#writer?.failed !== true;
  }

  #gather(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    return this.#bytes <= GATHER_BYTES || this.#beginSpilling();
  }

  #gathered(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }

  #beginSpilling(): boolean {
    const writer = this.#store.create(this.#key);
    if (writer === undefined) {
      this.#giveUp("store");
      return true;
    }
    this.#writer = writer;
    this.#hash = createHash("sha1");
    writer.onDrain = () => this.onDrain?.();
    const gathered = this.#chunks;
    this.#chunks = [];
    let room = true;
    for (const chunk of gathered) room = this.#spill(writer, chunk);
    if (this.#readers > 0) this.#file = writer.reader();
    return room;
  }

  #spill(writer: EntryWriter, chunk: Buffer): boolean {
    this.#hash!.update(chunk);
    return writer.write(chunk);
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  #giveUp(why: GivenUp): void {
    if (this.#over) return;
    this.#givenUp = why;
    this.#chunks = [];
    this.#writer?.abort();
    if (this.#readers === 0) this.#file?.close();
    this.#wake();
    this.onDrain?.();
  }
}
