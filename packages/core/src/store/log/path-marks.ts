/** Which patterns of paths were purged, and when last. Finds those that name a page by the beginnings of its path, so
 * that what a look costs grows with the depth of the path and not with the number of patterns. Reads no file and no
 * clock. */
import { matchesPath, pathPattern, pathReadings } from "../../base/path-pattern.js";
import type { PathPattern } from "../../base/path-pattern.js";
import type { EntryHead, LogPosition, PathSelector } from "../contract.js";

/** Patterns that begin with the same segments, and differ only behind a star. Beyond that the oldest are dropped, and
 * everything below these segments counts as purged when the newest of those was: it names more. */
const MOST_ALIKE = 100;

interface PathMark {
  readonly selector: PathSelector;
  readonly pattern: PathPattern;
  position: LogPosition;
}

/** By scope and text. */
type Alike = Map<string, PathMark>;

export class PathMarks {
  /** By the segments before the first star, which a path has to begin with. */
  readonly #byBeginning = new Map<string, Alike>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(given: PathSelector, position: LogPosition): void {
    const [selector, pattern] = readable(given);
    const beginning = beginningOf(pattern);
    const alike = this.#byBeginning.get(beginning) ?? new Map<string, PathMark>();
    this.#byBeginning.set(beginning, alike);
    const text = `${selector.scope ?? ""} ${selector.path}`;
    const known = alike.get(text);
    if (known === undefined) {
      alike.set(text, { selector, pattern, position });
      this.#size++;
      if (alike.size > MOST_ALIKE && !isWhole(pattern)) this.#merge(alike, beginning);
    } else if (position > known.position) known.position = position;
  }

  /** Whether one names an entry that was born at or before it. */
  matches({ scope, name, birth }: Pick<EntryHead, "scope" | "name" | "birth">): boolean {
    // Only pages have a path.
    if (!name.startsWith("/")) return false;
    const readings = pathReadings(name);
    const isNamed = (mark: PathMark): boolean =>
      mark.position >= birth && (mark.selector.scope === undefined || mark.selector.scope === scope);
    // What such a path means is unknown, so every pattern may mean it.
    if (readings === undefined) return [...this.#marks()].some(isNamed);
    return readings.some((path) => {
      let beginning = "";
      for (let depth = 0; depth <= path.length; depth++) {
        if (depth > 0) beginning += `/${path[depth - 1]!}`;
        for (const mark of this.#byBeginning.get(beginning)?.values() ?? [])
          if (isNamed(mark) && matchesPath(mark.pattern, path)) return true;
      }
      return false;
    });
  }

  *marks(): Iterable<{ readonly selector: PathSelector; readonly position: LogPosition }> {
    yield* this.#marks();
  }

  forgetBefore(floor: LogPosition): void {
    for (const [beginning, alike] of this.#byBeginning) {
      for (const [text, { position }] of alike) {
        if (position < floor && alike.delete(text)) this.#size--;
      }
      if (alike.size === 0) this.#byBeginning.delete(beginning);
    }
  }

  *#marks(): Iterable<PathMark> {
    for (const alike of this.#byBeginning.values()) yield* alike.values();
  }

  // The same patterns in the same order give the same marks, in every process.
  #merge(alike: Alike, beginning: string): void {
    let oldest: [string, PathMark] | undefined;
    for (const one of alike) {
      if (!isWhole(one[1].pattern) && one[1].position < (oldest?.[1].position ?? Infinity)) oldest = one;
    }
    if (oldest === undefined) return;
    const [text, { selector, position }] = oldest;
    alike.delete(text);
    this.#size--;
    this.add({ kind: "path", path: `${beginning}/**`, scope: selector.scope }, position);
  }
}

// A pattern that another version can read, and this one cannot, names every page.
function readable(selector: PathSelector): readonly [PathSelector, PathPattern] {
  const pattern = pathPattern(selector.path);
  return pattern === undefined ? [{ ...selector, path: "/**" }, ["**"]] : [selector, pattern];
}

function beginningOf(pattern: PathPattern): string {
  const star = pattern.findIndex((segment) => segment === "**" || segment.length > 1);
  const literal = star < 0 ? pattern : pattern.slice(0, star);
  return literal.map((segment) => `/${segment[0]}`).join("");
}

// Its segments before the star, and everything below them.
function isWhole(pattern: PathPattern): boolean {
  const star = pattern.findIndex((segment) => segment === "**" || segment.length > 1);
  return star === pattern.length - 1 && pattern[star] === "**";
}
