/** What a handler reads of a request while it renders: the names, recorded by the adapters' views of the request, and
 * never a value. */

/** Stands for all names: the handler went through them. */
export const EVERY = "*";

/** Enough of a stack to see what reads, and for which caller. */
const FRAMES = 4;

export class Reads {
  /** Lower-case names of request header fields. */
  fields = new Set<string>();
  /** Names of cookies that were asked for by name. */
  cookies = new Set<string>();
  /** Names of query parameters. */
  parameters = new Set<string>();
  /** Where the Cookie field was read as a whole. */
  cookieReaders: { readonly stack?: string }[] = [];
  /** Whether the query has to be observed: only where a part of it may not be in the key. */
  readonly watchesQuery: boolean;
  /** What of the query comes back in the response. */
  readonly reflections: Reflections;
  /** The route, as the framework calls it; where it has none, the path. */
  route: (() => string | undefined) | undefined;
  #aside = false;

  /** @param ignored the raw parameters of this request that are not in its key */
  constructor(watchesQuery = false, ignored: readonly string[] = []) {
    this.watchesQuery = watchesQuery;
    this.reflections = new Reflections(ignored);
  }

  field(name: string): void {
    if (this.#aside) return;
    const field = name.toLowerCase();
    if (field === "cookie") this.#cookieField();
    else this.fields.add(field);
  }

  cookie(name: string): void {
    if (!this.#aside) this.cookies.add(name);
  }

  parameter(name: string): void {
    if (!this.#aside) this.parameters.add(name);
  }

  /** What is read from now on is not the handler's. */
  end(): void {
    this.#aside = true;
  }

  /** Runs functions of the operator's own, which read to decide and not to render: nothing is recorded. */
  aside<Result>(work: () => Result): Result {
    const before = this.#aside;
    this.#aside = true;
    try {
      return work();
    } finally {
      this.#aside = before;
    }
  }

  /** What `work` reads, by itself. */
  during(work: () => unknown): Reads {
    const own = new Reads();
    const { fields, cookies, parameters, cookieReaders } = this;
    Object.assign(this, { fields: own.fields, cookies: own.cookies, parameters: own.parameters, cookieReaders: [] });
    try {
      work();
    } finally {
      Object.assign(this, { fields, cookies, parameters, cookieReaders });
    }
    return own;
  }

  // The stack becomes text only when it is read.
  #cookieField(): void {
    if (this.cookieReaders.length >= FRAMES) return;
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = FRAMES + 2;
    this.cookieReaders.push(new Error("read"));
    Error.stackTraceLimit = limit;
  }
}

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
