/** The store on disk: joins the memory tier, what waits to be written, the files and the invalidation log. Gives HTTP no meaning, and never throws into a request. */
import { performance } from "node:perf_hooks";
import { resolve } from "node:path";
import { closedError } from "../errors.js";
import { AtomicFiles, blocksFor } from "./atomic-file.js";
import { Caretaker } from "./caretaker.js";
import type {
  EntryHead,
  EntryWriter,
  KeyLock,
  LogPosition,
  PurgeSelector,
  Store,
  StoreEntry,
  StoreStats,
} from "./contract.js";
import { prepareDirectory } from "./directory.js";
import { DiskReader } from "./disk-reader.js";
import type { DiskStoreOptions } from "./disk-store-options.js";
import { EntryFiles } from "./entry-file.js";
import { FileEntryWriter } from "./entry-writer.js";
import type { SkipReason } from "./events.js";
import { Faults } from "./faults.js";
import { errorCode, nodeFileSystem } from "./file-system.js";
import { PREAMBLE_BYTES, encodeEntry, headFits } from "./format.js";
import type { DecodedEntry } from "./format.js";
import { BLIND, InvalidationLog } from "./invalidation-log.js";
import { KeyLocks } from "./key-locks.js";
import { LogGenerations } from "./log-generations.js";
import { MemoryTier } from "./memory-tier.js";
import { Neighbours } from "./neighbours.js";
import { Paths } from "./paths.js";
import { PURGED, SOFT_PURGED } from "./purge-marks.js";
import type { Purgeable } from "./purge-marks.js";
import { Recency, TOUCH_INTERVAL_MS } from "./recency.js";
import { StoredEntry, memoryCost } from "./stored-entry.js";
import { Usage } from "./usage.js";
import { REMOVED, WriteQueue } from "./write-queue.js";
import type { Encoded } from "./write-queue.js";

/** Bytes of all streams together that may wait for the disk. */
const MOST_STREAMING_BYTES = 64 * 1024 * 1024;
/** An entry made later than now by more than this comes from a clock that was wrong. */
const CLOCK_SKEW_MS = 60_000;
const FULL = new Set(["ENOSPC", "EDQUOT"]);
const ROOM_ATTEMPTS = 4;

export class DiskStore<Value> implements Store<Value> {
  readonly #options: DiskStoreOptions<Value>;
  readonly #clock: DiskStoreOptions<Value>["clock"];
  readonly #faults: Faults;
  readonly #paths: Paths;
  readonly #log: InvalidationLog;
  readonly #memory: MemoryTier<StoredEntry<Value>>;
  readonly #files: AtomicFiles;
  readonly #reader: DiskReader<Value>;
  readonly #queue: WriteQueue<Value>;
  readonly #usage: Usage;
  readonly #caretaker: Caretaker;
  readonly #recency: Recency;
  readonly #neighbours: Neighbours;
  readonly #locks: KeyLocks;
  readonly #writers = new Set<FileEntryWriter>();
  readonly #committing = new Map<string, Promise<StoreEntry<Value> | undefined>>();
  #closing: Promise<void> | undefined = undefined;

  /** @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` with `strict` */
  constructor(options: DiskStoreOptions<Value>) {
    this.#options = options;
    this.#clock = options.clock;
    const fs = options.fs ?? nodeFileSystem;
    const elapsed = options.elapsed ?? (() => performance.now());
    const durable = options.durability === "fsync";
    const now = (): number => this.#clock.now();
    this.#faults = new Faults(options.observe ?? (() => undefined), elapsed);
    this.#paths = new Paths(resolve(options.dir));
    this.#neighbours = new Neighbours(fs, this.#paths.root, elapsed);
    const prepare = (): void => {
      prepareDirectory(fs, this.#paths.root, options);
      this.#neighbours.register();
    };
    this.#log = new InvalidationLog(this.#paths.root, new LogGenerations(fs, this.#paths), {
      prepare,
      now,
      elapsed,
      durable,
      failed: (operation, error) => this.#faults.io(operation, this.#paths.root, error, true),
      restarted: (problem) => this.#faults.tell({ type: "log-restarted", problem }),
    });
    this.#memory = new MemoryTier(options.memoryBytes);
    this.#files = new AtomicFiles(fs, this.#paths, prepare, durable);
    const files = new EntryFiles(fs, this.#faults);
    this.#reader = new DiskReader(files, this.#paths, {
      decode: options.decode,
      epoch: () => this.#log.epoch,
      admit: (entry) => this.#admit(entry),
    });
    this.#usage = new Usage(options);
    this.#caretaker = new Caretaker(
      {
        fs,
        paths: this.#paths,
        faults: this.#faults,
        files,
        usage: this.#usage,
        now,
        usable: (entry) => this.#usable(entry),
        swept: (oldestBirth) => this.#log.compact(oldestBirth),
      },
      options,
    );
    this.#queue = new WriteQueue(this.#files, this.#paths, this.#faults, {
      encode: (entry) => this.#encode(entry),
      stored: (path, change) => this.#caretaker.changed(path, change),
      now,
    });
    this.#locks = new KeyLocks(fs, this.#paths.root, now);
    this.#recency = new Recency(fs, this.#paths);
    if (options.strict) prepare();
  }

  position(): LogPosition {
    return this.#log.position();
  }

  get(key: string): StoreEntry<Value> | undefined | Promise<StoreEntry<Value> | undefined> {
    const view = this.#log.look();
    const entry = this.#memory.get(key);
    return entry !== undefined && entry.checkedView === view && this.#inTime(entry)
      ? entry
      : this.#find(key, view, entry);
  }

  /** As `get`, but past the memory tier: sees what another process has written since.
   * Costs a read; for an entry that has become stale and may have been refreshed elsewhere. */
  getLatest(key: string): StoreEntry<Value> | undefined | Promise<StoreEntry<Value> | undefined> {
    if (this.#queue.get(key) === undefined) this.#memory.delete(key);
    return this.get(key);
  }

  put(head: EntryHead, body: Buffer): boolean {
    const bytes = blocksFor(PREAMBLE_BYTES + head.key.length + head.meta.length + body.length);
    const refused = this.#refusedNow() ?? this.#refusedEntry(head, body.length) ?? this.#refusedSize(bytes);
    if (refused !== undefined) return this.#refuse(refused, head.key);
    let entry: StoredEntry<Value>;
    try {
      entry = new StoredEntry(head, this.#options.decode(head), body.length, body, undefined, this.#clock.now());
    } catch {
      return this.#refuse("unusable", head.key);
    }
    if (!this.#queue.put(head.key, entry, bytes)) return this.#refuse("queue-full", head.key);
    this.#remember(entry);
    return true;
  }

  create(key: string): EntryWriter | undefined {
    const refused = this.#refusedNow();
    let streaming = 0;
    for (const writer of this.#writers) streaming += writer.pendingBytes;
    if (refused !== undefined || streaming > MOST_STREAMING_BYTES) {
      this.#refuse(refused ?? "queue-full", key);
      return undefined;
    }
    const path = this.#paths.entry(key);
    const writer = new FileEntryWriter(key, {
      files: this.#files,
      faults: this.#faults,
      path,
      maxBody: this.#options.maxBody,
      epoch: () => this.#log.epoch,
      now: () => this.#clock.now(),
      admits: (bytes) => this.#refusedSize(bytes) === undefined || this.#refuse("over-budget", key),
      alive: (head) => this.alive(head),
      stored: (entryPath, change) => this.#caretaker.changed(entryPath, change),
      committing: (head, result) => this.#announce(head.key, result),
      ended: (ended) => this.#writers.delete(ended),
    });
    this.#writers.add(writer);
    return writer;
  }

  alive(entry: Purgeable): boolean {
    this.#log.look();
    return this.#log.verdict(entry) !== PURGED;
  }

  lock(key: string): KeyLock | "held" | undefined {
    if (this.#refusedNow() !== undefined || !this.#neighbours.present) return undefined;
    const lock = this.#locks.take(key);
    if (typeof lock !== "object") return lock;
    return {
      release: () => void Promise.all([this.#queue.written(key), this.#committing.get(key)]).then(() => lock.release()),
    };
  }

  released(key: string, timeoutMs: number): Promise<void> {
    return this.#locks.released(key, timeoutMs);
  }

  remove(key: string): void {
    if (this.#closing !== undefined) return;
    this.#memory.delete(key);
    this.#queue.remove(key);
    const committing = this.#committing.get(key);
    if (committing === undefined) return;
    this.#committing.delete(key);
    void committing.then(() => this.#queue.remove(key));
  }

  async purge(selectors: readonly PurgeSelector[], { soft }: { readonly soft: boolean }): Promise<void> {
    if (this.#closing !== undefined) throw closedError();
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#log.append(selectors, soft);
        break;
      } catch (error) {
        if (attempt === ROOM_ATTEMPTS || !FULL.has(errorCode((error as Error).cause))) throw error;
        this.#caretaker.makeRoom();
      }
    }
    if (soft) return;
    const all = selectors.some(({ kind }) => kind === "all");
    if (all) this.#memory.clear();
    this.#caretaker.purged(all);
  }

  clear(): Promise<void> {
    return this.purge([{ kind: "all" }], { soft: false });
  }

  /** Resolves when everything that was put or removed so far is on disk, or given up. */
  async flush(): Promise<void> {
    await Promise.all([this.#queue.settled(), ...this.#committing.values()]);
  }

  stats(): StoreStats {
    if (this.#closing === undefined) this.#caretaker.start();
    return {
      entries: this.#usage.entries,
      bytes: this.#usage.bytes,
      memoryEntries: this.#memory.size,
      memoryBytes: this.#memory.cost,
      pendingWrites: this.#queue.size + this.#committing.size,
      evictions: this.#faults.evictions,
      corrupt: this.#faults.corruptCount,
      ioErrors: this.#faults.ioErrors,
      skippedWrites: this.#faults.skippedWrites,
    };
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.flush();
    for (const writer of this.#writers) writer.abort();
    await Promise.all([...this.#writers].map((writer) => writer.over));
    this.#caretaker.stop();
    this.#recency.close();
    this.#neighbours.close();
    this.#memory.clear();
    this.#log.close();
  }

  // Past the memory tier, or when what is there has to be looked at again.
  #find(
    key: string,
    view: number,
    remembered: StoredEntry<Value> | undefined,
  ): StoreEntry<Value> | undefined | Promise<StoreEntry<Value> | undefined> {
    if (view === BLIND) return undefined;
    if (remembered !== undefined) {
      if (this.#check(remembered, view)) return remembered;
      this.#memory.delete(key);
    }
    const waiting = this.#queue.get(key);
    if (waiting === REMOVED) return undefined;
    if (waiting !== undefined && this.#check(waiting, view)) return waiting;
    return this.#committing.get(key) ?? this.#reader.read(key);
  }

  // Whether the log and the clock let the entry live in this view of the log.
  #check(entry: StoredEntry<Value>, view: number): boolean {
    const verdict = this.#log.verdict(entry.head);
    if (verdict === PURGED) return false;
    entry.softPurged = verdict === SOFT_PURGED;
    entry.checkedView = view;
    return this.#inTime(entry);
  }

  #inTime(entry: StoredEntry<Value>): boolean {
    const now = this.#clock.now();
    if (now - entry.touchedAt >= TOUCH_INTERVAL_MS) {
      entry.touchedAt = now;
      this.#recency.touch(entry.head.key, entry.head.expiresAt, now);
    }
    return entry.head.expiresAt > now && entry.head.storedAt <= now + CLOCK_SKEW_MS;
  }

  #admit(entry: StoredEntry<Value>): boolean {
    if (!this.#check(entry, this.#log.look())) return false;
    this.#remember(entry);
    return true;
  }

  // A long entry is opened anew for each lookup, so that its reader has the very file of its head.
  #remember(entry: StoredEntry<Value>): void {
    const { head, body, value } = entry;
    if (body === undefined) return;
    this.#memory.set(head.key, entry, memoryCost(head, body, this.#options.valueBytes?.(value) ?? 0));
  }

  // For the sweep: while the log cannot be read, nothing is known to be dead.
  #usable({ head, preamble }: DecodedEntry): boolean {
    if (this.#log.look() === BLIND) return true;
    const now = this.#clock.now();
    if (preamble.epoch !== this.#log.epoch || head.expiresAt <= now || head.storedAt > now + CLOCK_SKEW_MS)
      return false;
    return this.#log.verdict(head) !== PURGED;
  }

  #encode(entry: StoredEntry<Value>): Encoded {
    const { head, body } = entry;
    if (!this.alive(head)) {
      this.#refuse("purged", head.key);
      return undefined;
    }
    const pieces = encodeEntry(head, body as Buffer, this.#log.epoch);
    return pieces === undefined ? undefined : { pieces, expiresAt: head.expiresAt };
  }

  // While an entry gets its name, a lookup waits for it; what waits to be written is older.
  #announce(key: string, result: Promise<boolean>): void {
    this.#memory.delete(key);
    this.#queue.supersede(key);
    const found = result.then(() => {
      if (this.#committing.get(key) === found) this.#committing.delete(key);
      return this.get(key);
    });
    this.#committing.set(key, found);
  }

  #refusedNow(): SkipReason | undefined {
    if (this.#closing !== undefined || this.#log.look() === BLIND) return "unavailable";
    return this.#faults.storingPaused ? "paused" : undefined;
  }

  #refusedEntry(head: EntryHead, bodyBytes: number): SkipReason | undefined {
    if (bodyBytes > this.#options.maxBody) return "body-too-long";
    if (!headFits(head)) return "head-too-long";
    if (this.#log.verdict(head) === PURGED) return "purged";
    return head.expiresAt <= this.#clock.now() ? "unusable" : undefined;
  }

  #refusedSize(bytes: number): SkipReason | undefined {
    return this.#caretaker.admits(bytes + this.#queue.bytes, this.#queue.size + 1) ? undefined : "over-budget";
  }

  #refuse(reason: SkipReason, key: string): false {
    this.#faults.skip(reason, key);
    return false;
  }
}
