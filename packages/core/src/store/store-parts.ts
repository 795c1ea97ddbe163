/** The parts of a store on disk, joined once. Decides nothing itself. */
import { resolve } from "node:path";
import { elapsedMs } from "../base/clock.js";
import { directoryError } from "../base/errors.js";
import { inOwnContext } from "../base/async.js";
import { Sweeper } from "./bounds/sweeper.js";
import { FreeSpace } from "./bounds/free-space.js";
import { SharedUsage } from "./bounds/shared-usage.js";
import { SpaceGuard, SpaceReservation } from "./bounds/space-guard.js";
import { tooSmall } from "./bounds/too-small.js";
import { prepareDirectory, writeTrial } from "./directory.js";
import type { DiskStoreOptions } from "./disk-store-options.js";
import type { Entries } from "./entries/entries.js";
import { FileEntries } from "./entries/file-entries.js";
import { Seals } from "./entries/seal.js";
import type { StoredEntry } from "./entries/stored-entry.js";
import { Faults, isFull } from "./faults.js";
import { errorCode, nodeFileSystem } from "./file-system.js";
import type { FileSystem } from "./file-system.js";
import { Liveness } from "./liveness.js";
import { BLIND, InvalidationLog } from "./log/invalidation-log.js";
import type { LeaseTerms } from "./log/lease.js";
import { LogGenerations } from "./log/log-generations.js";
import { ALIVE, PURGED } from "./log/purge-marks.js";
import { Lookups } from "./lookups.js";
import { MemoryTier } from "./memory-tier.js";
import { Paths } from "./paths.js";
import { Removal } from "./removal.js";
import type { SharedDirectory, Sharing } from "./sharing.js";
import { KeyLocks } from "./peers/key-locks.js";
import { MachineName } from "./peers/machine-name.js";
import { Neighbours } from "./peers/neighbours.js";
import { RoleLock } from "./peers/role-lock.js";
import { SharedClock } from "./peers/shared-clock.js";
import { Doorkeeper, StoringRules } from "./storing-rules.js";

/** The share of a lease after which a relay that was silent is passed over. */
const SILENT_SHARE = 0.6;

/** How often room is made for what has to go into the log. */
export const ROOM_ATTEMPTS = 4;

export class StoreParts<Value> {
  readonly faults: Faults;
  readonly log: InvalidationLog;
  readonly memory: MemoryTier<StoredEntry<Value>>;
  readonly entries: Entries<Value>;
  readonly usage: SharedUsage;
  readonly guard: SpaceGuard;
  readonly sweeper: Sweeper;
  readonly liveness: Liveness;
  readonly lookups: Lookups<Value>;
  readonly rules: StoringRules;
  readonly doorkeeper: Doorkeeper | undefined;
  readonly neighbours: Neighbours;
  readonly locks: KeyLocks;
  /** Its purges on their way to other machines, and the directory as that sees it; `undefined` where there are none. */
  readonly sharing: Sharing | undefined;
  readonly directory: SharedDirectory | undefined;
  /** Makes sure that the directory exists and is safe, tries to write into it and opens the log.
   * @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY` */
  readonly proveUsable: () => void;

  constructor(options: DiskStoreOptions<Value>) {
    const fs = options.fs ?? nodeFileSystem;
    const elapsed = options.elapsed ?? elapsedMs;
    const patient = options.patient ?? false;
    const durable = options.durability === "fsync";
    const valueBytes = options.valueBytes ?? ((): number => 0);
    const now = (): number => options.clock.now();
    const outcomes = {
      refused: () => this.sweeper.refused(),
      accepted: () => this.guard.accepted(),
      onlyRead: (error: unknown) => this.log.lostWriting(error),
    };
    this.faults = new Faults(options.observe ?? (() => undefined), outcomes, elapsed);
    const paths = new Paths(resolve(options.dir));
    const failed = (operation: string, path: string, error: unknown): void =>
      this.faults.io(operation, path, error, false);
    const removal = new Removal(fs, paths.root, elapsed, {
      holds: (shard) => this.usage.entriesIn(shard) > 0,
      sweptAt: () => this.usage.sweptAt,
    });
    this.usage = new SharedUsage(fs, paths.root, options, {
      failed,
      mayMake: () => removal.mayMake(),
      logBytes: () => this.log.bytes,
    });
    this.neighbours = new Neighbours(fs, paths.root, elapsed, failed, removal);
    const sharedClock = new SharedClock(fs, paths, options.clock);
    let known = false;
    let told = options.strict || options.idle === true;
    const tellTooSmall = (): void => {
      const found = told ? undefined : tooSmall(fs, paths.root, options);
      if (found === undefined) return;
      told = true;
      this.faults.tell({ type: "too-small", ...found });
    };
    // Not before its maker can listen.
    if (!told) process.nextTick(inOwnContext, tellTooSmall);
    const prepare = (): void => {
      if (known) removal.check();
      prepareDirectory(fs, paths.root, { ...options, known });
      if (!known) tellTooSmall();
      known = true;
      sharedClock.agree();
      this.neighbours.register();
    };
    this.proveUsable = () => {
      try {
        prepare();
        writeTrial(fs, paths.root, paths.temp(paths.root));
        const found = tooSmall(fs, paths.root, options);
        if (found !== undefined) throw found.error;
        this.log.open();
      } catch (error) {
        this.neighbours.close();
        throw error;
      }
    };
    this.log = new InvalidationLog(paths.root, new LogGenerations(fs, paths), {
      prepare,
      now,
      elapsed,
      durable,
      failed: (operation, error) => this.faults.io(operation, paths.root, error, true),
      onlyRead: (cause) => this.#tellOnlyRead(paths.root, cause),
      restarted: (problem) => this.faults.tell({ type: "log-restarted", problem }),
      allPurged: () => this.sweeper.sawAllPurged(),
      lease: options.sharing?.lease,
    });
    this.memory = new MemoryTier(options.memoryBytes);
    this.entries = new FileEntries<Value>({
      fs,
      paths,
      faults: this.faults,
      seals: options.secrets && new Seals(options.secrets, options.encrypt ?? false),
      durable,
      patient,
      maxBody: options.maxBody,
      decode: options.decode,
      valueBytes,
      now,
      elapsed,
      prepare,
      mayMake: (name, exists) => removal.check(name, exists),
      keeps: (bodyBytes) => this.memory.keeps(bodyBytes),
      epoch: () => this.log.epoch,
      survivesPurges: (head) => this.liveness.survivesPurges(head),
      admit: (entry) => this.lookups.admit(entry),
      lookUp: (key) => this.lookups.get(key, false),
      reserve: () => new SpaceReservation(this.guard),
      refuse: (reason, key) => this.rules.refuse(reason, key),
      stored: (unit, change) => {
        this.usage.changed(unit, change);
        this.sweeper.stored();
      },
      overtaken: (key) => this.memory.delete(key),
    });
    this.liveness = new Liveness(this.log, options.clock, this.entries);
    const { entries, liveness, log, memory } = this;
    this.lookups = new Lookups({ entries, liveness, log, memory, valueBytes, patient });
    this.guard = new SpaceGuard(options, {
      usage: this.usage,
      free: new FreeSpace(fs, paths.root, options),
      elapsed,
      lacking: () => this.sweeper.makeRoom(),
    });
    this.sweeper = new Sweeper({
      fs,
      root: paths.root,
      units: this.entries.units,
      faults: this.faults,
      usage: this.usage,
      guard: this.guard,
      now,
      elapsed,
      writable: () => this.log.look() !== BLIND && this.log.writable && !removal.resting,
      logged: () => ({ position: this.log.position(), epoch: this.log.epoch }),
      usable: (entry) => this.liveness.usable(entry),
      swept: (oldestBirth) => this.log.compact(oldestBirth),
    });
    this.locks = new KeyLocks(fs, paths.root, now, this.neighbours, removal);
    this.rules = new StoringRules(options, {
      log: this.log,
      faults: this.faults,
      sweeper: this.sweeper,
      guard: this.guard,
      removal,
      entries: this.entries,
    });
    this.doorkeeper = options.admission === "second-request" ? new Doorkeeper(elapsed) : undefined;
    this.directory = options.sharing && this.#shared(fs, paths, options.sharing.lease);
    this.sharing = this.directory && options.sharing!.open(this.directory);
  }

  #shared(fs: FileSystem, paths: Paths, { leaseMs, steady }: LeaseTerms): SharedDirectory {
    const { log, neighbours } = this;
    const name = new MachineName(fs, paths);
    return {
      chain: log.chain,
      look: () => log.lookNow() !== BLIND && log.writable,
      note: (notes) => this.#note(notes),
      judge: ({ position }, entry) => {
        if (log.lookNow() === BLIND) return "unknown";
        // What was begun elsewhere when the chain stood there was begun here just behind the record.
        const birth = position + 1;
        const born = { ...entry, birth };
        const [onChain, here] = [log.chain.verdict(born), log.verdict(born)];
        // What this directory has purged itself stands in its log where it was purged, and on the chain later: here
        // it would not become stale.
        if (onChain === PURGED || onChain > here) return "purged";
        // By this machine for itself: others may use it.
        return here === PURGED ? "unknown" : { birth, soft: here !== ALIVE };
      },
      contactAgeMs: () => log.contactAgeMs() ?? Infinity,
      get alone() {
        return neighbours.solitude !== undefined;
      },
      machine: () => name.get(),
      changeMachine: (from) => name.change(from),
      relay: new RoleLock(fs, {
        path: `${paths.root}/relay`,
        elapsed: steady,
        progress: () => String(log.chain.beats),
        silentMs: leaseMs * SILENT_SHARE,
      }),
    };
  }

  // What other machines have purged has to go in where the disk is full.
  #note(notes: readonly string[]): void {
    for (let attempt = 1; ; attempt++) {
      try {
        return this.log.note(notes);
      } catch (error) {
        if (attempt === ROOM_ATTEMPTS || !isFull(error)) throw error;
        this.sweeper.giveUpSome();
      }
    }
  }

  #tellOnlyRead(root: string, cause: unknown): void {
    const code = errorCode(cause);
    const problem = `can only be read (${code}): what is stored is served, and nothing else is stored`;
    const error = directoryError(root, problem, cause);
    this.faults.tell({ type: "error", operation: "open", code, error, said: false });
  }
}
