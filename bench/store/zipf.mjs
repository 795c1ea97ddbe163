/** Which page is asked for next: Zipf 0.9 over so many, the same at every run; and what a plain LRU makes of it. */

/** @param {number} pages */
export function zipf(pages) {
  let seed = 42;
  const random = () => (seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff;
  const weights = Array.from({ length: pages }, (_, rank) => 1 / (rank + 1) ** 0.9);
  const total = weights.reduce((sum, weight) => sum + weight);
  const steps = [];
  weights.reduce((sum, weight, rank) => (steps[rank] = sum + weight / total), 0);
  return () => {
    const wanted = random();
    let [low, high] = [0, pages - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (steps[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return `/${low}`;
  };
}

export class Lru {
  #kept = new Map();
  #capacity;

  constructor(capacity) {
    this.#capacity = capacity;
  }

  get(key) {
    if (!this.#kept.delete(key)) return undefined;
    this.#kept.set(key, true);
    return true;
  }

  set(key) {
    this.#kept.set(key, true);
    if (this.#kept.size > this.#capacity) this.#kept.delete(this.#kept.keys().next().value);
  }
}
