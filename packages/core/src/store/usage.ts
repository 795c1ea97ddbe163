/** How much of its bounds the directory takes: counted by a pass over the shards, kept up to date by what this process writes. Touches no file. */
import type { Stored } from "./atomic-file.js";
import { SHARD_COUNT } from "./paths.js";

/** While the first count runs, so much of the bound may be added to what is not yet known. */
const UNCOUNTED_SHARE = 0.05;
/** Eviction begins above the first share of a bound and ends at the second. */
const HIGH_SHARE = 0.95;
const LOW_SHARE = 0.9;

export interface Bounds {
  /** Allocated bytes; `Infinity` for none. */
  readonly maxSize: number;
  readonly maxEntries: number;
}

/** Bytes and entries to get rid of. */
export interface Excess {
  readonly bytes: number;
  readonly entries: number;
}

export class Usage {
  readonly #bounds: Bounds;
  #total: Stored = { bytes: 0, entries: 0 };
  #pass: Stored | undefined = undefined;
  /** Shards below it have been visited by the running pass, and so are their changes. */
  #cursor = 0;
  #counted = false;
  #addedUncounted = 0;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  get bytes(): number {
    return Math.max(0, this.#total.bytes);
  }

  get entries(): number {
    return Math.max(0, this.#total.entries);
  }

  get counted(): boolean {
    return this.#counted;
  }

  /** What this process changed in a shard. */
  changed(shard: number, { bytes, entries }: Stored): void {
    this.#total = { bytes: this.#total.bytes + bytes, entries: this.#total.entries + entries };
    if (!this.#counted) this.#addedUncounted += bytes;
    if (this.#pass !== undefined && shard <= this.#cursor) this.found({ bytes, entries });
  }

  /** Whether so many bytes and entries more keep the bounds. */
  admits(bytes: number, entries: number): boolean {
    const { maxSize, maxEntries } = this.#bounds;
    if (!this.#counted && this.#addedUncounted + bytes > maxSize * UNCOUNTED_SHARE) return false;
    return this.#total.bytes + bytes <= maxSize && this.#total.entries + entries <= maxEntries;
  }

  /** What has to go, when it is time to evict. */
  excess(): Excess | undefined {
    const { maxSize, maxEntries } = this.#bounds;
    if (this.#total.bytes <= maxSize * HIGH_SHARE && this.#total.entries <= maxEntries * HIGH_SHARE) return undefined;
    return {
      bytes: Math.max(0, this.#total.bytes - maxSize * LOW_SHARE),
      entries: Math.max(0, this.#total.entries - Math.floor(maxEntries * LOW_SHARE)),
    };
  }

  beginPass(): void {
    this.#pass = { bytes: 0, entries: 0 };
    this.#cursor = 0;
  }

  /** The pass found something that stays. */
  found({ bytes, entries }: Stored): void {
    const pass = this.#pass as Stored;
    this.#pass = { bytes: pass.bytes + bytes, entries: pass.entries + entries };
    if (!this.#counted)
      this.#total = {
        bytes: Math.max(this.#total.bytes, this.#pass.bytes),
        entries: Math.max(this.#total.entries, this.#pass.entries),
      };
  }

  /** The pass removed something. */
  removed({ bytes, entries }: Stored): void {
    this.#total = { bytes: this.#total.bytes - bytes, entries: this.#total.entries - entries };
  }

  visited(shard: number): void {
    this.#cursor = shard + 1;
    if (this.#cursor < SHARD_COUNT) return;
    this.#total = this.#pass as Stored;
    this.#pass = undefined;
    this.#counted = true;
  }
}
