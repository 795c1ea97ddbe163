/** Keeps the directory within its bounds and free of files that no request can use, off the request path and in short
 * steps. Of all processes, one sweeps at a time. Never keeps a process from exiting. */
import { performance } from "node:perf_hooks";
import type { LogPosition } from "../contract.js";
import type { FileSystem } from "../file-system.js";
import { BEAT_MS, SweeperLock } from "../peers/sweeper-lock.js";
import { Counting } from "./counting.js";
import { removeSome } from "./free-space.js";
import type { Searched } from "./shard-count.js";
import type { SpaceGuard } from "./space-guard.js";
import { Sweep } from "./sweep.js";
import type { SweepDeps, SweepTask } from "./sweep.js";

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

export interface SweeperDeps extends Omit<SweepDeps, "counting"> {
  readonly fs: FileSystem;
  /** The directory. */
  readonly root: string;
  readonly guard: SpaceGuard;
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
  readonly #deps: SweeperDeps;
  readonly #counting: Counting;
  readonly #sweepDeps: SweepDeps;
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

  constructor(deps: SweeperDeps) {
    this.#deps = deps;
    this.#counting = new Counting(deps.usage);
    this.#sweepDeps = { ...deps, counting: this.#counting };
    this.#lock = new SweeperLock(deps.fs, deps.root, deps.elapsed, () => deps.usage.progress);
  }

  /** Checks once whether the directory has to be counted; a small one is counted when it returns. */
  start(): void {
    if (this.#periodic !== undefined || this.#stopped) return;
    this.#periodic = setInterval(() => this.#sweepPeriodically(), DEAD_SWEEP_MS).unref();
    this.#deps.usage.look();
    if (this.#deps.usage.isOld(this.#deps.now(), DEAD_SWEEP_MS)) this.#begin(this.#count(), FIRST_SLICE_MS);
  }

  /** Brings the numbers up to date, and sweeps when it is time. */
  attend(): void {
    this.start();
    this.#deps.usage.look();
    this.makeRoom();
  }

  /** The disk had no room for a write. */
  refused(): void {
    if (this.#stopped || !this.#deps.guard.refused()) return;
    // Then what is counted cannot be written down either.
    if (!this.#deps.usage.counted) this.giveUpSome();
    this.makeRoom();
  }

  /** Something was stored or removed, and is counted. */
  stored(): void {
    this.#fresh = false;
    this.makeRoom();
  }

  /** This process has purged something; with `all`, or for a large purge, the disk is freed at once. */
  purged(all: boolean): void {
    if (!all || this.#stopped) return;
    if (this.#running === undefined) this.#begin(this.#count(true));
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
        if (this.#running === undefined) this.#begin(this.#count(true));
        // Another process has just begun another pass: check again when it is over.
        if (this.#running === undefined || !this.#running.task.readHeads) this.sawAllPurged();
      },
      CLEARED_MS * (1 + Math.random()),
    ).unref();
  }

  /** Removes a few entries, valid or not, so that a purge can be recorded on a full disk. */
  giveUpSome(): void {
    const { units, usage } = this.#deps;
    removeSome(units, (unit, change) => usage.changed(unit, change));
  }

  /** Evicts, when a bound is near or something has found no room; counts, where nothing is counted. */
  makeRoom(): void {
    if (this.#running !== undefined || this.#stopped) return;
    if (this.#restUntil > 0 && performance.now() < this.#restUntil) return;
    const { usage } = this.#deps;
    if (!usage.counted) {
      // The directory was removed while in use, or has not been counted yet.
      if (this.#periodic !== undefined) this.#begin(this.#count(), FIRST_SLICE_MS);
      return;
    }
    const eviction = this.#deps.guard.eviction();
    if (eviction === undefined) return;
    const { bytes, entries } = eviction.excess;
    const cutoff = usage.ages()?.cutoff(bytes, entries) ?? (this.#fresh ? this.#deps.now() + 1 : undefined);
    // Without recent ages the pass only counts; the next one evicts.
    this.#begin({ readHeads: false, evict: cutoff === undefined ? undefined : { ...eviction, cutoff } });
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

  #sweepPeriodically(): void {
    this.#deps.usage.look();
    if (this.#deps.usage.isOld(this.#deps.now(), DEAD_SWEEP_MS / 2)) this.#begin(this.#count());
  }

  // Something was purged since entries were last opened to find purged ones.
  get #unsearched(): boolean {
    const { epoch, position } = this.#deps.logged();
    const { searched } = this.#deps.usage;
    return searched.epoch !== epoch || searched.position < position;
  }

  #count(readHeads = this.#unsearched): SweepTask {
    return { readHeads, evict: undefined };
  }

  #begin(task: SweepTask, sliceMs = SLICE_MS): void {
    if (this.#running !== undefined || this.#stopped || !this.#deps.writable()) return;
    if (!this.#lock.take()) {
      this.#deps.guard.yielded();
      this.#restUntil = performance.now() + HELD_MS;
      return;
    }
    const { usage, logged, now } = this.#deps;
    usage.foldAbandoned();
    const searched = task.readHeads ? { at: now(), ...logged() } : undefined;
    const sweep = new Sweep(this.#sweepDeps, task);
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
      this.#deps.usage.beat();
    }
    while (running.steps.next().done !== true) {
      const tookMs = performance.now() - startedMs;
      if (tookMs < sliceMs) continue;
      const hurried = this.#deps.guard.isWanted || running.task.evict !== undefined || !this.#deps.usage.counted;
      this.#timer = setTimeout(() => this.#work(SLICE_MS), hurried ? 1 : Math.max(1, tookMs * REST_FACTOR)).unref();
      return;
    }
    this.#finished(running);
  }

  #suspect(afterMs: number): void {
    clearTimeout(this.#suspecting);
    if (!this.#counting.recount.any) return;
    this.#suspecting = setTimeout(() => {
      // The running pass finishes with suspects of its own.
      if (this.#running !== undefined || this.#stopped) return;
      const { usage } = this.#deps;
      const { recount } = this.#counting;
      usage.look();
      if (usage.countedAt !== this.#countedAt) return recount.clear();
      const units = recount.take();
      if (units === undefined) this.#suspect(Math.min(afterMs * 2, LONGEST_QUIET_MS));
      else if (units.length > 0) this.#begin({ readHeads: false, evict: undefined, units });
    }, afterMs).unref();
  }

  #finished({ sweep, task, searched }: Pass): void {
    this.#running = undefined;
    this.#fresh = task.units === undefined;
    const helped = task.evict?.end(sweep.gone) ?? true;
    if (task.units === undefined) {
      this.#countedAt = this.#deps.now();
      this.#deps.usage.finish(this.#countedAt, searched, sweep.ages);
    }
    this.#lock.release();
    this.#suspect(QUIET_MS);
    if (task.units === undefined) this.#deps.swept(task.readHeads ? sweep.oldestBirth : undefined);
    if (this.#clearedAgain) {
      this.#clearedAgain = false;
      this.#begin(this.#count(true));
    } else {
      if (!helped) this.#restUntil = performance.now() + FRUITLESS_MS;
      this.#timer = setTimeout(() => this.makeRoom(), 1).unref();
    }
  }
}
