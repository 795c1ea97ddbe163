/** Buffers that small files are read into, again and again: a fresh one costs more than the read that fills it. Knows nothing of what is in them. */
import type { Lease } from "../contract.js";

/** Sizes are powers of two, so that who keeps a body does not keep much more than it. */
const SMALLEST_BITS = 12;
/** Of each size so many wait to be used again; synchronous reads need one. */
const MOST_SPARE = 2;

/** A buffer that belongs to whoever has taken it, until he gives it back. */
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

  /** For `Slabs` alone. */
  take(): this {
    this.#taken = true;
    return this;
  }
}

export class Slabs {
  readonly #spare: Slab[][] = [];

  /** One that holds so many bytes at least. */
  take(bytes: number): Slab {
    const bits = Math.max(SMALLEST_BITS, 32 - Math.clz32(Math.max(bytes, 1) - 1));
    const spare = (this.#spare[bits] ??= []);
    return spare.pop()?.take() ?? new Slab(2 ** bits, spare);
  }
}
