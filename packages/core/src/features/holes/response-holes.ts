/** The holes of one response while it is made: a marker stands for each in what the handler writes. */
import { randomBytes } from "node:crypto";
import { holeError } from "../../base/errors.js";
import type { StoredHoles } from "../../stored/stored-response.js";
import { markerOf } from "./cut.js";
import type { Holes } from "./holes.js";

const MOST_HOLES = 256;

export class ResponseHoles {
  readonly #holes: Holes;
  readonly #names: string[] = [];
  #token: string | undefined;
  #sealed = false;

  constructor(holes: Holes) {
    this.#holes = holes;
  }

  /** The marker of a hole: the same for the same name, so that a header field and the body agree.
   * @throws {DiskCacheError} `ERR_DISKCACHE_HOLE` when nothing would fill it, or the response has begun */
  marker(name: string): string {
    if (!this.#holes.fills([name])) throw holeError(`nothing fills \`${name}\`: register it with cache.hole()`);
    let index = this.#names.indexOf(name);
    if (index === -1) {
      if (this.#sealed) throw holeError(`\`${name}\` came after the response had begun`);
      if (this.#names.length === MOST_HOLES) throw holeError(`a page has at most ${MOST_HOLES} holes`);
      index = this.#names.push(name) - 1;
    }
    this.#token ??= randomBytes(16).toString("hex");
    return markerOf(this.#token, index);
  }

  /** The response begins: from now on no holes can be added.
   * @returns `undefined` when there are none */
  seal(): StoredHoles | undefined {
    this.#sealed = true;
    return this.#token === undefined ? undefined : { token: this.#token, names: this.#names };
  }

  /** Whether a marker of this response is in some other text. */
  marks(bytes: Buffer): boolean {
    return this.#token !== undefined && bytes.includes(this.#token);
  }
}
