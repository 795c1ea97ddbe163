/** The free space of the file system, in bytes and inodes: as this process last read it, less what it has taken since.
 * Also removes a few entries to make room. Decides nothing else. */
import type { StatsFs } from "node:fs";
import { performance } from "node:perf_hooks";
import type { EntryUnits, UsageChange } from "../entries/entries.js";
import type { FileSystem } from "../file-system.js";
import { atMostHalf, negative, NOTHING, sum } from "./limits.js";
import { UNASKED_FREE_SHARE, totalBytes } from "./too-small.js";
import type { SpaceBounds } from "./too-small.js";

/** How long a reading is trusted while little is taken. */
const KNOWN_MS = 500;
/** Without space, it is read again this often: another process may have made some by then. */
const REFUSED_LOOK_MS = 2;
/** It is read again when this share of what may be taken has been taken: other processes take too. */
const UNSEEN_SHARE = 1 / 16;
/** Made free beyond what has to stay free: this share of that bound, or of what the cache holds where that is more, so
 * that a pass over many entries pays off. */
const MARGIN_SHARE = 0.05;
const MARGIN_SHARE_HELD = 0.01;
/** Entries removed at a time to make room for a record of a purge. */
const MADE_ROOM_ENTRIES = 64;

interface Reading {
  readonly free: UsageChange;
  /** What has to stay free. */
  readonly floor: UsageChange;
}

const UNKNOWN: Reading = { free: { bytes: Infinity, entries: Infinity }, floor: NOTHING };

export class FreeSpace {
  readonly #fs: FileSystem;
  readonly #root: string;
  readonly #minFree: number;
  /** Of the file system, `minFree` is at most this share: a default gives way to a small one. */
  readonly #mostShare: number;
  #reading = UNKNOWN;
  #readAt = -Infinity;
  #asking = false;
  /** Taken, and not on disk yet: no reading includes it. */
  #unwritten = NOTHING;
  /** On disk, written since the reading. */
  #spent = NOTHING;
  /** All that this process has ever written. */
  #writtenBytes = 0;

  /** Without `minFree`, nothing is asked. */
  constructor(fs: FileSystem, root: string, { minFree, unasked = [] }: Pick<SpaceBounds, "minFree" | "unasked">) {
    this.#fs = fs;
    this.#root = root;
    this.#minFree = minFree;
    this.#mostShare = unasked.includes("minFree") ? UNASKED_FREE_SHARE : 1;
  }

  /** Whether what has to stay free stays free with this much more. */
  admits(wanted: UsageChange): boolean {
    if (this.#minFree === 0) return true;
    this.#look();
    return this.#leaves(wanted) || (this.#isOlderThan(REFUSED_LOOK_MS) && this.read() && this.#leaves(wanted));
  }

  /** Takes space for what is about to be written. */
  take(space: UsageChange): void {
    this.#unwritten = sum(this.#unwritten, space);
  }

  /** Taken space has become files. */
  written(space: UsageChange): void {
    this.#unwritten = sum(this.#unwritten, negative(space));
    this.#spent = sum(this.#spent, space);
    this.#writtenBytes += space.bytes;
  }

  /** Taken space is no longer needed. */
  drop(space: UsageChange): void {
    this.#unwritten = sum(this.#unwritten, negative(space));
  }

  /** Whether it is time to make room: for `wanted`, or because there is hardly any. */
  isShort(wanted: UsageChange, held: UsageChange): boolean {
    if (this.#minFree === 0) return false;
    const { bytes, entries } = this.#missing(NOTHING, held, 0.5);
    return bytes > 0 || entries > 0 || !this.#leaves(atMostHalf(wanted, held));
  }

  /** What has to be made free. */
  missing(wanted: UsageChange, held: UsageChange): UsageChange {
    return this.#missing(atMostHalf(wanted, held), held, 1);
  }

  /** Asks the file system, synchronously. True when it answers. */
  read(): boolean {
    if (this.#minFree === 0) return false;
    this.#readAt = performance.now();
    try {
      this.#reading = this.#readingOf(this.#fs.statfsSync(this.#root));
      this.#spent = NOTHING;
      return true;
    } catch {
      // Unknown: then no space is kept free.
      return false;
    }
  }

  /** For a caller that removes files: the result gives the part of the removed bytes that has become free. They may
   * not have, while another process still reads the files or the file system reports late. */
  watch(): (removedBytes: number) => number {
    const before = this.#reading.free.bytes + this.#writtenBytes - this.#spent.bytes;
    return (removedBytes) => {
      if (removedBytes === 0 || !this.read()) return 1;
      return (this.#reading.free.bytes + this.#writtenBytes - before) / removedBytes;
    };
  }

  #missing(wanted: UsageChange, held: UsageChange, marginShare: number): UsageChange {
    const { floor } = this.#reading;
    const left = this.#left;
    const margin = (of: "bytes" | "entries"): number =>
      floor[of] === 0 ? 0 : marginShare * Math.max(floor[of] * MARGIN_SHARE, held[of] * MARGIN_SHARE_HELD);
    return {
      bytes: Math.max(0, floor.bytes + margin("bytes") + wanted.bytes - left.bytes),
      entries: Math.max(0, Math.ceil(floor.entries + margin("entries") + wanted.entries - left.entries)),
    };
  }

  get #left(): UsageChange {
    return sum(this.#reading.free, negative(sum(this.#unwritten, this.#spent)));
  }

  #leaves({ bytes, entries }: UsageChange): boolean {
    const { floor } = this.#reading;
    const left = this.#left;
    return left.bytes - bytes >= floor.bytes && left.entries - entries >= floor.entries;
  }

  // The same share of inodes as of bytes stays free.
  #readingOf(stat: StatsFs): Reading {
    const total = totalBytes(stat);
    if (total === undefined) return UNKNOWN;
    const { bavail, bsize, files, ffree } = stat;
    const share = Math.min(this.#minFree / total, this.#mostShare);
    return {
      free: { bytes: bavail * bsize, entries: files === 0 ? Infinity : ffree },
      floor: {
        bytes: Math.min(this.#minFree, total * this.#mostShare),
        entries: Math.ceil(files * Math.min(1, share)),
      },
    };
  }

  #isOlderThan(ageMs: number): boolean {
    return performance.now() - this.#readAt > ageMs;
  }

  #look(): void {
    const { free, floor } = this.#reading;
    const much =
      this.#spent.bytes > (free.bytes - floor.bytes) * UNSEEN_SHARE ||
      this.#spent.entries > (free.entries - floor.entries) * UNSEEN_SHARE;
    if (this.#readAt === -Infinity || (much && this.#isOlderThan(REFUSED_LOOK_MS))) this.read();
    else if (this.#isOlderThan(KNOWN_MS)) this.#ask();
  }

  // The answer applies to what follows it; what was written meanwhile may not be in it.
  #ask(): void {
    if (this.#asking) return;
    this.#asking = true;
    const askedAt = performance.now();
    const spent = this.#spent;
    try {
      this.#fs.statfs(this.#root, (error, stat) => {
        this.#asking = false;
        if (askedAt < this.#readAt) return;
        this.#readAt = askedAt;
        if (error !== null && error !== undefined) return;
        this.#reading = this.#readingOf(stat);
        this.#spent = sum(this.#spent, negative(spent));
      });
    } catch {
      this.#asking = false;
    }
  }
}

/** Removes a few entries, whichever are found first. */
export function removeSome(units: EntryUnits, changed: (unit: number, change: UsageChange) => void): void {
  let removed = 0;
  const first = Math.floor(Math.random() * units.count);
  for (let step = 0; step < units.count; step++) {
    const unit = (first + step) % units.count;
    for (const find of units.scan(unit)) {
      if (find?.kind !== "entry" || units.drop(find.id) !== "dropped") continue;
      changed(unit, { bytes: -find.bytes, entries: -1 });
      if (++removed === MADE_ROOM_ENTRIES) return;
    }
  }
}
