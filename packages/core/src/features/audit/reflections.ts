/** Looks for ignored query parameters in what the handler writes: it did not read them by name, but passed on its
 * request URL. */

/** Shorter ones turn up in any page. */
const SHORTEST_BYTES = 5;

export class Reflections {
  readonly #sought: ReadonlyMap<string, string>;
  readonly #longest: number;
  readonly #found = new Set<string>();
  #tail = "";

  /** @param ignored raw parameters of the request, `name=value` */
  constructor(ignored: readonly string[]) {
    this.#sought = new Map(
      ignored
        .filter((parameter) => parameter.length >= SHORTEST_BYTES && /=./.test(parameter))
        .map((parameter) => [parameter, parameter.slice(0, parameter.indexOf("="))]),
    );
    this.#longest = Math.max(0, ...[...this.#sought.keys()].map(({ length }) => length));
  }

  /** Names of the parameters that have come back. */
  get found(): ReadonlySet<string> {
    return this.#found;
  }

  /** The field lines of the head, and the body where it is known by then. */
  begin(rawHeaders: readonly string[], body: Buffer | undefined): void {
    if (this.#sought.size === 0) return;
    this.#look(rawHeaders.join("\n"));
    this.#tail = "";
    if (body !== undefined) this.#look(body.toString("latin1"));
  }

  /** A piece of the body, in order. */
  piece(bytes: Buffer): void {
    if (this.#sought.size > 0) this.#look(this.#tail + bytes.toString("latin1"));
  }

  #look(text: string): void {
    for (const [parameter, name] of this.#sought) if (text.includes(parameter)) this.#found.add(name);
    // A parameter that is cut in two is found with the next piece.
    this.#tail = text.slice(-this.#longest);
  }
}
