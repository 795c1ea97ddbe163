/** What speaks to the developer: hints, outside of production, that a cache does not answer, why, and what cures it;
 * and a line for each request where `DISKCACHE_LOG` asks for it. Seen from outside it changes nothing, and it names
 * cookies and fields, never a value. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ForwardOrigin, ForwardOutcome, Observer, Watcher } from "../base/observer.js";
import { remedyFor } from "./reasons.js";

/** Requests without a hit until it is said. */
const MANY = 20;
/** Names that are listed of one reason. */
const MOST_NAMES = 8;
/** Node's channel for what an HTTP/1 server has answered. */
const ANSWERS = "http.server.response.finish";
const READ_ON = "docs/cache-status.md has every word";

interface Cause {
  readonly reason: string;
  readonly fwd: string;
  count: number;
  readonly names: Set<string>;
}

/** Each hint is given once; as soon as there is a hit, it sees no more requests. */
export class Hints implements Watcher {
  readonly #observer: Observer;
  readonly #causes = new Map<string, Cause>();
  /** Pages that were stored. */
  readonly #stored = new Set<string>();
  #counted = 0;
  #answers = 0;
  readonly #answered = (): void => this.#isAnswered();
  /** Whether requests come to any cache of this process: others may be for a few of them. */
  static #anyAsked = false;

  /** @param observer that it watches */
  constructor(observer: Observer) {
    this.#observer = observer;
    if (!Hints.#anyAsked) subscribe(ANSWERS, this.#answered);
  }

  hit(): void {
    this.#isAsked();
    this.end();
  }

  forward(
    _url: string,
    reason: string,
    detail: string | undefined,
    names: () => readonly string[],
    { own, leftAlone }: ForwardOrigin,
  ): void {
    this.#isAsked();
    if (!own && leftAlone && reason === "bypass") this.#count(detail ?? reason, reason, names);
  }

  stored(url: string, own: boolean): void {
    // One that was stored before has another key now, or was not found.
    if (own || !this.#stored.has(url)) this.#remember(url);
    else this.#count(KEY_DIFFERS, "uri-miss", () => []);
  }

  notStored(_url: string, reason: string, names: () => readonly string[], own: boolean): void {
    if (!own) this.#count(reason, "uri-miss", names);
  }

  /** Sees nothing any more. Idempotent. */
  end(): void {
    unsubscribe(ANSWERS, this.#answered);
    this.#observer.unwatch(this);
  }

  #remember(url: string): void {
    if (this.#stored.size < MANY * MANY) this.#stored.add(url);
  }

  #count(reason: string, fwd: string, names: () => readonly string[]): void {
    const cause = this.#causes.get(reason) ?? { reason, fwd, count: 0, names: new Set() };
    this.#causes.set(reason, cause);
    cause.count++;
    for (const name of names()) if (cause.names.size < MOST_NAMES) cause.names.add(name);
    if (++this.#counted < MANY) return;
    this.end();
    warn("DISKCACHE_NO_HITS", `${MANY} requests and no hit. ${READ_ON}.\n${this.#lines().join("\n")}`);
  }

  #lines(): string[] {
    const causes = [...this.#causes.values()].sort((one, other) => other.count - one.count);
    return causes.map(({ reason, fwd, count, names }) => {
      const about = names.size === 0 ? "" : ` (${[...names].map((name) => `\`${name}\``).join(", ")})`;
      const remedy = reason === KEY_DIFFERS ? COMPARE_KEYS : remedyFor(reason, fwd);
      return `  ${count} × ${reason}${about}${remedy === undefined ? "" : `: ${remedy}`}`;
    });
  }

  #isAnswered(): void {
    if (!Hints.#anyAsked && ++this.#answers < MANY) return;
    unsubscribe(ANSWERS, this.#answered);
    if (!Hints.#anyAsked) warn("DISKCACHE_NOT_ASKED", NOT_ASKED);
  }

  #isAsked(): void {
    if (Hints.#anyAsked) return;
    Hints.#anyAsked = true;
    unsubscribe(ANSWERS, this.#answered);
  }
}

const KEY_DIFFERS = "stored again";
const COMPARE_KEYS =
  "The page is stored and not found: its key differs from request to request. Compare `key.text` of `explain()`.";
const NOT_ASKED =
  `${MANY} requests were answered by this process, and none of them came to the cache: mount it ` +
  "before the routes (`app.use(cache)`). `cache.front(app)` plays what is stored, and stores nothing by itself.";

function warn(code: string, message: string): void {
  process.emitWarning(message, { type: "DiskCacheHintWarning", code });
}

/* A line on standard error for each request that comes to the cache. */

/** Of a line; as JSON these are its members. */
interface Line {
  readonly method: string;
  readonly url: string;
  readonly outcome: "hit" | "stale" | "collapsed" | "miss" | "bypass";
  readonly ms?: number;
  readonly stored?: boolean;
  readonly reason?: string;
  readonly names?: readonly string[];
  readonly remedy?: string;
}

export class RequestLog implements Watcher {
  readonly #format: (line: Line) => string;

  constructor(format: "text" | "json") {
    this.#format = format === "json" ? JSON.stringify : asText;
  }

  hit(url: string, stale: boolean, method: string): void {
    this.#write({ method, url, outcome: stale ? "stale" : "hit" });
  }

  collapsed(url: string, method: string): void {
    this.#write({ method, url, outcome: "collapsed" });
  }

  over({ method, url, reason: fwd, detail, stored, refusal, names, ms }: ForwardOutcome): void {
    const leftAlone = fwd === "bypass" || fwd === "method";
    const reason = stored ? undefined : (refusal ?? detail ?? (fwd === "method" ? fwd : undefined));
    const remedy = reason === undefined ? undefined : remedyFor(reason, fwd);
    this.#write({
      method,
      url,
      outcome: leftAlone ? "bypass" : "miss",
      ms: Math.round(ms * 10) / 10,
      stored,
      ...(reason !== undefined && { reason }),
      ...(names.length > 0 && { names }),
      ...(remedy !== undefined && { remedy }),
    });
  }

  end(): void {
    // What is still under way is told when it is over.
  }

  #write(line: Line): void {
    process.stderr.write(`${this.#format(line)}\n`);
  }
}

/** @example
 * GET /reports/7  miss  88 ms  not stored: set-cookie (`sid`) → Do not set cookies on pages. … */
function asText({ method, url, outcome, ms, stored, reason, names = [], remedy }: Line): string {
  const parts = [`${method} ${url}`, outcome];
  if (ms !== undefined) parts.push(`${ms < 10 ? ms : Math.round(ms)} ms`);
  if (stored === true) parts.push("stored");
  if (reason !== undefined) {
    const about = names.length === 0 ? "" : ` (${names.map((name) => `\`${name}\``).join(", ")})`;
    parts.push(`not stored: ${reason}${about}${remedy === undefined ? "" : ` → ${remedy}`}`);
  }
  return parts.join("  ");
}
