/**
 * Keeps the directory within its bounds and free of entries that no request can use, off the request path and in short
 * steps. Of all processes, one sweeps at a time. Never keeps a process from exiting.
 *
 * What happens to it in each of its states; when it has stopped, nothing does.
 *
 * | event | idle | holding, resting | passing |
 * | --- | --- | --- | --- |
 * | something is stored, or lacks space | a pass that evicts or counts, if it is time | the same, once rested | – |
 * | everything was purged here | a pass that reads every head | the same | the same when this one is over |
 * | everything was purged elsewhere | the same a little later, unless it has been done there | the same | the same |
 * | the count is old | a pass that counts | the same | – |
 * | what was counted has changed | a pass over those units | the same | – (it ends with such a look) |
 * | another process has the lock | holding | holding | holding, then the same pass again |
 * | the directory cannot be written | – | – | idle |
 * | the pass is over | | | idle, or resting when it was to evict and did not help |
 */
import { performance } from "node:perf_hooks";
import { OwnTimers, inOwnContext } from "../../base/async.js";
import type { LogPosition } from "../contract.js";
import type { FileSystem } from "../file-system.js";
import { RoleLock } from "../peers/role-lock.js";
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

/** After a pass, units that changed meanwhile are counted again as soon as nothing has changed for this long; doubled
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

type State =
  | { readonly is: "idle" }
  /** Another process sweeps. */
  | { readonly is: "holding"; readonly untilMs: number }
  /** Evicting more does not help for now. */
  | { readonly is: "resting"; readonly untilMs: number }
  | {
      readonly is: "passing";
      readonly pass: Pass;
      /** Everything was purged since it began. */
      readonly again: boolean;
      /** The end of the rest that it interrupted. */
      readonly untilMs: number;
    }
  | { readonly is: "stopped" };

/** How often a sweep shows that it goes on, and how long it may be silent. */
const BEAT_MS = 1_000;
const SILENT_MS = 5_000;

const IDLE: State = { is: "idle" };

export class Sweeper {
  readonly #deps: SweeperDeps;
  readonly #counting: Counting;
  readonly #sweepDeps: SweepDeps;
  readonly #lock: RoleLock;
  readonly #timers = new OwnTimers<"next" | "retry" | "periodic" | "purged elsewhere" | "recount">();
  #state = IDLE;
  /** When the last whole pass of this process ended. */
  #countedAt = 0;
  /** Whether the ages are from a pass that has just ended. */
  #fresh = false;
  #beatAt = 0;

  constructor(deps: SweeperDeps) {
    this.#deps = deps;
    this.#counting = new Counting(deps.usage);
    this.#sweepDeps = { ...deps, counting: this.#counting };
    const { elapsed, fs, root, usage } = deps;
    this.#lock = new RoleLock(fs, {
      path: `${root}/sweeper`,
      elapsed,
      progress: () => usage.progress,
      silentMs: SILENT_MS,
    });
  }

  /** From now on, looks now and then whether the directory has to be counted, and does so at once for the first time;
   * a small one is counted when the call returns. Calling it again does nothing. */
  start(): void {
    if (this.#started || this.#state.is === "stopped") return;
    this.#countPeriodically();
    this.#countIfOlder(DEAD_SWEEP_MS, FIRST_SLICE_MS);
  }

  /** Brings the numbers up to date, and sweeps when it is time. */
  attend(): void {
    this.start();
    this.#deps.usage.look();
    this.makeRoom();
  }

  /** Something was stored or removed, and is counted. */
  stored(): void {
    this.#fresh = false;
    this.makeRoom();
  }

  /** Begins to evict, when a bound is near or something has found no space; to count, where nothing is counted. */
  makeRoom(): void {
    const state = this.#state;
    if (state.is === "passing" || state.is === "stopped") return;
    if (state.is !== "idle" && performance.now() < state.untilMs) return;
    const { guard, now, usage } = this.#deps;
    if (!usage.counted) {
      // The directory was removed while in use, or has not been counted yet.
      if (this.#started) this.#begin(this.#count(), FIRST_SLICE_MS);
      return;
    }
    const eviction = guard.eviction();
    if (eviction === undefined) return;
    const { bytes, entries } = eviction.excess;
    const cutoff = usage.ages()?.cutoff(bytes, entries) ?? (this.#fresh ? now() + 1 : undefined);
    // Without recent ages the pass only counts; the next one evicts.
    this.#begin({ readHeads: false, evict: cutoff === undefined ? undefined : { ...eviction, cutoff } });
  }

  /** The disk had no space for a write. */
  refused(): void {
    if (this.#state.is === "stopped" || !this.#deps.guard.refused()) return;
    // Then what is counted cannot be written down either.
    if (!this.#deps.usage.counted) this.giveUpSome();
    this.makeRoom();
  }

  /** This process has purged something; with `all`, or for a large purge, the disk is freed at once. */
  purged(all: boolean): void {
    if (!all) return;
    if (this.#state.is === "passing") this.#state = { ...this.#state, again: true };
    else this.#begin(this.#count(true));
  }

  /** Another process purged everything. That process sweeps; this one does if the other is gone. */
  sawAllPurged(): void {
    if (this.#timers.has("purged elsewhere")) return;
    this.#timers.set("purged elsewhere", CLEARED_MS * (1 + Math.random()), () => {
      this.#deps.usage.look();
      if (!this.#unsearched || !this.#deps.writable()) return;
      this.#begin(this.#count(true));
      // Another process has just begun another pass: check again when it is over.
      if (this.#state.is !== "passing" || !this.#state.pass.task.readHeads) this.sawAllPurged();
    });
  }

  /** Removes a few entries, valid or not, so that a purge can be recorded on a full disk. */
  giveUpSome(): void {
    const { units, usage } = this.#deps;
    removeSome(units, (unit, change) => usage.changed(unit, change));
  }

  stop(): void {
    if (this.#state.is === "passing") this.#lock.release();
    this.#state = { is: "stopped" };
    this.#timers.stop();
  }

  get #started(): boolean {
    return this.#timers.has("periodic");
  }

  #countPeriodically(): void {
    this.#timers.set("periodic", DEAD_SWEEP_MS, () => {
      this.#countPeriodically();
      this.#countIfOlder(DEAD_SWEEP_MS / 2);
    });
  }

  #countIfOlder(thanMs: number, sliceMs = SLICE_MS): void {
    const { now, usage } = this.#deps;
    usage.look();
    if (usage.isOld(now(), thanMs)) this.#begin(this.#count(), sliceMs);
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
    const { is } = this.#state;
    if (is === "passing" || is === "stopped" || !this.#deps.writable()) return;
    if (!this.#lock.take()) {
      this.#deps.guard.yielded();
      this.#state = { is: "holding", untilMs: performance.now() + HELD_MS };
      return;
    }
    const { usage, logged, now } = this.#deps;
    usage.foldAbandoned();
    const searched = task.readHeads ? { at: now(), ...logged() } : undefined;
    const sweep = new Sweep(this.#sweepDeps, task);
    const untilMs = "untilMs" in this.#state ? this.#state.untilMs : 0;
    this.#state = { is: "passing", pass: { sweep, task, steps: sweep.run(), searched }, again: false, untilMs };
    this.#fresh = false;
    // What it removes is of no request, not even of that which began it.
    inOwnContext(() => this.#step(sliceMs));
  }

  #step(sliceMs: number): void {
    if (this.#state.is !== "passing") return;
    const { pass, untilMs } = this.#state;
    if (!this.#deps.writable()) {
      this.#state = restUntil(untilMs);
      return;
    }
    if (!this.#lock.held) {
      // Another process took this one for dead, or the directory is another one.
      this.#state = { is: "holding", untilMs: performance.now() + HELD_MS };
      this.#timers.set("retry", HELD_MS, () => this.#begin(pass.task));
      return;
    }
    const startedMs = performance.now();
    if (startedMs >= this.#beatAt) {
      this.#beatAt = startedMs + BEAT_MS;
      this.#deps.usage.beat();
    }
    while (pass.steps.next().done !== true) {
      if (!this.#isUnderWay(pass)) return;
      const tookMs = performance.now() - startedMs;
      if (tookMs < sliceMs) continue;
      const hurried = this.#deps.guard.isWanted || pass.task.evict !== undefined || !this.#deps.usage.counted;
      this.#timers.set("next", hurried ? 1 : Math.max(1, tookMs * REST_FACTOR), () => this.#step(SLICE_MS));
      return;
    }
    this.#end(pass);
  }

  #end({ sweep, task, searched }: Pass): void {
    const whole = task.units === undefined;
    const helped = task.evict?.end(sweep.gone) ?? true;
    if (whole) {
      this.#countedAt = this.#deps.now();
      this.#deps.usage.finish(this.#countedAt, searched, sweep.ages);
    }
    // A listener that hears of what was removed may close the store.
    if (this.#state.is !== "passing") return;
    this.#lock.release();
    const { again, untilMs } = this.#state;
    this.#state = restUntil(helped || again ? untilMs : performance.now() + FRUITLESS_MS);
    this.#fresh = whole;
    this.#recountAfter(QUIET_MS);
    if (whole) this.#deps.swept(task.readHeads ? sweep.oldestBirth : undefined);
    if (again) this.#begin(this.#count(true));
    else this.#timers.set("next", 1, () => this.makeRoom());
  }

  #isUnderWay(pass: Pass): boolean {
    return this.#state.is === "passing" && this.#state.pass === pass;
  }

  #recountAfter(afterMs: number): void {
    const { recount } = this.#counting;
    this.#timers.clear("recount");
    if (!recount.any) return;
    this.#timers.set("recount", afterMs, () => {
      // A pass ends with a recount of its own.
      if (this.#state.is === "passing") return;
      const { usage } = this.#deps;
      usage.look();
      if (usage.countedAt !== this.#countedAt) return recount.clear();
      const units = recount.take();
      if (units === undefined) this.#recountAfter(Math.min(afterMs * 2, LONGEST_QUIET_MS));
      else if (units.length > 0) this.#begin({ readHeads: false, evict: undefined, units });
    });
  }
}

function restUntil(untilMs: number): State {
  return untilMs > performance.now() ? { is: "resting", untilMs } : IDLE;
}
