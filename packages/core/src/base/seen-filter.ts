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
