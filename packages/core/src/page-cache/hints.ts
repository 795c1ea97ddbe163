/** Tells the developer, outside of production and once each, that a cache does not answer, why, and what cures it. Seen
 * from outside it changes nothing, and as soon as there is a hit it sees no more requests. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ForwardOrigin, Observer, Watcher } from "../base/observer.js";
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

  /** @param observer whose watcher it becomes */
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
    if (this.#observer.watcher === this) this.#observer.watcher = undefined;
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
