/**
 * The streams that handlers pipe. Never ends early by itself: only when told what a handler does whose client has
 * gone.
 */
import { Readable } from "node:stream";
import { FALLBACK, contentFrom } from "./content.js";
import type { PipeStep, Reaction } from "./program.js";

export interface SourceSurroundings {
  readonly language: string;
  /** Where in the content it begins. */
  readonly position: number;
  /** Calls back when the schedule lets it go on. */
  pause(goOn: () => void): void;
  /** It has failed, and a client that waits for the rest may wait for ever. */
  failed(): void;
}

export class PieceSource extends Readable {
  readonly #step: PipeStep;
  readonly #around: SourceSurroundings;
  #given = 0;
  #paused = false;
  #over = false;

  constructor(step: PipeStep, around: SourceSurroundings) {
    super();
    this.#step = step;
    this.#around = around;
    // What becomes of it is up to the handler, who looks away.
    this.on("error", () => {});
  }

  override _read(): void {
    if (this.#step.pace === "slow") setImmediate(() => this.#give());
    else this.#give();
  }

  /** The client has gone. */
  react(reaction: Reaction): void {
    if (this.#over || this.destroyed) return;
    this.#over = true;
    if (reaction === "destroy") this.destroy();
    else if (reaction !== "stop") {
      if (reaction !== "end") this.push(FALLBACK);
      this.push(null);
    }
  }

  #give(): void {
    if (this.#over || this.destroyed) return;
    const { pieces, bytes, pace, fails } = this.#step;
    const middle = this.#given === Math.ceil(pieces / 2);
    if (middle && pace === "paused" && !this.#paused) {
      this.#paused = true;
      this.#around.pause(() => this.#give());
      return;
    }
    if (middle && fails === true) {
      this.#over = true;
      this.destroy(new Error("the source failed"));
      this.#around.failed();
      return;
    }
    if (this.#given === pieces) {
      this.#over = true;
      this.push(null);
      return;
    }
    const start = this.#around.position + this.#given++ * bytes;
    this.push(contentFrom(this.#around.language, start, start + bytes));
  }
}
