/** The entries as files: joins the reading, the queue of small ones, the long ones whose bodies come in pieces, and the
 * units that a sweep goes through. Decides nothing about what may be stored or used. */
import type { MaybeAsync } from "../../base/async.js";
import type { EntryHead, SkipReason, StoreEntry } from "../contract.js";
import type { Faults } from "../faults.js";
import { blocksFor } from "../file-system.js";
import type { FileSystem } from "../file-system.js";
import { OwnShards } from "../own-directory.js";
import { shardIndex } from "../paths.js";
import type { EntryPath, Paths } from "../paths.js";
import { AtomicFiles } from "./atomic-file.js";
import { SealedBody } from "./body-cover.js";
import { Committing } from "./committing.js";
import { DiskReader } from "./disk-reader.js";
import type { DiskReaderDeps } from "./disk-reader.js";
import type { Entries, REMOVED, Reservation, UsageChange } from "./entries.js";
import { EntryFiles } from "./entry-file.js";
import { FileEntryWriter } from "./entry-writer.js";
import { FileUnits } from "./file-units.js";
import { PREAMBLE_BYTES, encodeEntry, headFits } from "./format.js";
import { Recency } from "./recency.js";
import { MAX_TAG_BYTES } from "./seal.js";
import type { Seals } from "./seal.js";
import type { StoredEntry } from "./stored-entry.js";
import { WriteQueue } from "./write-queue.js";
import type { Encoded } from "./write-queue.js";

/** Bytes of all bodies that come in pieces which may wait for the disk before another one is begun. */
const MOST_WAITING_BYTES = 64 * 1024 * 1024;

/** What the files need of the store around them. */
export interface FileEntriesDeps<Value> extends DiskReaderDeps<Value> {
  readonly fs: FileSystem;
  readonly paths: Paths;
  readonly faults: Faults;
  readonly seals: Seals | undefined;
  /** Flushed to the device before they count as stored. */
  readonly durable: boolean;
  readonly maxBody: number;
  readonly now: () => number;
  /** Milliseconds of a clock that never jumps. */
  readonly elapsed: () => number;
  /** Makes sure that the root exists and is safe. Throws when it cannot. */
  readonly prepare: () => void;
  /** Throws when a directory must not be made now, nor anything in it where it exists. */
  readonly mayMake: (name: string, exists: boolean) => void;
  readonly reserve: () => Reservation;
  /** Whether no purge since the birth of the entry matches it. */
  readonly survivesPurges: (head: EntryHead) => boolean;
  /** Counts why an entry is not stored. */
  readonly refuse: (reason: SkipReason, key: string) => void;
  /** What was stored or removed in a unit. */
  readonly stored: (unit: number, change: UsageChange) => void;
  /** Another entry than the one in memory is about to be named. */
  readonly overtaken: (key: string) => void;
}

export class FileEntries<Value> implements Entries<Value> {
  readonly units: FileUnits;
  readonly #deps: FileEntriesDeps<Value>;
  readonly #files: AtomicFiles;
  readonly #reader: DiskReader<Value>;
  readonly #queue: WriteQueue<Value>;
  readonly #recency: Recency;
  readonly #committing: Committing<Value>;
  /** Those whose bodies come in pieces at present. */
  readonly #writers = new Set<FileEntryWriter>();
  readonly #tagBytes: number;

  constructor(deps: FileEntriesDeps<Value>) {
    const { fs, paths, faults, seals, now } = deps;
    const files = new EntryFiles(fs, new OwnShards(fs, paths.root, deps.elapsed), faults, seals);
    this.units = new FileUnits(fs, paths, faults, files);
    this.#deps = deps;
    this.#tagBytes = seals === undefined ? 0 : MAX_TAG_BYTES;
    this.#files = new AtomicFiles(fs, paths, deps.prepare, deps.durable, deps.mayMake);
    this.#reader = new DiskReader(files, paths, deps);
    this.#recency = new Recency(fs, paths);
    this.#committing = new Committing(deps.decode, now);
    this.#queue = new WriteQueue(this.#files, paths, faults, {
      encode: (entry) => this.#encode(entry),
      stored: this.#stored,
      now,
      elapsed: deps.elapsed,
    });
  }

  read(key: string, lend: boolean): MaybeAsync<StoreEntry<Value> | undefined> {
    return this.#reader.read(key, lend);
  }

  waiting(key: string): StoredEntry<Value> | typeof REMOVED | undefined {
    return this.#queue.get(key);
  }

  unnamed(key: string): StoredEntry<Value> | undefined {
    return this.#committing.get(key);
  }

  has(key: string): boolean {
    return this.#files.exists(this.#deps.paths.entry(key));
  }

  canHold(head: EntryHead): boolean {
    return headFits(head, this.#tagBytes);
  }

  bytesOf(head: EntryHead, bodyBytes: number): number {
    return blocksFor(PREAMBLE_BYTES + head.key.length + head.meta.length + bodyBytes);
  }

  takes(bytes: number): boolean {
    return this.#queue.takes(bytes);
  }

  put(entry: StoredEntry<Value>): boolean {
    const { head, bodyBytes } = entry;
    if (!this.#queue.put(head.key, entry, this.bytesOf(head, bodyBytes))) return false;
    this.#reader.overtaken(head.key);
    return true;
  }

  create(key: string): FileEntryWriter {
    const { faults, maxBody, paths, seals, epoch, now, reserve, survivesPurges } = this.#deps;
    const path = paths.entry(key);
    const writer = new FileEntryWriter(key, {
      files: this.#files,
      faults,
      path,
      maxBody,
      seal: seals?.begin(path.file),
      epoch,
      now,
      space: reserve(),
      crowded: () => this.crowded,
      survivesPurges,
      stored: this.#stored,
      exclusively: (named, work) => this.#queue.exclusively(named, work),
      committing: (committed, head, result) => this.#announce(committed, head, result),
      ended: (ended) => this.#writers.delete(ended),
    });
    this.#writers.add(writer);
    return writer;
  }

  get crowded(): boolean {
    let waiting = 0;
    for (const writer of this.#writers) waiting += writer.pendingBytes;
    return waiting > MOST_WAITING_BYTES;
  }

  remove(key: string): void {
    this.#reader.overtaken(key);
    this.#queue.remove(key);
    this.#committing.delete(key);
  }

  touch(key: string, expiresAt: number, usedAt: number): void {
    this.#recency.touch(key, expiresAt, usedAt);
  }

  get pending(): number {
    return this.#queue.size + this.#committing.size;
  }

  get unreserved(): UsageChange {
    return { bytes: this.#queue.bytes, entries: this.#queue.size };
  }

  isPending(key: string): boolean {
    return this.#queue.get(key) !== undefined || this.#committing.has(key);
  }

  async written(key: string): Promise<void> {
    await Promise.all([this.#queue.written(key), this.#committing.over(key)]);
  }

  async flushed(): Promise<void> {
    await Promise.all([this.#queue.settled(), this.#committing.allOver()]);
  }

  async abort(): Promise<void> {
    for (const writer of this.#writers) writer.abort();
    await Promise.all([...this.#writers].map((writer) => writer.over));
  }

  close(): void {
    this.#recency.close();
    this.#reader.close();
  }

  readonly #stored = (path: EntryPath, change: UsageChange): void => this.#deps.stored(shardIndex(path), change);

  #announce(writer: FileEntryWriter, head: EntryHead, result: Promise<boolean>): void {
    this.#deps.overtaken(head.key);
    this.#reader.overtaken(head.key);
    this.#committing.announce(writer, head, result);
  }

  // What a waiting entry becomes at the moment it is written: its bytes and the space for them, or nothing.
  #encode({ head, body }: StoredEntry<Value>): Encoded {
    const { refuse, reserve, survivesPurges } = this.#deps;
    const space = reserve();
    const pieces = survivesPurges(head) ? this.#piecesOf(head, body as Buffer) : undefined;
    if (pieces === undefined) refuse("purged", head.key);
    else if (space.grow(pieces.reduce((bytes, piece) => bytes + piece.length, 0)))
      return { pieces, expiresAt: head.expiresAt, space };
    else refuse("over-budget", head.key);
    return undefined;
  }

  #piecesOf(head: EntryHead, body: Buffer): Buffer[] | undefined {
    const { epoch, paths, seals } = this.#deps;
    if (seals === undefined) return encodeEntry(head, body, epoch());
    const seal = seals.begin(paths.entry(head.key).file);
    return encodeEntry(head, body, epoch(), new SealedBody(seal), seal);
  }
}
