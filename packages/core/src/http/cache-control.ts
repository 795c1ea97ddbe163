/** The response directives of Cache-Control (RFC 9111 §5.2.2, RFC 5861, RFC 8246). Never throws; of two readings the
 * more restrictive wins. */
import { Recent } from "../base/recent.js";
import { deltaSeconds, listMembers } from "./fields.js";

/** What a response says about its caching. Seconds are `undefined` when not given, and 0 when given in a way that
 * cannot be trusted. */
export interface CacheControl {
  readonly maxAge: number | undefined;
  readonly sMaxage: number | undefined;
  readonly staleWhileRevalidate: number | undefined;
  readonly staleIfError: number | undefined;
  readonly noStore: boolean;
  /** Qualified (`no-cache="field"`) counts as unqualified. */
  readonly noCache: boolean;
  /** Qualified (`private="field"`) counts as unqualified. */
  readonly private: boolean;
  readonly public: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  readonly immutable: boolean;
  readonly noTransform: boolean;
  /** Some of it follows no grammar, so that anything may have been meant: `no-store; private`, a quoted string that
   * never ends. */
  readonly malformed: boolean;
}

/** An application sends the same few values over and over. */
const REMEMBERED_LINES = 256;
const KNOWN = new Recent<string, CacheControl>(REMEMBERED_LINES);
const LONGEST_KNOWN = 256;

/** @param lines the value of every `Cache-Control` field line
 * @example parseCacheControl(["max-age=60, s-maxage=10"]).sMaxage // 10 */
export function parseCacheControl(lines: readonly string[]): CacheControl {
  const line = lines.length === 0 ? "" : lines[0]!;
  if (lines.length > 1 || line.length > LONGEST_KNOWN) return parse(lines);
  let known = KNOWN.get(line);
  if (known === undefined) KNOWN.set(line, (known = Object.freeze(parse(lines))));
  return known;
}

function parse(lines: readonly string[]): CacheControl {
  const directives = new DirectiveCollector();
  let malformed = false;
  for (const member of listMembers(lines)) {
    const [, name, token, quoted] = MEMBER.exec(member) ?? [];
    if (name === undefined) malformed = true;
    else directives.add(name, token ?? quoted?.replace(/\\(.)/gs, "$1"));
  }
  return { ...directives.result(), malformed };
}

/** Gathers directives one at a time, whichever field and syntax they came in. */
export class DirectiveCollector {
  readonly #seconds = new Map<string, number>();
  readonly #flags = new Set<string>();

  /** @param argument `undefined` when the directive has none */
  add(name: string, argument: string | undefined): void {
    const directive = name.toLowerCase();
    if (WITH_SECONDS.has(directive))
      return this.#addSeconds(directive, argument === undefined ? undefined : deltaSeconds(argument));
    // Directives that allow something count only as defined, without argument; those that forbid count whatever
    // argument they have.
    if (ALLOWING.has(directive) && argument !== undefined) return;
    this.#flags.add(directive);
  }

  // §4.2.1: of repeated values either the first counts or the response is stale; values that agree change nothing,
  // others make it stale.
  #addSeconds(directive: string, seconds: number | undefined): void {
    const earlier = this.#seconds.get(directive);
    this.#seconds.set(directive, seconds === undefined || (earlier !== undefined && earlier !== seconds) ? 0 : seconds);
  }

  result(): CacheControl {
    return {
      maxAge: this.#seconds.get("max-age"),
      sMaxage: this.#seconds.get("s-maxage"),
      staleWhileRevalidate: this.#seconds.get("stale-while-revalidate"),
      staleIfError: this.#seconds.get("stale-if-error"),
      noStore: this.#flags.has("no-store"),
      noCache: this.#flags.has("no-cache"),
      private: this.#flags.has("private"),
      public: this.#flags.has("public"),
      mustRevalidate: this.#flags.has("must-revalidate"),
      proxyRevalidate: this.#flags.has("proxy-revalidate"),
      mustUnderstand: this.#flags.has("must-understand"),
      immutable: this.#flags.has("immutable"),
      noTransform: this.#flags.has("no-transform"),
      malformed: false,
    };
  }
}

const WITH_SECONDS: ReadonlySet<string> = new Set(["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"]);
const ALLOWING: ReadonlySet<string> = new Set(["public", "must-understand", "immutable"]);

// §5.2: recipients ought to take both forms of an argument, token and quoted-string. No white space around "=".
const MEMBER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[^"\\]|\\.)*)"))?$/s;
