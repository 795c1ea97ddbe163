/** How many entries and bytes were last used how long ago: enough to say from which moment on to evict, in constant memory. Touches no file. */

/** Buckets a doubling of the age: an age is known to 3 %. */
const BUCKETS_PER_DOUBLING = 24;
const BUCKETS = BUCKETS_PER_DOUBLING * 43;

export class AgeHistogram {
  readonly #bytes = new Float64Array(BUCKETS);
  readonly #entries = new Float64Array(BUCKETS);
  readonly #now: number;

  /** Ages count back from `now`, epoch milliseconds. */
  constructor(now: number) {
    this.#now = now;
  }

  add(usedAt: number, bytes: number): void {
    const bucket = bucketOf(this.#now - usedAt);
    this.#bytes[bucket] = (this.#bytes[bucket] as number) + bytes;
    this.#entries[bucket] = (this.#entries[bucket] as number) + 1;
  }

  /** The moment such that what was last used before it holds at least so many bytes and entries. */
  cutoff(bytes: number, entries: number): number {
    let foundBytes = 0;
    let foundEntries = 0;
    for (let bucket = BUCKETS - 1; bucket > 0; bucket--) {
      foundBytes += this.#bytes[bucket] as number;
      foundEntries += this.#entries[bucket] as number;
      if (foundBytes >= bytes && foundEntries >= entries) return this.#now - youngestOf(bucket);
    }
    return this.#now + 1;
  }
}

function bucketOf(ageMs: number): number {
  return ageMs < 1 ? 0 : Math.min(BUCKETS - 1, Math.floor(Math.log2(ageMs + 1) * BUCKETS_PER_DOUBLING));
}

// The youngest age that falls into a bucket: everything in it is at least as old.
function youngestOf(bucket: number): number {
  return 2 ** (bucket / BUCKETS_PER_DOUBLING) - 1;
}
