/** Options that stand together, `limits` and `http`, laid beside the others, as the names they had before still are.
 * Knows where each was given, for messages; checks no value. */
import { optionError, warnOnce } from "../base/errors.js";
import { record, refuseUnknown } from "./option-checks.js";
import type { DiskCacheOptions, HttpOptions, Limits, PageCacheOptions } from "./options.js";

const GROUPS = {
  limits: ["memory", "maxSize", "maxEntries", "minFree", "maxBody", "admission", "durability"],
  http: ["heuristic", "targetedFields", "honourRequest", "relaxed"],
} as const satisfies { readonly limits: readonly (keyof Limits)[]; readonly http: readonly (keyof HttpOptions)[] };

type Group = keyof typeof GROUPS;

/** Names that an option had before it was put into a group. */
export type FormerName = (typeof GROUPS)[Group][number];

export const FORMER_NAMES: ReadonlySet<string> = new Set(Object.values(GROUPS).flat());

/** All options beside each other. */
export type FlatOptions<Req = unknown> = Omit<DiskCacheOptions<Req>, "dir" | "store" | Group> &
  Pick<PageCacheOptions<Req>, "dir" | "store">;

export interface Unfolded<Req> {
  readonly flat: FlatOptions<Req>;
  /** How the caller has named an option: `limits.memory`, or `memory`. */
  readonly nameOf: (name: string) => string;
}

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when a group has something else in it, or says what is said beside
 * it */
export function unfolded<Req>(given: PageCacheOptions<Req>): Unfolded<Req> {
  const flat: Record<string, unknown> = { ...given };
  const names = new Map<string, string>();
  for (const [group, members] of Object.entries(GROUPS)) {
    const inside = flat[group] === undefined ? {} : record(group, flat[group]);
    refuseUnknown(`${group}.`, inside, new Set(members));
    for (const name of members) {
      const path = `${group}.${name}`;
      if (flat[name] !== undefined) tellFormer(name, path, inside[name]);
      else if (inside[name] !== undefined) {
        flat[name] = inside[name];
        names.set(name, path);
      }
    }
    delete flat[group];
  }
  return { flat, nameOf: (name) => names.get(name) ?? name };
}

function tellFormer(name: string, path: string, inside: unknown): void {
  if (inside !== undefined) throw optionError(name, `nothing beside \`${path}\`, which says the same`, inside);
  const message = `option \`${name}\`: it is \`${path}\` now, and this name goes with one of the next versions`;
  warnOnce("DISKCACHE_DEPRECATED", name, () => message, "DeprecationWarning");
}
