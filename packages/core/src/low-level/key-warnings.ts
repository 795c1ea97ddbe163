/** Says once of every kind of key that other caches of this kind may not take it. It works here all the same. */
import { keyComplaint } from "./value-key.js";
import type { CacheKey } from "./value-key.js";

const SHOWN_CHARACTERS = 80;

export class KeyWarnings {
  readonly #given = new Set<string>();

  check(key: CacheKey): void {
    const complaint = keyComplaint(key);
    if (complaint === undefined || this.#given.has(complaint)) return;
    this.#given.add(complaint);
    const shown = JSON.stringify(String(key).slice(0, SHOWN_CHARACTERS));
    process.emitWarning(`the cache key ${shown} ${complaint}: other caches may not take it`, {
      type: "CacheKeyWarning",
      code: "DISKCACHE_KEY",
    });
  }
}
