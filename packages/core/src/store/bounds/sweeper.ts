/** Keeps the directory within its bounds and free of files that no request can use, off the request path and in short
 * steps. Of all processes, one sweeps at a time. Never keeps a process from exiting. */
import { performance } from "node:perf_hooks";
import type { UsageChange } from "../usage-change.js";
import type { LogPosition, SpaceBound } from "../contract.js";
import { shardIndex } from "../paths.js";
import type { EntryPath } from "../paths.js";
import type { Searched } from "./shard-count.js";
import type { SharedUsage, UsageBounds } from "./shared-usage.js";
import { FreeSpace, removeSome } from "./free-space.js";
import { RoomGuard } from "./room-guard.js";
import { Sweep } from "./sweep.js";
import type { SweepDeps, SweepTask } from "./sweep.js";
import { BEAT_MS, SweeperLock } from "../peers/sweeper-lock.js";
import { UNASKED_FREE_SHARE } from "./too-small.js";

/** Longest stretch of work in one turn of the event loop. */
const SLICE_MS = 1;
/** The first stretch of the first count: small directories are counted at once. */
const FIRST_SLICE_MS = 3;
/** Rest after a stretch, as a multiple of its length, when no writer waits for the sweep. */
const REST_FACTOR = 4;
const DEAD_SWEEP_MS = 10 * 60 * 1000;
/** Rest after a pass that should have evicted and did not help: the excess is not the cache's, not on disk yet, or
 * still open in another process. */
const FRUITLESS_MS = 1000;
/** How long the process that sweeps is left alone. */
const HELD_MS = 50;
/** After a purge of everything, the process that made it sweeps; if it does not, another one does after this time. */
const CLEARED_MS = 100;

/** After a pass, shards that changed meanwhile are counted again as soon as nothing has changed for this long; doubled
 * while changes go on. */
const QUIET_MS = 100;
const LONGEST_QUIET_MS = 1600;

export interface SweeperLimits extends UsageBounds {
  /** Bytes that stay free on the file system; 0 for none. */
  readonly minFree: number;
  /** Bounds that are only defaults. */
  readonly unasked?: readonly SpaceBound[] | undefined;
}

export interface SweeperDeps extends SweepDeps {
  readonly shared: SharedUsage;
  /** Milliseconds of a clock that never jumps. */
  readonly elapsed: () => number;
  /** Where the invalidation log is. */
  readonly logged: () => { readonly epoch: number; readonly position: LogPosition };
  /** Whether the directory may be used and written: in one that is refused, nothing is counted or removed. */
  readonly writable: () => boolean;
  /** A pass that opened every entry is over. */
  readonly swept: (oldestBirth: LogPosition | undefined) => void;
}

interface Pass {
  readonly sweep: Sweep;
  readonly task: SweepTask;
  readonly steps: Generator<void>;
  readonly searched: Searched | undefined;
}

export class Sweeper {
  /** Where reserved and returned room is counted. */
  readonly guard: RoomGuard;
  readonly #deps: SweeperDeps;
  readonly #lock: SweeperLock;
  #running: Pass | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #periodic: NodeJS.Timeout | undefined = undefined;
  #cleared: NodeJS.Timeout | undefined = undefined;
  #clearedAgain = false;
  #suspecting: NodeJS.Timeout | undefined = undefined;
  /** When the last whole pass of this process ended. */
  #countedAt = 0;
  /** Whether the ages are from a pass that has just ended. */
  #fresh = false;
  #restUntil = 0;
  #beatAt = 0;
  #stopped = false;

  constructor(deps: SweeperDeps, limits: SweeperLimits) {
    this.#deps = deps;
    this.#lock = new SweeperLock(deps.fs, deps.paths.root, deps.elapsed, () => deps.shared.progress);
    this.guard = new RoomGuard(
      deps.usage,
      new FreeSpace(deps.fs, deps.paths.root, limits.minFree, mostFreeShare(limits)),
      deps.elapsed,
    );
  }

  /** Checks once whether the directory has to be counted; a small one is counted when it returns. */
  start(): void {
    if (this.#periodic !== undefined || this.#stopped) return;
    this.#periodic = setInterval(() => this.#sweepPeriodically(), DEAD_SWEEP_MS).unref();
    this.#deps.usage.look();
    if (this.#deps.usage.isOld(this.#deps.now(), DEAD_SWEEP_MS)) this.#begin(this.#counting(), FIRST_SLICE_MS);
  }

  /** Brings the numbers up to date. */
  look(): void {
    this.start();
    this.#deps.usage.look();
    this.#evictIfNeeded();
  }

  /** Whether this many more bytes and entries keep every bound, as far as known; if not, the sweep is started. */
  admits(room: UsageChange): boolean {
    this.start();
    return this.guard.admits(room) || this.#makeRoom();
  }

  /** Whether this many bytes would fit if everything else that is stored were removed; if not, waiting is useless. */
  couldAdmit(bytes: number): boolean {
    return this.guard.couldAdmit(bytes);
  }

  /** Reserves room for what is about to be written, against all other processes. False when there is none; then the
   * sweep is started. */
  reserve(room: UsageChange): boolean {
    this.start();
    return this.guard.reserve(room) || this.#makeRoom();
  }

  /** The disk had no room for a write. */
  refused(): void {
    if (this.#stopped || !this.guard.refused()) return;
    // Then what is counted cannot be written down either.
    if (!this.#deps.usage.counted) this.giveUpSome();
    this.#evictIfNeeded();
  }

  changed(path: EntryPath, change: UsageChange): void {
    this.#deps.usage.changed(shardIndex(path), change);
    this.#fresh = false;
    this.#evictIfNeeded();
  }

  /** This process has purged something; with `all`, or for a large purge, the disk is freed at once. */
  purged(all: boolean): void {
    if (!all || this.#stopped) return;
    if (this.#running === undefined) this.#begin(this.#counting(true));
    else this.#clearedAgain = true;
  }

  /** Another process purged everything. That process sweeps; this one does if the other is gone. */
  sawAllPurged(): void {
    if (this.#stopped) return;
    this.#cleared ??= setTimeout(
      () => {
        this.#cleared = undefined;
        this.#deps.usage.look();
        if (!this.#unsearched || !this.#deps.writable()) return;
        if (this.#running === undefined) this.#begin(this.#counting(true));
        // Another process has just begun another pass: check again when it is over.
        if (this.#running === undefined || !this.#running.task.readHeads) this.sawAllPurged();
      },
      CLEARED_MS * (1 + Math.random()),
    ).unref();
  }

  /** Removes a few entries, valid or not, so that a purge can be recorded on a full disk. */
  giveUpSome(): void {
    removeSome(this.#deps.fs, this.#deps.paths, (shard, change) => this.#deps.usage.changed(shard, change));
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#cleared);
    clearTimeout(this.#suspecting);
    clearInterval(this.#periodic);
    if (this.#running !== undefined) this.#lock.release();
    this.#running = undefined;
  }

  #makeRoom(): false {
    this.#evictIfNeeded();
    return false;
  }

  #sweepPeriodically(): void {
    this.#deps.usage.look();
    if (this.#deps.usage.isOld(this.#deps.now(), DEAD_SWEEP_MS / 2)) this.#begin(this.#counting());
  }

  // Something was purged since entries were last opened to find purged ones.
  get #unsearched(): boolean {
    const { epoch, position } = this.#deps.logged();
    const { searched } = this.#deps.usage;
    return searched.epoch !== epoch || searched.position < position;
  }

  #counting(readHeads = this.#unsearched): SweepTask {
    return { readHeads, evict: undefined };
  }

  #evictIfNeeded(): void {
    if (this.#running !== undefined || this.#stopped) return;
    if (this.#restUntil > 0 && performance.now() < this.#restUntil) return;
    const { usage } = this.#deps;
    if (!usage.counted) {
      // The directory was removed while in use, or has not been counted yet.
      if (this.#periodic !== undefined) this.#begin(this.#counting(), FIRST_SLICE_MS);
      return;
    }
    const eviction = this.guard.eviction();
    if (eviction === undefined) return;
    const { bytes, entries } = eviction.excess;
    const cutoff = usage.ages()?.cutoff(bytes, entries) ?? (this.#fresh ? this.#deps.now() + 1 : undefined);
    // Without recent ages the pass only counts; the next one evicts.
    this.#begin({ readHeads: false, evict: cutoff === undefined ? undefined : { ...eviction, cutoff } });
  }

  #begin(task: SweepTask, sliceMs = SLICE_MS): void {
    if (this.#running !== undefined || this.#stopped || !this.#deps.writable()) return;
    if (!this.#lock.take()) {
      this.guard.yielded();
      this.#restUntil = performance.now() + HELD_MS;
      return;
    }
    const { usage, logged, now } = this.#deps;
    usage.foldAbandoned();
    const searched = task.readHeads ? { at: now(), ...logged() } : undefined;
    const sweep = new Sweep(this.#deps, task);
    this.#running = { sweep, task, steps: sweep.run(), searched };
    this.#fresh = false;
    this.#work(sliceMs);
  }

  #work(sliceMs: number): void {
    const running = this.#running;
    if (running === undefined) return;
    if (!this.#deps.writable()) {
      this.#running = undefined;
      return;
    }
    if (!this.#lock.held) {
      // Another process took this one for dead, or the directory is another one.
      this.#running = undefined;
      this.#restUntil = performance.now() + HELD_MS;
      this.#timer = setTimeout(() => this.#begin(running.task), HELD_MS).unref();
      return;
    }
    const startedMs = performance.now();
    if (startedMs >= this.#beatAt) {
      this.#beatAt = startedMs + BEAT_MS;
      this.#deps.shared.beat();
    }
    while (running.steps.next().done !== true) {
      const tookMs = performance.now() - startedMs;
      if (tookMs < sliceMs) continue;
      const hurried = this.guard.isWanted || running.task.evict !== undefined || !this.#deps.usage.counted;
      this.#timer = setTimeout(() => this.#work(SLICE_MS), hurried ? 1 : Math.max(1, tookMs * REST_FACTOR)).unref();
      return;
    }
    this.#finished(running);
  }

  #suspect(afterMs: number): void {
    clearTimeout(this.#suspecting);
    if (!this.#deps.usage.suspects.any) return;
    this.#suspecting = setTimeout(() => {
      // The running pass finishes with suspects of its own.
      if (this.#running !== undefined || this.#stopped) return;
      const { usage } = this.#deps;
      usage.look();
      if (usage.countedAt !== this.#countedAt) return usage.suspects.clear();
      const shards = usage.suspects.look();
      if (shards === undefined) this.#suspect(Math.min(afterMs * 2, LONGEST_QUIET_MS));
      else if (shards.length > 0) this.#begin({ readHeads: false, evict: undefined, shards });
    }, afterMs).unref();
  }

  #finished({ sweep, task, searched }: Pass): void {
    this.#running = undefined;
    this.#fresh = task.shards === undefined;
    const helped = task.evict?.end(sweep.gone) ?? true;
    if (task.shards === undefined) {
      this.#countedAt = this.#deps.now();
      this.#deps.usage.endPass(this.#countedAt, searched, sweep.ages);
    }
    this.#lock.release();
    this.#suspect(QUIET_MS);
    if (task.shards === undefined) this.#deps.swept(task.readHeads ? sweep.oldestBirth : undefined);
    if (this.#clearedAgain) {
      this.#clearedAgain = false;
      this.#begin(this.#counting(true));
    } else {
      if (!helped) this.#restUntil = performance.now() + FRUITLESS_MS;
      this.#timer = setTimeout(() => this.#evictIfNeeded(), 1).unref();
    }
  }
}

// A default gives way to a small file system.
function mostFreeShare({ unasked = [] }: SweeperLimits): number {
  return unasked.includes("minFree") ? UNASKED_FREE_SHARE : 1;
}
