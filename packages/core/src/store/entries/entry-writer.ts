/**
 * Writes an entry whose body comes in pieces, in constant memory: into a temporary file, the body at a fixed offset,
 * the head before it when it is known. A body that ends before anything was written needs no hole and is written as a
 * small file. Never throws; leaves nothing behind unless committed.
 */
import type { AtomicFiles } from "./atomic-file.js";
import type { BodyReader, EntryHead, EntryWriter, SkipReason } from "../contract.js";
import type { Faults } from "../faults.js";
import { blocksFor } from "../file-system.js";
import { BodyChecksum, revealed, SealedBody } from "./body-cover.js";
import type { BodyCover } from "./body-cover.js";
import { PREAMBLE_BYTES, STREAM_BODY_OFFSET, encodeEntryHead } from "./format.js";
import { GrowingBody } from "./growing-body.js";
import type { EntryPath } from "../paths.js";
import type { Reservation, UsageChange } from "./entries.js";
import type { EntrySeal } from "./seal.js";

/** Bytes that are collected before the first write: below this, the body may still turn out to be small. */
const GATHER_BYTES = 128 * 1024;
/** Above this, `write` asks for a pause. */
const PAUSE_BYTES = 4 * 1024 * 1024;
/** Above this, the writer gives up: its caller ignores the pause. A single piece may be longer than this: it is in
 * memory already. */
const GIVE_UP_BYTES = 16 * 1024 * 1024;
/** A longer piece waits in slices, so that memory is released as it is written. */
const SLICE_BYTES = 1024 * 1024;

/** What the writer needs of the store around it. */
export interface EntryWriterDeps {
  readonly files: AtomicFiles;
  readonly faults: Faults;
  readonly path: EntryPath;
  readonly maxBody: number;
  /** What the entry is sealed with, if at all. */
  readonly seal: EntrySeal | undefined;
  readonly epoch: () => number;
  readonly now: () => number;
  /** Reserved before anything is written. */
  readonly space: Reservation;
  /** Whether this writer and all others have so much waiting for the disk that a piece too long for this one alone is
   * refused. */
  readonly crowded: () => boolean;
  /** Whether no purge since the birth of the entry matches it. */
  readonly survivesPurges: (head: EntryHead) => boolean;
  readonly stored: (path: EntryPath, change: UsageChange) => void;
  /** Makes an entry that is being committed visible to readers until `result` settles. */
  readonly committing: (writer: FileEntryWriter, head: EntryHead, result: Promise<boolean>) => void;
  /** Runs the step that names a file, so that it neither precedes nor overlaps a write that is under way for the same
   * key. */
  readonly exclusively: (key: string, work: () => Promise<boolean>) => Promise<boolean>;
  readonly ended: (writer: FileEntryWriter) => void;
}

export class FileEntryWriter implements EntryWriter {
  onDrain: (() => void) | undefined = undefined;
  readonly #key: string;
  readonly #deps: EntryWriterDeps;
  readonly #body: GrowingBody;
  readonly #cover: BodyCover;
  /** Resolves when none of its work is under way any more. */
  readonly over: Promise<void>;
  #resolveOver: () => void = () => undefined;
  #work: Promise<void> | undefined = undefined;
  #pausing = false;
  #state: "open" | "committing" | "failed" | "ended" = "open";

  constructor(key: string, deps: EntryWriterDeps) {
    this.#key = key;
    this.#deps = deps;
    const { files, path, seal } = deps;
    this.#cover = seal === undefined ? new BodyChecksum() : new SealedBody(seal);
    this.#body = new GrowingBody(files, path, seal && ((start, bytes) => revealed(seal, start, bytes)));
    this.over = new Promise((resolve) => {
      this.#resolveOver = resolve;
    });
  }

  get failed(): boolean {
    return this.#state === "failed" || this.#state === "ended";
  }

  /** Length of the body so far. */
  get bodyBytes(): number {
    return this.#body.bytes;
  }

  /** Bytes in memory that wait for the disk. */
  get pendingBytes(): number {
    return this.#body.waitingBytes;
  }

  write(chunk: Buffer): boolean {
    if (this.#state !== "open" || chunk.length === 0) return true;
    if (this.#body.bytes + chunk.length > this.#deps.maxBody) return this.#giveUp("body-too-long");
    const much = this.pendingBytes + chunk.length > GIVE_UP_BYTES;
    if (much && (this.#pausing || this.#deps.crowded())) return this.#giveUp("queue-full");
    for (let at = 0; at < chunk.length; at += SLICE_BYTES)
      this.#body.append(this.#cover.update(chunk.subarray(at, at + SLICE_BYTES)));
    if (this.pendingBytes >= GATHER_BYTES) this.#start();
    this.#pausing = this.pendingBytes > PAUSE_BYTES;
    return !this.#pausing;
  }

  commit(head: EntryHead): Promise<boolean> {
    if (this.#state !== "open") return Promise.resolve(false);
    this.#state = "committing";
    const result = this.#deps.exclusively(head.key, () => this.#commit(head));
    void result.finally(() => this.#end());
    this.#deps.committing(this, head, result);
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
    return this.#deps.space.grow(this.#body.bytes) ? this.#body.flush() : Promise.reject(this.#refuse("over-budget"));
  }

  #flushed(): void {
    this.#work = undefined;
    this.#deps.space.written(this.#body.writtenBytes);
    if (this.#state === "failed") return this.#end();
    if (this.pendingBytes >= GATHER_BYTES) this.#start();
    if (this.pendingBytes <= PAUSE_BYTES / 2) this.#resume();
  }

  #flushFailed(error: unknown): void {
    this.#work = undefined;
    if (error !== REFUSED && this.#state !== "failed") {
      this.#deps.faults.io("write", this.#deps.path.file, error, true);
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
    // No caller may wait for a writer that has stopped writing.
    this.#resume();
    if (!committing && this.#work === undefined) this.#end();
  }

  #resume(): void {
    if (!this.#pausing) return;
    this.#pausing = false;
    this.onDrain?.();
  }

  // An entry that is not committed by now leaves nothing behind, except what its readers still hold open.
  #end(): void {
    if (this.#state === "ended") return;
    const { temp } = this.#body;
    const discarded =
      this.#state === "failed" && temp !== undefined ? this.#deps.files.discard(temp) : Promise.resolve();
    this.#state = "ended";
    this.#body.release();
    void discarded.then(() => {
      this.#deps.space.giveBack();
      this.#deps.ended(this);
      this.#resolveOver();
    });
  }

  async #commit(head: EntryHead): Promise<boolean> {
    while (this.#work !== undefined) await this.#work;
    if (this.failed) return false;
    const { faults, path } = this.#deps;
    try {
      const stored = await (this.#body.temp === undefined
        ? this.#commitSmall(head)
        : this.#commitLong(head, this.#body.temp));
      faults.stored();
      this.#deps.space.written();
      this.#deps.space.giveBack();
      this.#deps.stored(path, stored);
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

  #commitSmall(head: EntryHead): Promise<UsageChange> {
    const { bytes, table } = this.#encode(head, undefined);
    return this.#deps.files.write(this.#deps.path, [bytes, ...this.#body.waiting, table], this.#times(head));
  }

  async #commitLong(head: EntryHead, temp: string): Promise<UsageChange> {
    const { bytes, table } = this.#encode(head, STREAM_BODY_OFFSET);
    while (this.#body.waitingBytes > 0) await this.#body.flush();
    if (table.length > 0) await this.#body.writeAround(table, STREAM_BODY_OFFSET + this.#body.bytes);
    await this.#body.writeAround(bytes, 0);
    await this.#body.settle(this.#times(head));
    const allocated = blocksFor(bytes.length) + blocksFor(this.#body.bytes + table.length) + this.#body.madeBytes;
    return this.#deps.files.publish(this.#deps.path, temp, allocated);
  }

  // Throws `REFUSED` when the entry is not to be kept.
  #encode(head: EntryHead, bodyOffset: number | undefined): { readonly bytes: Buffer; readonly table: Buffer } {
    const bodyBytes = this.#body.bytes;
    if (!this.#deps.space.grow(bodyBytes + PREAMBLE_BYTES + head.meta.length)) throw this.#refuse("over-budget");
    if (!this.#deps.survivesPurges(head)) throw this.#refuse("purged");
    const { checksum, table } = this.#cover.end();
    const { seal } = this.#deps;
    const layout = { epoch: this.#deps.epoch(), bodyBytes, bodyChecksum: checksum, bodyOffset, seal };
    const bytes = encodeEntryHead(head, layout);
    if (bytes === undefined) throw this.#refuse("head-too-long");
    return { bytes, table };
  }

  #refuse(reason: SkipReason): typeof REFUSED {
    this.#deps.faults.skip(reason, this.#key);
    return REFUSED;
  }

  #times(head: EntryHead): { readonly expiresAt: number; readonly usedAt: number } {
    return { expiresAt: head.expiresAt, usedAt: this.#deps.now() };
  }
}

/** Thrown when an entry is not kept and the reason has been counted. */
const REFUSED = new Error("refused");
