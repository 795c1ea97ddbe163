/** Whether memory stays flat over a run: what is in use after a collection, from a tenth of the way on, when everything
 * that is made once has been made. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export class MemoryWatch {
  readonly #collect: () => void;
  #beginBytes = 0;
  #mostBytes = 0;

  constructor() {
    setFlagsFromString("--expose-gc");
    this.#collect = runInNewContext("gc") as () => void;
  }

  /** `done` of `all` are done. */
  look(done: number, all: number): void {
    if (done % Math.ceil(all / 10) !== 0 || done === 0) return;
    this.#collect();
    const { heapUsed, external } = process.memoryUsage();
    if (this.#beginBytes === 0) this.#beginBytes = heapUsed + external;
    this.#mostBytes = Math.max(this.#mostBytes, heapUsed + external);
  }

  /** MiB by which it grew at most. */
  get grownMib(): number {
    return Math.round(((this.#mostBytes - this.#beginBytes) / 2 ** 20) * 10) / 10;
  }
}
