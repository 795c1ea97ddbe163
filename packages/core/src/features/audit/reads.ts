/** What a handler reads of a request while it renders: the names, recorded by the adapters' views of the request, and
 * never a value. */

import { Reflections } from "./reflections.js";

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
