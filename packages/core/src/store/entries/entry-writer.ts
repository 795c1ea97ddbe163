/**
 * Writes an entry whose body comes in pieces, in constant memory: into a temporary file, the body at a fixed offset, the head before it when it is known.
 * A body that ends before anything was written needs no hole and goes the short way. Never throws; leaves nothing behind unless committed.
 */
import { blocksFor } from "./atomic-file.js";
import type { Stored } from "../amounts.js";
import type { AtomicFiles } from "./atomic-file.js";
import type { BodyReader, EntryHead, EntryWriter, SkipReason } from "../contract.js";
import type { Faults } from "../faults.js";
import { BodyChecksum, revealed, SealedBody } from "./body-cover.js";
import type { BodyCover } from "./body-cover.js";
import { PREAMBLE_BYTES, STREAM_BODY_OFFSET, encodeEntryHead } from "./format.js";
import { GrowingBody } from "./growing-body.js";
import type { EntryPath } from "../paths.js";
import type { Room } from "../bounds/room.js";
import type { EntrySeal } from "./seal.js";

/** Bytes that wait before the first are written: below it a body may still turn out small. */
const GATHER_BYTES = 128 * 1024;
/** Above it `write` asks for a pause. */
const PAUSE_BYTES = 4 * 1024 * 1024;
/** Above it the writer gives up: somebody does not heed the pause. One piece may be longer than this: it is in memory already. */
const GIVE_UP_BYTES = 16 * 1024 * 1024;
/** A longer piece waits in slices, so that what has been written of it waits no more. */
const SLICE_BYTES = 1024 * 1024;

/** What the writer needs of the store around it. */
export interface WriterSurroundings {
  readonly files: AtomicFiles;
  readonly faults: Faults;
  readonly path: EntryPath;
  readonly maxBody: number;
  /** What the entry is sealed with, if it is to be. */
  readonly seal: EntrySeal | undefined;
  readonly epoch: () => number;
  readonly now: () => number;
  /** Room that is taken before anything is written. */
  readonly room: Room;
  /** Whether so much waits for the disk, with that of all other writers, that a piece too long for this one alone is not taken. */
  readonly crowded: () => boolean;
  /** Whether the invalidation log lets the entry live. */
  readonly alive: (head: EntryHead) => boolean;
  readonly stored: (path: EntryPath, change: Stored) => void;
  /** Makes what is being committed known to readers until `result` settles. */
  readonly committing: (writer: FileEntryWriter, head: EntryHead, result: Promise<boolean>) => void;
  /** Runs what gives a file its name neither before nor beside what is being written for the same key. */
  readonly exclusively: (key: string, work: () => Promise<boolean>) => Promise<boolean>;
  readonly ended: (writer: FileEntryWriter) => void;
}

export class FileEntryWriter implements EntryWriter {
  onDrain: (() => void) | undefined = undefined;
  readonly #key: string;
  readonly #around: WriterSurroundings;
  readonly #body: GrowingBody;
  readonly #cover: BodyCover;
  /** Resolves when nothing of it is under way any more. */
  readonly over: Promise<void>;
  #resolveOver: () => void = () => undefined;
  #work: Promise<void> | undefined = undefined;
  #pausing = false;
  #state: "open" | "committing" | "failed" | "ended" = "open";

  constructor(key: string, around: WriterSurroundings) {
    this.#key = key;
    this.#around = around;
    const { files, path, seal } = around;
    this.#cover = seal === undefined ? new BodyChecksum() : new SealedBody(seal);
    this.#body = new GrowingBody(files, path, seal && ((start, bytes) => revealed(seal, start, bytes)));
    this.over = new Promise((resolve) => {
      this.#resolveOver = resolve;
    });
  }

  get failed(): boolean {
    return this.#state === "failed" || this.#state === "ended";
  }

  /** Of the whole body so far. */
  get bodyBytes(): number {
    return this.#body.bytes;
  }

  /** Bytes in memory that wait for the disk. */
  get pendingBytes(): number {
    return this.#body.waitingBytes;
  }

  write(chunk: Buffer): boolean {
    if (this.#state !== "open" || chunk.length === 0) return true;
    if (this.#body.bytes + chunk.length > this.#around.maxBody) return this.#giveUp("body-too-long");
    const much = this.pendingBytes + chunk.length > GIVE_UP_BYTES;
    if (much && (this.#pausing || this.#around.crowded())) return this.#giveUp("queue-full");
    for (let at = 0; at < chunk.length; at += SLICE_BYTES)
      this.#body.append(this.#cover.update(chunk.subarray(at, at + SLICE_BYTES)));
    if (this.pendingBytes >= GATHER_BYTES) this.#start();
    this.#pausing = this.pendingBytes > PAUSE_BYTES;
    return !this.#pausing;
  }

  commit(head: EntryHead): Promise<boolean> {
    if (this.#state !== "open") return Promise.resolve(false);
    this.#state = "committing";
    const result = this.#around.exclusively(head.key, () => this.#commit(head));
    void result.finally(() => this.#end());
    this.#around.committing(this, head, result);
    return result;
  }

  reader(): BodyReader {
    return this.#body.reader();
  }

  abort(): void {
    if (this.#state === "open") this.#fail();
  }

  // Writes what waits, one batch at a time.
  #start(): void {
    if (this.#work !== undefined) return;
    this.#work = this.#flush().then(
      () => this.#flushed(),
      (error: unknown) => this.#flushFailed(error),
    );
  }

  #flush(): Promise<void> {
    return this.#around.room.grow(this.#body.bytes) ? this.#body.flush() : Promise.reject(this.#refuse("over-budget"));
  }

  #flushed(): void {
    this.#work = undefined;
    this.#around.room.written(this.#body.writtenBytes);
    if (this.#state === "failed") return this.#end();
    if (this.pendingBytes >= GATHER_BYTES) this.#start();
    if (this.pendingBytes <= PAUSE_BYTES / 2) this.#resume();
  }

  #flushFailed(error: unknown): void {
    this.#work = undefined;
    if (error !== REFUSED && this.#state !== "failed") {
      this.#around.faults.io("write", this.#around.path.file, error, true);
      this.#refuse("io");
    }
    this.#fail();
  }

  #giveUp(reason: SkipReason): boolean {
    this.#refuse(reason);
    this.#fail();
    return true;
  }

  #fail(): void {
    const committing = this.#state === "committing";
    this.#state = "failed";
    // Nobody is to wait for a writer that writes no more.
    this.#resume();
    if (!committing && this.#work === undefined) this.#end();
  }

  #resume(): void {
    if (!this.#pausing) return;
    this.#pausing = false;
    this.onDrain?.();
  }

  // What is not committed by now leaves nothing behind but what its readers still hold open.
  #end(): void {
    if (this.#state === "ended") return;
    const { temp } = this.#body;
    const discarded =
      this.#state === "failed" && temp !== undefined ? this.#around.files.discard(temp) : Promise.resolve();
    this.#state = "ended";
    this.#body.release();
    void discarded.then(() => {
      this.#around.room.giveBack();
      this.#around.ended(this);
      this.#resolveOver();
    });
  }

  async #commit(head: EntryHead): Promise<boolean> {
    while (this.#work !== undefined) await this.#work;
    if (this.failed) return false;
    const { faults, path } = this.#around;
    try {
      const stored = await (this.#body.temp === undefined
        ? this.#commitSmall(head)
        : this.#commitLong(head, this.#body.temp));
      faults.stored();
      this.#around.room.written();
      this.#around.room.giveBack();
      this.#around.stored(path, stored);
      return true;
    } catch (error) {
      this.#state = "failed";
      if (error !== REFUSED) {
        faults.io("write", path.file, error, true);
        this.#refuse("io");
      }
      return false;
    }
  }

  #commitSmall(head: EntryHead): Promise<Stored> {
    const { bytes, table } = this.#encode(head, undefined);
    return this.#around.files.write(this.#around.path, [bytes, ...this.#body.waiting, table], this.#times(head));
  }

  async #commitLong(head: EntryHead, temp: string): Promise<Stored> {
    const { bytes, table } = this.#encode(head, STREAM_BODY_OFFSET);
    while (this.#body.waitingBytes > 0) await this.#body.flush();
    if (table.length > 0) await this.#body.writeAround(table, STREAM_BODY_OFFSET + this.#body.bytes);
    await this.#body.writeAround(bytes, 0);
    await this.#body.settle(this.#times(head));
    const allocated = blocksFor(bytes.length) + blocksFor(this.#body.bytes + table.length) + this.#body.madeBytes;
    return this.#around.files.publish(this.#around.path, temp, allocated);
  }

  // Throws `REFUSED` when the entry is not to be kept.
  #encode(head: EntryHead, bodyOffset: number | undefined): { readonly bytes: Buffer; readonly table: Buffer } {
    const bodyBytes = this.#body.bytes;
    if (!this.#around.room.grow(bodyBytes + PREAMBLE_BYTES + head.meta.length)) throw this.#refuse("over-budget");
    if (!this.#around.alive(head)) throw this.#refuse("purged");
    const { checksum, table } = this.#cover.end();
    const { seal } = this.#around;
    const layout = { epoch: this.#around.epoch(), bodyBytes, bodyChecksum: checksum, bodyOffset, seal };
    const bytes = encodeEntryHead(head, layout);
    if (bytes === undefined) throw this.#refuse("head-too-long");
    return { bytes, table };
  }

  #refuse(reason: SkipReason): typeof REFUSED {
    this.#around.faults.skip(reason, this.#key);
    return REFUSED;
  }

  #times(head: EntryHead): { readonly expiresAt: number; readonly usedAt: number } {
    return { expiresAt: head.expiresAt, usedAt: this.#around.now() };
  }
}

/** Thrown where an entry is not kept and it has been counted why. */
const REFUSED = new Error("refused");
