/** How many entries and bytes were last used how long ago: enough to say from which moment on to evict, in constant memory. Touches no file. */

/** Buckets a doubling of the age: an age is known to 3 %. */
const BUCKETS_PER_DOUBLING = 24;
const BUCKETS = BUCKETS_PER_DOUBLING * 43;

export class AgeHistogram {
  static readonly BYTES = 8 + BUCKETS * 16;
  /** The moment ages count back from, then bytes and entries of each bucket. */
  readonly #values = new Float64Array(1 + BUCKETS * 2);
  readonly #bytes = this.#values.subarray(1, 1 + BUCKETS);
  readonly #entries = this.#values.subarray(1 + BUCKETS);

  /** Ages count back from `now`, epoch milliseconds. */
  constructor(now: number) {
    this.#values[0] = now;
  }

  /** As `bytes` gave it; `undefined` when it is damaged. */
  static from(bytes: Buffer): AgeHistogram | undefined {
    const histogram = new AgeHistogram(0);
    Buffer.from(histogram.#values.buffer).set(bytes);
    return histogram.#values.every((value) => value >= 0 && value < 2 ** 53) ? histogram : undefined;
  }

  /** To be kept in a file. */
  get bytes(): Buffer {
    return Buffer.from(this.#values.buffer);
  }

  add(usedAt: number, bytes: number): void {
    const bucket = bucketOf(this.#now - usedAt);
    this.#bytes[bucket] = (this.#bytes[bucket] as number) + bytes;
    this.#entries[bucket] = (this.#entries[bucket] as number) + 1;
  }

  /** The moment such that what was last used before it holds at least so many bytes and entries; `undefined` when all together hold less. */
  cutoff(bytes: number, entries: number): number | undefined {
    let foundBytes = 0;
    let foundEntries = 0;
    for (let bucket = BUCKETS - 1; bucket >= 0; bucket--) {
      foundBytes += this.#bytes[bucket] as number;
      foundEntries += this.#entries[bucket] as number;
      if (foundBytes >= bytes && foundEntries >= entries) return this.#now + (bucket === 0 ? 1 : -youngestOf(bucket));
    }
    return undefined;
  }

  get #now(): number {
    return this.#values[0] as number;
  }
}

function bucketOf(ageMs: number): number {
  return ageMs < 1 ? 0 : Math.min(BUCKETS - 1, Math.floor(Math.log2(ageMs + 1) * BUCKETS_PER_DOUBLING));
}

// The youngest age that falls into a bucket: everything in it is at least as old.
function youngestOf(bucket: number): number {
  return 2 ** (bucket / BUCKETS_PER_DOUBLING) - 1;
}
