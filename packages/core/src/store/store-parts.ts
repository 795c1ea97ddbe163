/** The parts of a store on disk, joined once. Decides nothing itself. */
import { resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { directoryError } from "../base/errors.js";
import type { MaybeAsync } from "../base/async.js";
import { Sweeper } from "./bounds/sweeper.js";
import { FreeSpace } from "./bounds/free-space.js";
import { SharedUsage } from "./bounds/shared-usage.js";
import { SpaceGuard, SpaceReservation } from "./bounds/space-guard.js";
import { tooSmall } from "./bounds/too-small.js";
import type { TooSmall } from "./bounds/too-small.js";
import type { EntryHead, StoreEntry } from "./contract.js";
import { prepareDirectory, writeTrial } from "./directory.js";
import type { DiskStoreOptions } from "./disk-store-options.js";
import { AtomicFiles } from "./entries/atomic-file.js";
import { DiskReader } from "./entries/disk-reader.js";
import { EntryFiles } from "./entries/entry-file.js";
import { FileEntryWriter } from "./entries/entry-writer.js";
import type { EntryWriterDeps } from "./entries/entry-writer.js";
import { encodeEntry } from "./entries/format.js";
import { Recency } from "./entries/recency.js";
import { Seals } from "./entries/seal.js";
import { SealedBody } from "./entries/body-cover.js";
import type { StoredEntry } from "./entries/stored-entry.js";
import { storedHeads } from "./entries/stored-heads.js";
import { WriteQueue } from "./entries/write-queue.js";
import type { Encoded } from "./entries/write-queue.js";
import { Faults } from "./faults.js";
import { errorCode, nodeFileSystem } from "./file-system.js";
import { Liveness } from "./liveness.js";
import { BLIND, InvalidationLog } from "./log/invalidation-log.js";
import { LogGenerations } from "./log/log-generations.js";
import { MemoryTier } from "./memory-tier.js";
import { OwnShards } from "./own-directory.js";
import { Paths, shardIndex } from "./paths.js";
import type { EntryPath } from "./paths.js";
import { Removal } from "./removal.js";
import { KeyLocks } from "./peers/key-locks.js";
import { Neighbours } from "./peers/neighbours.js";
import { SharedClock } from "./peers/shared-clock.js";
import { Doorkeeper, StoringRules } from "./storing-rules.js";
import type { UsageChange } from "./usage-change.js";

/** What the parts need of the store they belong to. */
export interface StoreOwner<Value> {
  /** Takes what was read from disk, and returns whether it may be used. */
  readonly admit: (entry: StoredEntry<Value>) => boolean;
  /** What is stored under a key now: in memory, in the queue or on disk. */
  readonly lookUp: (key: string) => MaybeAsync<StoreEntry<Value> | undefined>;
  /** Bytes of an entry at the moment of writing. */
  readonly encode: (entry: StoredEntry<Value>) => Encoded;
}

export class StoreParts<Value> {
  readonly faults: Faults;
  readonly paths: Paths;
  readonly log: InvalidationLog;
  readonly memory: MemoryTier<StoredEntry<Value>>;
  readonly files: AtomicFiles;
  readonly reader: DiskReader<Value>;
  readonly queue: WriteQueue<Value>;
  readonly usage: SharedUsage;
  readonly guard: SpaceGuard;
  readonly sweeper: Sweeper;
  readonly recency: Recency;
  readonly liveness: Liveness;
  readonly rules: StoringRules;
  readonly doorkeeper: Doorkeeper | undefined;
  readonly neighbours: Neighbours;
  readonly locks: KeyLocks;
  readonly seals: Seals | undefined;
  /** The heads of what is on disk, one shard after the other. */
  readonly heads: () => Iterable<readonly EntryHead[]>;
  /** What is stored or removed is counted, and what is too much goes. */
  readonly stored: (path: EntryPath, change: UsageChange) => void;
  /** Makes sure that the directory exists and is safe, tries to write into it and opens the log.
   * @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` */
  readonly proveUsable: () => void;

  constructor(options: DiskStoreOptions<Value>, owner: StoreOwner<Value>) {
    const fs = options.fs ?? nodeFileSystem;
    const elapsed = options.elapsed ?? (() => performance.now());
    const durable = options.durability === "fsync";
    const now = (): number => options.clock.now();
    const outcomes = {
      refused: () => this.sweeper.refused(),
      accepted: () => this.guard.accepted(),
      onlyRead: (error: unknown) => this.log.lostWriting(error),
    };
    this.faults = new Faults(options.observe ?? (() => undefined), outcomes, elapsed);
    this.paths = new Paths(resolve(options.dir));
    const failed = (operation: string, path: string, error: unknown): void =>
      this.faults.io(operation, path, error, false);
    const removal = new Removal(fs, this.paths.root, elapsed, (shard) => this.usage.entriesIn(shard) > 0);
    this.usage = new SharedUsage(fs, this.paths.root, options, {
      failed,
      mayMake: () => removal.mayMake(),
      logBytes: () => this.log.bytes,
    });
    this.neighbours = new Neighbours(fs, this.paths.root, elapsed, failed, removal);
    const sharedClock = new SharedClock(fs, this.paths, options.clock);
    let known = false;
    const prepare = (): void => {
      if (known) removal.check();
      prepareDirectory(fs, this.paths.root, { ...options, known });
      if (!known && !options.strict) this.#tellTooSmall(tooSmall(fs, this.paths.root, options));
      known = true;
      sharedClock.agree();
      this.neighbours.register();
    };
    this.proveUsable = () => {
      try {
        prepare();
        writeTrial(fs, this.paths.root, this.paths.temp(this.paths.root));
        const found = tooSmall(fs, this.paths.root, options);
        if (found !== undefined) throw found.error;
        this.log.open();
      } catch (error) {
        this.neighbours.close();
        throw error;
      }
    };
    this.log = new InvalidationLog(this.paths.root, new LogGenerations(fs, this.paths), {
      prepare,
      now,
      elapsed,
      durable,
      failed: (operation, error) => this.faults.io(operation, this.paths.root, error, true),
      onlyRead: (cause) => this.#tellOnlyRead(cause),
      restarted: (problem) => this.faults.tell({ type: "log-restarted", problem }),
      allPurged: () => this.sweeper.sawAllPurged(),
    });
    this.memory = new MemoryTier(options.memoryBytes);
    this.files = new AtomicFiles(fs, this.paths, prepare, durable, (name) => removal.check(name));
    this.seals = options.secrets && new Seals(options.secrets, options.encrypt ?? false);
    const shards = new OwnShards(fs, this.paths.root, elapsed);
    const files = new EntryFiles(fs, shards, this.faults, this.seals);
    this.heads = () => storedHeads(fs, this.paths, files);
    this.reader = new DiskReader(files, this.paths, {
      patient: options.patient ?? false,
      decode: options.decode,
      valueBytes: options.valueBytes ?? (() => 0),
      keeps: (bodyBytes) => this.memory.keeps(bodyBytes),
      epoch: () => this.log.epoch,
      admit: owner.admit,
      lookUp: owner.lookUp,
    });
    this.recency = new Recency(fs, this.paths);
    this.liveness = new Liveness(this.log, options.clock, this.recency);
    this.guard = new SpaceGuard(options, {
      usage: this.usage,
      free: new FreeSpace(fs, this.paths.root, options),
      elapsed,
      lacking: () => this.sweeper.makeRoom(),
    });
    this.sweeper = new Sweeper({
      fs,
      paths: this.paths,
      faults: this.faults,
      files,
      usage: this.usage,
      guard: this.guard,
      now,
      elapsed,
      writable: () => this.log.look() !== BLIND && this.log.writable && !removal.resting,
      logged: () => ({ position: this.log.position(), epoch: this.log.epoch }),
      usable: (entry) => this.liveness.usable(entry),
      swept: (oldestBirth) => this.log.compact(oldestBirth),
    });
    this.stored = (path, change) => {
      this.usage.changed(shardIndex(path), change);
      this.sweeper.stored();
    };
    this.queue = new WriteQueue(this.files, this.paths, this.faults, {
      encode: owner.encode,
      stored: this.stored,
      now,
    });
    this.locks = new KeyLocks(fs, this.paths.root, now, this.neighbours, removal);
    this.rules = new StoringRules(options, {
      log: this.log,
      faults: this.faults,
      sweeper: this.sweeper,
      guard: this.guard,
      removal,
      waiting: () => this.queue,
    });
    this.doorkeeper = options.admission === "second-request" ? new Doorkeeper(elapsed) : undefined;
  }

  #tellOnlyRead(cause: unknown): void {
    const code = errorCode(cause);
    const problem = `can only be read (${code}): what is stored is served, and nothing else is stored`;
    const error = directoryError(this.paths.root, problem, cause);
    this.faults.tell({ type: "error", operation: "open", code, error, said: false });
  }

  #tellTooSmall(found: TooSmall | undefined): void {
    if (found !== undefined) this.faults.tell({ type: "too-small", ...found });
  }
}

/* The entries whose bodies come in pieces at present: begins them, bounds the memory of all of them together, and ends
 * them with the store. Does not decide what may be stored. */

/** Bytes of all streams together that may wait for the disk before another one is begun. */
const MOST_WAITING_BYTES = 64 * 1024 * 1024;

export class Streams<Value> {
  readonly #parts: StoreParts<Value>;
  readonly #options: DiskStoreOptions<Value>;
  readonly #committing: EntryWriterDeps["committing"];
  readonly #writers = new Set<FileEntryWriter>();

  /** @param committing called for each entry that is about to be named, with the promise of its outcome */
  constructor(parts: StoreParts<Value>, options: DiskStoreOptions<Value>, committing: EntryWriterDeps["committing"]) {
    this.#parts = parts;
    this.#options = options;
    this.#committing = committing;
  }

  /** Whether too much waits for the disk to begin another one. */
  get crowded(): boolean {
    let waiting = 0;
    for (const writer of this.#writers) waiting += writer.pendingBytes;
    return waiting > MOST_WAITING_BYTES;
  }

  begin(key: string): FileEntryWriter {
    const { guard, faults, files, liveness, log, paths, queue, seals, stored } = this.#parts;
    const path = paths.entry(key);
    const writer = new FileEntryWriter(key, {
      files,
      faults,
      path,
      maxBody: this.#options.maxBody,
      seal: seals?.begin(path.file),
      epoch: () => log.epoch,
      now: () => this.#options.clock.now(),
      room: new SpaceReservation(guard),
      crowded: () => this.crowded,
      alive: (head) => liveness.alive(head),
      stored,
      exclusively: (named, work) => queue.exclusively(named, work),
      committing: this.#committing,
      ended: (ended) => this.#writers.delete(ended),
    });
    this.#writers.add(writer);
    return writer;
  }

  /** Leaves nothing behind of those that have not ended. Resolves when none of them has work under way. */
  async abort(): Promise<void> {
    for (const writer of this.#writers) writer.abort();
    await Promise.all([...this.#writers].map((writer) => writer.over));
  }
}

/* What a waiting entry becomes at the moment it is written: its bytes and the room for them, or nothing, when it was
 * purged or there is no room. */

export function encodeForDisk<Value>(parts: StoreParts<Value>, { head, body }: StoredEntry<Value>): Encoded {
  const { guard, liveness, rules } = parts;
  const room = new SpaceReservation(guard);
  const pieces = liveness.alive(head) ? piecesOf(parts, head, body as Buffer) : undefined;
  if (pieces === undefined) rules.refuse("purged", head.key);
  else if (room.grow(pieces.reduce((bytes, piece) => bytes + piece.length, 0)))
    return { pieces, expiresAt: head.expiresAt, room };
  else rules.refuse("over-budget", head.key);
  return undefined;
}

function piecesOf<Value>(
  { log, paths, seals }: StoreParts<Value>,
  head: EntryHead,
  body: Buffer,
): Buffer[] | undefined {
  if (seals === undefined) return encodeEntry(head, body, log.epoch);
  const seal = seals.begin(paths.entry(head.key).file);
  return encodeEntry(head, body, log.epoch, new SealedBody(seal), seal);
}
