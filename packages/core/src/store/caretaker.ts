/** Keeps the directory within its bounds and free of what nobody can use, off the request path and a little at a time. Never stops a process from ending. */
import { performance } from "node:perf_hooks";
import type { AgeHistogram } from "./age-histogram.js";
import type { Stored } from "./atomic-file.js";
import { allocatedBytes } from "./atomic-file.js";
import type { LogPosition } from "./contract.js";
import { SHARD_COUNT, isEntryName, shardIndex } from "./paths.js";
import type { EntryPath } from "./paths.js";
import { Sweep } from "./sweep.js";
import type { SweepSurroundings, SweepTask } from "./sweep.js";
import type { Bounds } from "./usage.js";

/** Longest stretch of work in one turn of the event loop. */
const SLICE_MS = 1;
/** The first stretch of the first count: small directories are known at once. */
const FIRST_SLICE_MS = 3;
/** Rest after a stretch, in its own lengths, when nobody waits for the sweep. */
const REST_FACTOR = 4;
const DEAD_SWEEP_MS = 10 * 60 * 1000;
/** How long the free space of the file system is taken as known. */
const FREE_SPACE_MS = 500;
/** Rest after a pass that was to evict and found nothing to: what is over is not ours, or not on disk yet. */
const FRUITLESS_MS = 1000;
/** Entries removed at a time to make room for a record of a purge. */
const ROOM_ENTRIES = 64;

export interface CaretakerLimits extends Bounds {
  /** Bytes that stay free on the file system; 0 for none. */
  readonly minFree: number;
}

export interface CaretakerSurroundings extends SweepSurroundings {
  /** A pass that opened every entry is over. */
  readonly swept: (oldestBirth: LogPosition | undefined) => void;
}

export class Caretaker {
  readonly #around: CaretakerSurroundings;
  readonly #limits: CaretakerLimits;
  #running: { readonly sweep: Sweep; readonly task: SweepTask; readonly steps: Generator<void> } | undefined =
    undefined;
  #ages: AgeHistogram | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #periodic: NodeJS.Timeout | undefined = undefined;
  #purged = false;
  #clearedAgain = false;
  #refused = false;
  #restUntil = 0;
  #freeBytes = Infinity;
  #freeKnownUntil = 0;
  #stopped = false;

  constructor(around: CaretakerSurroundings, limits: CaretakerLimits) {
    this.#around = around;
    this.#limits = limits;
  }

  /** Begins the first count, once; a small directory is counted when it returns. */
  start(): void {
    if (this.#periodic !== undefined || this.#stopped) return;
    this.#periodic = setInterval(
      () => this.#begin({ readHeads: this.#purged, evict: undefined }),
      DEAD_SWEEP_MS,
    ).unref();
    this.#begin({ readHeads: false, evict: undefined }, FIRST_SLICE_MS);
  }

  /** Whether so many bytes and entries more keep every bound; where not, the sweep is set to work. */
  admits(bytes: number, entries: number): boolean {
    this.start();
    this.#lookAtFreeSpace();
    const admitted = this.#around.usage.admits(bytes, entries) && this.#freeBytes - bytes >= this.#limits.minFree;
    if (!admitted) {
      this.#refused = true;
      this.#evictIfNeeded();
    }
    return admitted;
  }

  changed(path: EntryPath, change: Stored): void {
    this.#around.usage.changed(shardIndex(path), change);
    if (change.bytes > 0) this.#freeBytes -= change.bytes;
    this.#evictIfNeeded();
  }

  /** Something was purged; with `all` the disk is freed at once. */
  purged(all: boolean): void {
    this.#purged = true;
    if (!all || this.#stopped) return;
    if (this.#running === undefined) this.#begin({ readHeads: true, evict: undefined });
    else this.#clearedAgain = true;
  }

  /** Removes a few entries, dead or not, so that a purge can be written down on a full disk. */
  makeRoom(): void {
    const { fs, paths, usage } = this.#around;
    let removed = 0;
    const first = Math.floor(Math.random() * SHARD_COUNT);
    for (let step = 0; step < SHARD_COUNT && removed < ROOM_ENTRIES; step++) {
      const directory = paths.shard((first + step) % SHARD_COUNT);
      try {
        if (fs.lstatSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
        for (const name of fs.readdirSync(directory)) {
          if (removed >= ROOM_ENTRIES || !isEntryName(name)) continue;
          const stat = fs.lstatSync(`${directory}/${name}`, { throwIfNoEntry: false });
          if (stat?.isFile() !== true) continue;
          fs.unlinkSync(`${directory}/${name}`);
          usage.removed({ bytes: allocatedBytes(stat), entries: 1 });
          removed++;
        }
      } catch {
        // Another shard may still give way.
      }
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearInterval(this.#periodic);
    this.#running = undefined;
  }

  #evictIfNeeded(): void {
    if (this.#running !== undefined || this.#stopped || !this.#around.usage.counted) return;
    if (this.#restUntil > 0 && performance.now() < this.#restUntil) return;
    const missing = this.#limits.minFree === 0 ? 0 : Math.max(0, this.#limits.minFree * 1.05 - this.#freeBytes);
    const excess = this.#around.usage.excess();
    if (excess === undefined && missing === 0) return;
    const bytes = Math.max(excess?.bytes ?? 0, missing);
    const entries = excess?.entries ?? 0;
    // Without a fresh picture of the ages the pass only counts; the next one evicts.
    const evict = this.#ages === undefined ? undefined : { bytes, entries, cutoff: this.#ages.cutoff(bytes, entries) };
    this.#begin({ readHeads: this.#purged, evict });
  }

  #begin(task: SweepTask, sliceMs = SLICE_MS): void {
    if (this.#running !== undefined || this.#stopped) return;
    if (task.readHeads) this.#purged = false;
    const sweep = new Sweep(this.#around, task);
    this.#running = { sweep, task, steps: sweep.run() };
    this.#work(sliceMs);
  }

  #work(sliceMs: number): void {
    const running = this.#running;
    if (running === undefined) return;
    const startedMs = performance.now();
    while (running.steps.next().done !== true) {
      const tookMs = performance.now() - startedMs;
      if (tookMs < sliceMs) continue;
      const restMs = this.#refused || running.task.evict !== undefined ? 1 : Math.max(1, tookMs * REST_FACTOR);
      this.#timer = setTimeout(() => this.#work(SLICE_MS), restMs).unref();
      return;
    }
    this.#finished(running.sweep, running.task);
  }

  #finished(sweep: Sweep, task: SweepTask): void {
    this.#running = undefined;
    this.#refused = false;
    this.#ages = sweep.ages;
    this.#freeKnownUntil = 0;
    this.#around.swept(task.readHeads ? sweep.oldestBirth : undefined);
    if (this.#clearedAgain) {
      this.#clearedAgain = false;
      this.#begin({ readHeads: true, evict: undefined });
    } else {
      if (task.evict !== undefined && !sweep.fruitful) this.#restUntil = performance.now() + FRUITLESS_MS;
      this.#timer = setTimeout(() => this.#evictIfNeeded(), 1).unref();
    }
  }

  // Asked now and then, and not waited for: the answer counts for what comes after it.
  #lookAtFreeSpace(): void {
    if (this.#limits.minFree === 0) return;
    const now = performance.now();
    if (now < this.#freeKnownUntil) return;
    this.#freeKnownUntil = now + FREE_SPACE_MS;
    this.#around.fs.statfs(this.#around.paths.root, (error, stat) => {
      if (error === null || error === undefined) this.#freeBytes = stat.bavail * stat.bsize;
    });
  }
}
