/** A map of a bounded number of things; beyond that, those set longest ago are dropped. For what clients choose: they
 * would fill any unbounded map. Two generations: when the younger is full, it takes the place of the older. Removing
 * the first entry of a `Map` of ten thousand costs ten times as much. */
export class Recent<Key, Value> {
  readonly #least: number;
  #young = new Map<Key, Value>();
  #old = new Map<Key, Value>();

  /** @param least how many of the latest are kept at least; never twice as many */
  constructor(least: number) {
    this.#least = least;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: Key): Value | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  has(key: Key): boolean {
    return this.#young.has(key) || this.#old.has(key);
  }

  /** Sets it, as the latest. */
  set(key: Key, value: Value): void {
    this.#old.delete(key);
    this.#young.set(key, value);
    if (this.#young.size < this.#least) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  delete(key: Key): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}

/** Whether something was met before, recently, so that what is met only once need not be kept: memory that is filled
 * and emptied again and again is the main cost of garbage collection. */

/** Later ones push out earlier ones, one for each slot: after as many as there are slots, a third is still known. */
const SLOTS = 32_768;

export class SeenFilter {
  readonly #hashes = new Int32Array(SLOTS);

  /** Whether it was met before; notes it as met. */
  meet(text: string): boolean {
    const hash = textHash(text);
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const met = this.#hashes[slot] === hash;
    this.#hashes[slot] = hash;
    return met;
  }
}

/** A fast hash of a text (FNV-1a, 32 bits, signed: it needs no object). Two texts with the same hash are easy to find,
 * so it is for guesses that may be wrong. */
export function textHash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value;
}
