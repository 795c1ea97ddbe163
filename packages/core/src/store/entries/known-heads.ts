/**
 * What the heads of small files said that were read from disk more than once lately. Where a file still begins with the same preamble, whose checksum covers the head,
 * nothing has to be checked or decoded again. Never says that an entry is still there, nor that it may be used.
 */
import { SeenFilter } from "../../base/seen-filter.js";
import type { DecodedEntry } from "./format.js";
import { memoryCost } from "./stored-entry.js";

/** What is kept in one of the two generations: the younger takes the place of the older when it is full. */
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

  /** One that was read. It is remembered when it is read again: of more pages than there is room for, most would only pass through. */
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

  // Under the very string that was asked for: who asks with it again has it compared at a glance.
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
