/** Records the bytes of one outgoing body while the client receives them: in memory while they are few, in a temporary
 * file once they are not. Others may read along, and so may the handler's own client when it is slower than the
 * handler. Stores nothing until the body is declared complete. */
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { setImmediate } from "node:timers";
import etag from "etag";
import type { BodyReader, EntryHead, EntryWriter, Store } from "../../store/contract.js";
import { BodyReaders } from "./body-readers.js";
import type { Reading } from "./body-readers.js";
import { Relay } from "./slow-client.js";

/** Bodies up to this size are collected in memory and written in one go after the response. */
const GATHER_BYTES = 64 * 1024;
const NOW = Promise.resolve();

/** Above it the handler is asked to wait for its own client, once the body is not kept any more. */
const PAUSE_BYTES = 1024 * 1024;

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
  /** The readers, the file they share once there is one, and what follows on it when it is given up. */
  readonly #readers = new BodyReaders();
  #file: BodyReader | undefined;
  #relay: Relay | undefined;
  #pausing = false;
  /** How many requests that are about to read hold it. */
  #holds = 0;
  #holdsTurn = false;
  #forgotten = false;

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

  /** How many read along at the moment, not counting the handler's own client. */
  get followers(): number {
    return this.#readers.followers;
  }

  /** Whether what is written is still of use to any reader or to the store. */
  get wanted(): boolean {
    return this.givenUp === undefined || (this.#readers.count > 0 && this.#givenUp !== "aborted");
  }

  /** The body, if it has ended and is short. */
  get whole(): Buffer | undefined {
    return this.#ended && this.#writer === undefined ? this.#gathered() : undefined;
  }

  /** Whether a reader that begins now gets it from the first byte. */
  get readable(): boolean {
    return this.givenUp === undefined || (this.#ended && this.#holds > 0 && !this.#forgotten);
  }

  /** Why the body can no longer be stored, if so. */
  get givenUp(): GivenUp | undefined {
    return this.#givenUp ?? (this.#writer?.failed === true ? "store" : undefined);
  }

  /** Whether a body of this length that came now in one piece would be accepted, as far as that is known. */
  takes(bytes: number): boolean {
    return this.#store.storing && (bytes <= GATHER_BYTES || !this.#store.crowded);
  }

  /** False asks the sender to wait for `onDrain`. The chunk must not change afterwards. */
  write(chunk: Buffer): boolean {
    if (!this.wanted) return true;
    const from = this.#bytes;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) this.#giveUp("too-long", from);
    const room = this.#record(chunk, from);
    this.#readers.wake();
    return room;
  }

  /** An entity tag of what was recorded, strong: the same bytes give the same tag. */
  entityTag(): string {
    if (this.#hash === undefined) return etag(this.#gathered());
    // The form that `etag` gives a buffer, for bytes that were never in memory together.
    return `"${this.#bytes.toString(16)}-${this.#hash.copy().digest("base64").slice(0, 27)}"`;
  }

  /** The body is complete: stores it under `head`. Returns, or resolves to, whether it is stored or will be written
   * later. */
  keep(head: EntryHead): boolean | Promise<boolean> {
    if (this.givenUp !== undefined) {
      this.finish();
      return false;
    }
    this.#ended = true;
    this.#readers.wake();
    return this.#writer === undefined ? this.#store.put(head, this.#gathered()) : this.#writer.commit(head);
  }

  /** Readers that begin until then, or in the turn after it, get it from the first byte, whatever happens to it
   * meanwhile. */
  hold(until: Promise<unknown>): void {
    this.#holds++;
    if (this.#writer !== undefined) this.#file ??= this.#writer.reader();
    void until.then(() => setImmediate(() => this.#release()));
  }

  /** The same for readers that begin in this turn. */
  holdTurn(): void {
    if (this.#holdsTurn) return;
    this.#holdsTurn = true;
    this.hold(NOW);
    setImmediate(() => (this.#holdsTurn = false));
  }

  /** The body is complete, and is not to be stored: those that read along get the rest of it. */
  finish(): void {
    this.#ended = true;
    this.#writer?.abort();
    this.#readers.wake();
  }

  /** Leaves nothing behind; readers learn that the body is not complete. */
  abort(): void {
    if (this.#ended || this.#givenUp === "aborted") return;
    this.#givenUp = "aborted";
    this.#writer?.abort();
    this.#forget();
    this.#readers.wake();
    this.onDrain?.();
  }

  /** Reads along from the first byte, each reader at its own pace. Fails when the body turns out not to be complete,
   * and for readers that are too far behind when it is given up.
   * @param client for the handler's own client: it loses nothing, and the handler waits for it if it must
   * @param at where it begins */
  reader(client = false, at = 0): BodyReader {
    const reading = this.#readers.add(at, client);
    if (this.#writer !== undefined) this.#file ??= this.#writer.reader();
    return {
      read: (start, end) => this.#read(reading, start, end),
      close: () => {
        if (!this.#readers.remove(reading)) return;
        this.#heed();
        this.#forgetUnread();
      },
    };
  }

  /** Readers that have had nothing yet are not to wait for it: their read fails. */
  dismissUnbegun(): void {
    this.#readers.dismissUnbegun();
  }

  async #read(reading: Reading, start: number, end: number): Promise<Buffer> {
    reading.at = start;
    this.#heed();
    for (;;) {
      if (this.#givenUp === "aborted" || reading.dismissed) throw cutShort();
      if (start < this.#bytes) {
        const piece = await this.#recorded(start, Math.min(end, this.#bytes, start + this.#readers.pieceBytes));
        // What was given up may be gone: an empty piece would be read as the end.
        if (piece.length === 0) throw cutShort();
        reading.begun = true;
        return piece;
      }
      if (this.#ended) return Buffer.alloc(0);
      await this.#readers.more();
    }
  }

  #recorded(start: number, end: number): Buffer | Promise<Buffer> {
    const relayed = this.#relay?.origin ?? Number.POSITIVE_INFINITY;
    if (start >= relayed) return this.#relay!.read(start, end);
    const until = Math.min(end, relayed);
    return this.#file === undefined ? this.#gathered().subarray(start, until) : this.#file.read(start, until);
  }

  #record(chunk: Buffer, from: number): boolean {
    if (this.#givenUp !== undefined) return this.#passOn(chunk);
    return this.#writer === undefined ? this.#gather(chunk) : this.#spill(this.#writer, chunk, from);
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
      this.#giveUp("store", this.#bytes);
      return true;
    }
    this.#writer = writer;
    this.#hash = createHash("sha1");
    writer.onDrain = () => this.onDrain?.();
    if (this.#isReadable) this.#file = writer.reader();
    const gathered = this.#chunks;
    this.#chunks = [];
    let room = true;
    let from = 0;
    for (const chunk of gathered) {
      room = this.#givenUp === undefined ? this.#spill(writer, chunk, from) : this.#passOn(chunk);
      from += chunk.length;
    }
    return room;
  }

  #spill(writer: EntryWriter, chunk: Buffer, from: number): boolean {
    this.#hash!.update(chunk);
    const room = writer.write(chunk);
    if (!writer.failed) return room;
    // It accepted everything up to here, and nothing of this.
    this.#giveUp("store", from);
    return this.#passOn(chunk);
  }

  // Readers go on from memory.
  #passOn(chunk: Buffer): boolean {
    if (this.#relay === undefined) return true;
    this.#relay.append(chunk);
    this.#trim();
    this.#pausing = this.#lagBytes > PAUSE_BYTES;
    return !this.#pausing;
  }

  #trim(): void {
    const clientAt = this.#readers.clientAt ?? Number.POSITIVE_INFINITY;
    // With others the window is what they can count on; a client that is alone needs nothing behind it.
    this.#relay?.forget(this.#readers.isClientAlone ? clientAt : 0, clientAt);
  }

  // A reader has advanced, or is gone: releases what no reader needs any more, and lets the handler go on when its
  // client has caught up.
  #heed(): void {
    this.#trim();
    if (!this.#pausing || this.#lagBytes > PAUSE_BYTES / 2) return;
    this.#pausing = false;
    this.onDrain?.();
  }

  /** What waits in memory for the client that the handler answers. */
  get #lagBytes(): number {
    return this.#bytes - Math.max(this.#readers.clientAt ?? this.#bytes, this.#relay?.origin ?? 0);
  }

  // From `origin` on nothing is recorded any more: readers get the rest from memory.
  #giveUp(why: GivenUp, origin: number): void {
    if (this.#ended || this.#givenUp !== undefined) return;
    this.#givenUp = why;
    if (this.#isReadable) this.#relay = new Relay(origin);
    else this.#forget();
    this.#writer?.abort();
  }

  /** Whether any request reads it, or is about to. */
  get #isReadable(): boolean {
    return this.#readers.count > 0 || this.#holds > 0;
  }

  #release(): void {
    this.#holds--;
    this.#forgetUnread();
  }

  #forgetUnread(): void {
    if (!this.#isReadable && (this.#ended || this.givenUp !== undefined)) this.#forget();
  }

  #forget(): void {
    this.#forgotten = this.givenUp !== undefined;
    if (this.#forgotten) this.#chunks = [];
    this.#relay = undefined;
    if (this.#readers.count > 0) return;
    this.#file?.close();
    this.#file = undefined;
  }
}

function cutShort(): Error {
  return new Error("the response was cut short");
}
