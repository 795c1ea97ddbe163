/** Remembers for a while which keys were asked for, in a bounded amount of memory, so that what is asked for once need not be stored. Forgets the oldest; never holds a key itself. */
import { textHash } from "../base/sightings.js";

/** How long an asking counts. At least half of it, at most all. */
const WHILE_MS = 10 * 60 * 1000;
/** Keys remembered; about 2 MiB. */
const MOST_KEYS = 65_536;

export class Doorkeeper {
  readonly #elapsed: () => number;
  /** Two generations: the younger fills up, then takes the place of the older. */
  #young = new Set<number>();
  #old = new Set<number>();
  #turnedAt: number;

  /** @param elapsed milliseconds of a clock that never steps */
  constructor(elapsed: () => number) {
    this.#elapsed = elapsed;
    this.#turnedAt = elapsed();
  }

  /** Whether the key was asked for before, lately. Now it was. */
  knows(key: string): boolean {
    this.#turn();
    // Two keys with one hash only mean that one of them is stored early.
    const hash = textHash(key);
    const known = this.#young.has(hash) || this.#old.has(hash);
    this.#young.add(hash);
    return known;
  }

  #turn(): void {
    const now = this.#elapsed();
    const turns = Math.floor((now - this.#turnedAt) / (WHILE_MS / 2));
    if (turns === 0 && this.#young.size < MOST_KEYS / 2) return;
    this.#old = turns > 1 ? new Set() : this.#young;
    this.#young = new Set();
    this.#turnedAt = now;
  }
}
