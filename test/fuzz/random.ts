/** Chance that can be repeated: the same seed gives the same run. */

/** Words that are read as something else than they look. */
const NUMBERS = [
  0,
  1,
  -1,
  0.5,
  127,
  128,
  255,
  256,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 53,
  NaN,
  Infinity,
];

export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed >>> 0;
  }

  /** From 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  /** Bytes somewhat different from these: turned, overwritten, cut, doubled, grown, or mixed with `other`. */
  mutated(bytes: Buffer, other: Buffer): Buffer {
    let result: Buffer = Buffer.from(bytes);
    for (let times = 1 + this.below(4); times > 0; times--) result = this.#once(result, other);
    return result;
  }

  #once(bytes: Buffer, other: Buffer): Buffer {
    const at = this.chance(0.6) ? this.below(Math.min(bytes.length, 200) + 1) : this.below(bytes.length + 1);
    switch (this.below(8)) {
      case 0:
        if (at < bytes.length) bytes[at] = bytes[at]! ^ (1 << this.below(8));
        return bytes;
      case 1:
        if (at < bytes.length) bytes[at] = this.below(256);
        return bytes;
      case 2:
        if (at + 4 <= bytes.length) bytes.writeUInt32LE(this.pick(NUMBERS) >>> 0, at);
        return bytes;
      case 3:
        if (at + 8 <= bytes.length) bytes.writeDoubleLE(this.pick(NUMBERS), at);
        return bytes;
      case 4:
        return bytes.subarray(0, at);
      case 5:
        return Buffer.concat([bytes, Buffer.alloc(this.below(300), this.below(256))]);
      case 6: {
        const length = this.below(64);
        return Buffer.concat([bytes.subarray(0, at), other.subarray(at, at + length), bytes.subarray(at + length)]);
      }
      default: {
        const from = this.below(bytes.length + 1);
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(from, from + this.below(64)), bytes.subarray(at)]);
      }
    }
  }
}
