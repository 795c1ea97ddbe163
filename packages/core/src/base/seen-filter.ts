/** Whether something was met before, lately, so that what is met once need not be remembered: memory that is filled and emptied again and again is what collecting garbage costs most. */

/** Those met since push the older ones out, one for each slot: after as many as there are slots, a third is still known. */
const SLOTS = 32_768;

export class SeenFilter {
  readonly #hashes = new Int32Array(SLOTS);

  /** Whether it was met before. Now it was. */
  meet(text: string): boolean {
    const hash = textHash(text);
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const met = this.#hashes[slot] === hash;
    this.#hashes[slot] = hash;
    return met;
  }
}

/** A quick number for a text (FNV-1a, 32 bits, signed: it needs no object). Anybody can find two texts with the same one, so it is for guesses that may be wrong. */
export function textHash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return value;
}
