/** Compares what a handler read with what selects its page, and reports the difference: once for each route and
 * field. */
import type { Observer } from "../../base/observer.js";
import type { ResolvedPolicy } from "../../options/resolve-policy.js";
import { unkeyedReads } from "./covered.js";
import type { Selectors, Unkeyed } from "./covered.js";
import { EVERY } from "./reads.js";
import type { Reads } from "./reads.js";

/** How many reports in the life of a process: a flood of paths must not become a flood of warnings. */
const MOST_WARNINGS = 200;

/** What was read and selects nothing. */
export interface Findings {
  /** Anything by its name. */
  readonly named: boolean;
  /** All fields at once: reads from a copy of them cannot be observed. */
  readonly copied: boolean;
}

const NOTHING: Findings = Object.freeze({ named: false, copied: false });

export class Auditor {
  /** Whether what was read unkeyed keeps a response out of the cache. */
  readonly enforces: boolean;
  readonly #observer: Observer;
  readonly #told = new Set<string>();

  constructor(mode: "warn" | "enforce", observer: Observer) {
    this.enforces = mode === "enforce";
    this.#observer = observer;
  }

  /** Reports everything that was read and selects nothing. */
  finds(reads: Reads, by: Selectors, native: unknown): Findings {
    const found = unkeyedReads(reads, by);
    if (found.length === 0) return NOTHING;
    const asked = readByKey(reads, by.policy, native);
    const surprising = found.filter(({ kind, name }) => !(kind === "header" ? asked.fields : asked.cookies).has(name));
    const route = reads.route?.() ?? pathOf(by.request.target);
    const copies = reads.fields.has(EVERY);
    for (const unkeyed of surprising) this.#tell(route, unkeyed, by.request.target, copies);
    const copied = surprising.some(isEveryHeader);
    return { named: surprising.length > Number(copied), copied };
  }

  // A framework copies the fields of every request: one report for one of its routes says it for all.
  #tell(route: string, unkeyed: Unkeyed, url: string, copies: boolean): void {
    const { kind, name } = unkeyed;
    const mark = copies && name === EVERY ? `${kind} ${name}` : `${kind} ${name} ${route}`;
    if (this.#told.has(mark) || this.#told.size >= MOST_WARNINGS) return;
    this.#told.add(mark);
    const copied = isEveryHeader(unkeyed);
    const remedy = copied ? (this.enforces ? NAME_UNREAD : NAME_READ) : remedyFor(kind, name);
    this.#observer.audit({ route, url, kind, name, remedy, enforced: this.enforces });
    const message = copied
      ? `${route} goes through every request header, as others may (told once): what is read of a copy cannot be seen. ${remedy}`
      : `${route} reads ${what(kind, name)}, which does not select the page it makes: ${remedy}`;
    process.emitWarning(message, { type: "DiskCacheAuditWarning", code: "DISKCACHE_AUDIT" });
  }
}

// What the operator's own functions read is in the key through them.
function readByKey(reads: Reads, { keyFunction, partitions }: ResolvedPolicy, native: unknown): Reads {
  return reads.during(() => {
    for (const asks of keyFunction === undefined ? partitions : [...partitions, keyFunction]) {
      try {
        asks(native);
      } catch {
        // It answered before the handler ran; now it explains nothing.
      }
    }
  });
}

function isEveryHeader({ kind, name }: Unkeyed): boolean {
  return kind === "header" && name === EVERY;
}

const NAME_READ =
  "Name in `Vary`, `vary` or `key.headers` what pages are made from; what only logs or forwards the fields is better mounted before the cache";
const NAME_UNREAD =
  "Such a page is kept for requests that are alike in every field: name in `audit.ignore` those that no page is made from";

function what(kind: Unkeyed["kind"], name: string): string {
  const one = { header: "request header", cookie: "cookie", parameter: "ignored query parameter" }[kind];
  return name === "*" ? `every ${one}` : `${one} \`${name}\``;
}

function remedyFor(kind: Unkeyed["kind"], name: string): string {
  if (kind === "parameter") return "do not read it, or take it out of `key.query.ignore` (or into `key.query.only`)";
  if (kind === "cookie") {
    const key = name === "*" ? "their names" : `"${name}"`;
    return `put ${key} into \`cookies.key\`, tell clients apart by \`partition\`, or do not read it`;
  }
  return `name it in \`Vary\` (or \`vary: ["${name}"]\`) or in \`key.headers\`, or do not read it`;
}

function pathOf(target: string): string {
  const mark = target.indexOf("?");
  return mark < 0 ? target : target.slice(0, mark);
}
