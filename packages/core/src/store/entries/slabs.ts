/** Reusable buffers that small files are read into: allocating one costs more than the read that fills it. Does not
 * interpret their content. */
import type { Lease } from "../contract.js";

/** Sizes are powers of two, so that keeping a body does not keep much more memory than its length. */
const SMALLEST_BITS = 12;
/** How many buffers of each size wait for reuse; synchronous reads need one. */
const MOST_SPARE = 2;

/** A buffer that belongs to the caller that has taken it, until it is given back. */
export class Slab implements Lease {
  readonly bytes: Buffer;
  readonly #spare: Slab[];
  #taken = true;

  constructor(bytes: number, spare: Slab[]) {
    this.bytes = Buffer.allocUnsafeSlow(bytes);
    this.#spare = spare;
  }

  giveBack(): void {
    if (!this.#taken) return;
    this.#taken = false;
    if (this.#spare.length < MOST_SPARE) this.#spare.push(this);
  }

  /** Only for `Slabs`. */
  take(): this {
    this.#taken = true;
    return this;
  }
}

export class Slabs {
  readonly #spare: Slab[][] = [];

  /** A buffer of at least this many bytes. */
  take(bytes: number): Slab {
    const bits = Math.max(SMALLEST_BITS, 32 - Math.clz32(Math.max(bytes, 1) - 1));
    const spare = (this.#spare[bits] ??= []);
    return spare.pop()?.take() ?? new Slab(2 ** bits, spare);
  }
}
