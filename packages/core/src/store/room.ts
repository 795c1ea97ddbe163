/** Space taken for one entry while it is written, so that no two writers count on the same. Never writes. */
import { blocksFor } from "./atomic-file.js";
import type { Caretaker } from "./caretaker.js";

export class Room {
  readonly #caretaker: Caretaker;
  #bytes = 0;

  constructor(caretaker: Caretaker) {
    this.#caretaker = caretaker;
  }

  /** Takes room for so many bytes altogether; false when there is none. */
  grow(bytes: number): boolean {
    const wanted = Math.max(blocksFor(bytes), blocksFor(1));
    if (wanted <= this.#bytes) return true;
    if (!this.#caretaker.reserve(wanted - this.#bytes, this.#bytes === 0 ? 1 : 0)) return false;
    this.#bytes = wanted;
    return true;
  }

  /** What was written is counted from now on, or nothing was. Idempotent. */
  giveBack(): void {
    if (this.#bytes > 0) this.#caretaker.release(this.#bytes, 1);
    this.#bytes = 0;
  }
}
