/**
 * The heads of small files that were read from disk more than once lately. While a file still begins with the same
 * preamble, whose checksum covers the head, nothing has to be verified or decoded again. Never says that an entry
 * still exists, nor that it may be used.
 */
import { SeenFilter } from "../../base/recent.js";
import type { DecodedEntry } from "./format.js";
import { memoryCost } from "./stored-entry.js";

/** Bytes kept in each of the two generations: the younger takes the place of the older when it is full. */
const GENERATION_BYTES = 16 * 1024 * 1024;

export interface KnownHead<Value> {
  readonly path: string;
  /** Of the whole file. */
  readonly fileBytes: number;
  readonly decoded: DecodedEntry;
  readonly value: Value;
  /** When its recency was last written down, epoch milliseconds. */
  touchedAt: number;
}

export class KnownHeads<Value> {
  readonly #valueBytes: (value: Value) => number;
  #young = new Map<string, KnownHead<Value>>();
  #youngBytes = 0;
  #old = new Map<string, KnownHead<Value>>();
  readonly #sightings = new SeenFilter();

  /** @param valueBytes what a value holds beyond its head */
  constructor(valueBytes: (value: Value) => number) {
    this.#valueBytes = valueBytes;
  }

  get(key: string): KnownHead<Value> | undefined {
    const known = this.#young.get(key);
    if (known !== undefined) return known;
    const older = this.#old.get(key);
    if (older !== undefined) this.#keep(key, older);
    return older;
  }

  /** Notes a head that was read, and keeps it when it is read a second time: of more pages than there is room for,
   * most would only pass through. */
  meet(key: string, known: KnownHead<Value>): void {
    if (this.#sightings.meet(key)) this.#keep(key, known);
  }

  forget(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#youngBytes = 0;
  }

  // Kept under the very string of the lookup: a lookup with the same string is compared by reference.
  #keep(key: string, known: KnownHead<Value>): void {
    if (this.#youngBytes >= GENERATION_BYTES) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    this.#young.set(key, known);
    this.#youngBytes += this.#costOf(known);
  }

  #costOf({ decoded, path, value }: KnownHead<Value>): number {
    return memoryCost(decoded.head, undefined, this.#valueBytes(value)) + path.length;
  }
}
