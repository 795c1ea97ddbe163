/** What the invalidation log has purged so far, in memory: the last position at which each selector was purged. Reads
 * no file and no clock. */
import type { EntryHead, LogPosition, PathSelector, PurgeSelector } from "../contract.js";
import { PathMarks } from "./path-marks.js";

/** What the log says of an entry. */
export const ALIVE = 0;
export const SOFT_PURGED = 1;
export const PURGED = 2;
export type Verdict = typeof ALIVE | typeof SOFT_PURGED | typeof PURGED;

/** What purges compare. */
export type Purgeable = Pick<EntryHead, "scope" | "name" | "tags" | "birth">;

/** One selector and the last position at which it was purged. */
export interface Mark {
  readonly selector: PurgeSelector | PathSelector;
  readonly soft: boolean;
  readonly position: LogPosition;
}

export class PurgeMarks {
  readonly #hard = new MarkSet(false);
  readonly #soft = new MarkSet(true);

  /** Selectors remembered. */
  get size(): number {
    return this.#hard.size + this.#soft.size;
  }

  add(selector: PurgeSelector | PathSelector, soft: boolean, position: LogPosition): void {
    (soft ? this.#soft : this.#hard).add(selector, position);
  }

  /** A record invalidates what was born at or before its own position: an entry born later was begun after the
   * purge. */
  verdict(head: Purgeable): Verdict {
    if (this.#hard.matches(head)) return PURGED;
    return this.#soft.matches(head) ? SOFT_PURGED : ALIVE;
  }

  /** Every mark at or after `floor`, oldest first. */
  from(floor: LogPosition): Mark[] {
    return [...this.#hard.marks(), ...this.#soft.marks()]
      .filter((mark) => mark.position >= floor)
      .sort((a, b) => a.position - b.position);
  }

  /** Drops marks that can no longer match, because nothing born before `floor` is valid. */
  forgetBefore(floor: LogPosition): void {
    this.#hard.forgetBefore(floor);
    this.#soft.forgetBefore(floor);
  }

  clear(): void {
    this.forgetBefore(Infinity);
  }
}

/** Whether an entry is one of those that a purge by these selectors, made now, would leave invalid. */
export function namedBy(selectors: readonly (PurgeSelector | PathSelector)[]): (head: Purgeable) => boolean {
  const marks = new PurgeMarks();
  // Whatever is stored was born before a purge that is still to come.
  for (const selector of selectors) marks.add(selector, false, Infinity);
  return (head) => marks.verdict(head) !== ALIVE;
}

interface Position {
  readonly selector: PurgeSelector;
  position: LogPosition;
}

class MarkSet {
  readonly #soft: boolean;
  /** Exact selectors by their text. */
  readonly #exact = new Map<string, Position>();
  /** Prefixes by their text, and the lengths they have: a name is cut to each of these lengths and looked up. */
  readonly #prefixes = new Map<string, Position>();
  readonly #prefixLengths = new Set<number>();
  readonly #paths = new PathMarks();
  /** Position of the newest mark: what was born after it needs no lookup. */
  #newest = -1;

  constructor(soft: boolean) {
    this.#soft = soft;
  }

  get size(): number {
    return this.#exact.size + this.#prefixes.size + this.#paths.size;
  }

  add(selector: PurgeSelector | PathSelector, position: LogPosition): void {
    if (position > this.#newest) this.#newest = position;
    if (selector.kind === "path") return this.#paths.add(selector, position);
    const marks = selector.kind === "prefix" ? this.#prefixes : this.#exact;
    const text = textOf(selector);
    const known = marks.get(text);
    if (known !== undefined) {
      if (position > known.position) known.position = position;
      return;
    }
    marks.set(text, { selector, position });
    this.#countLength(selector);
  }

  matches(head: Purgeable): boolean {
    const { birth, scope, name } = head;
    if (this.#newest < birth) return false;
    if (this.#covers(ALL, birth) || this.#covers(inScope(scope), birth)) return true;
    if (this.#covers(named(name, undefined), birth) || this.#covers(named(name, scope), birth)) return true;
    for (const tag of head.tags) if (this.#covers(tagged(tag), birth)) return true;
    for (const length of this.#prefixLengths) {
      if (length > name.length) continue;
      const prefix = name.slice(0, length);
      if (this.#coversPrefix(named(prefix, undefined), birth) || this.#coversPrefix(named(prefix, scope), birth))
        return true;
    }
    return this.#paths.size > 0 && this.#paths.matches(head);
  }

  *marks(): Iterable<Mark> {
    for (const marks of [this.#exact, this.#prefixes]) {
      for (const { selector, position } of marks.values()) yield { selector, soft: this.#soft, position };
    }
    for (const { selector, position } of this.#paths.marks()) yield { selector, soft: this.#soft, position };
  }

  forgetBefore(floor: LogPosition): void {
    for (const marks of [this.#exact, this.#prefixes]) {
      for (const [text, mark] of marks) if (mark.position < floor) marks.delete(text);
    }
    this.#paths.forgetBefore(floor);
    this.#prefixLengths.clear();
    for (const { selector } of this.#prefixes.values()) this.#countLength(selector);
    if (this.#newest < floor) this.#newest = -1;
  }

  #countLength(selector: PurgeSelector): void {
    if (selector.kind === "prefix") this.#prefixLengths.add(selector.prefix.length);
  }

  #covers(text: string, birth: LogPosition): boolean {
    const mark = this.#exact.get(text);
    return mark !== undefined && mark.position >= birth;
  }

  #coversPrefix(text: string, birth: LogPosition): boolean {
    const mark = this.#prefixes.get(text);
    return mark !== undefined && mark.position >= birth;
  }
}

const ALL = "all";
const inScope = (scope: string): string => `scope:${scope}`;
const tagged = (tag: string): string => `tag:${tag}`;
// The length of the scope distinguishes ("a", "bc") from ("ab", "c").
const named = (name: string, scope: string | undefined): string =>
  scope === undefined ? `any:${name}` : `in:${scope.length}:${scope}${name}`;

function textOf(selector: PurgeSelector): string {
  switch (selector.kind) {
    case "all":
      return ALL;
    case "scope":
      return inScope(selector.scope);
    case "tag":
      return tagged(selector.tag);
    case "name":
      return named(selector.name, selector.scope);
    case "prefix":
      return named(selector.prefix, selector.scope);
  }
}
