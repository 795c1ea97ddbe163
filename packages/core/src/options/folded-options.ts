/** Options that stand together, such as those in `limits`, laid beside the others, as the names they had before still
 * are. Knows where each was given, for messages; checks no value. */
import { optionError, warnOnce } from "../base/errors.js";
import { record, refuseUnknown } from "./option-checks.js";
import type { HttpOptions, Limits, ReportOptions, SafetyOptions, SecretOptions } from "./option-groups.js";
import type { DiskCacheOptions, PageCacheOptions } from "./options.js";
import type { CachePolicy, StaleRules } from "./policy-options.js";

const OF_CACHE = {
  limits: ["memory", "maxSize", "maxEntries", "minFree", "maxBody", "admission", "durability"],
  http: ["heuristic", "targetedFields", "honourRequest", "relaxed"],
  safety: ["hosts", "credentials", "allowPublicDir"],
  report: ["debugHeader", "serverTiming"],
  secret: ["encrypt"],
} as const satisfies {
  readonly limits: readonly (keyof Limits)[];
  readonly http: readonly (keyof HttpOptions)[];
  readonly safety: readonly (keyof SafetyOptions)[];
  readonly report: readonly (keyof ReportOptions)[];
  readonly secret: readonly (keyof SecretOptions)[];
};
const OF_POLICY = { stale: ["timeout", "grace", "keep"] } as const satisfies {
  readonly stale: readonly (keyof StaleRules)[];
};

/** What a group has the value in that can also be given in its place. */
const IN_PLACE: Readonly<Record<string, string>> = { secret: "keys", stale: "for" };

type Groups = Readonly<Record<string, readonly string[]>>;

/** Names that an option had before it was put into a group. */
export type FormerName = (typeof OF_CACHE)[keyof typeof OF_CACHE][number];
export type FormerPolicyName = (typeof OF_POLICY)[keyof typeof OF_POLICY][number];

const FORMER_POLICY_NAMES: ReadonlySet<string> = new Set(Object.values(OF_POLICY).flat());
const FORMER_NAMES: ReadonlySet<string> = new Set([...Object.values(OF_CACHE).flat(), ...FORMER_POLICY_NAMES]);

/** All options of a cache beside each other, but for those of a policy. */
export type FlatOptions<Req = unknown> = Omit<
  DiskCacheOptions<Req>,
  "dir" | "store" | "secret" | Exclude<keyof typeof OF_CACHE, "secret">
> &
  Pick<PageCacheOptions<Req>, "dir" | "store"> & { readonly secret?: SecretOptions["keys"] };

/** All options of a policy beside each other. */
export type FlatPolicy<Req = unknown> = Omit<CachePolicy<Req>, "stale"> &
  Pick<StaleRules, FormerPolicyName> & {
    readonly stale?: StaleRules["for"];
  };

export interface Unfolded<Flat> {
  readonly flat: Flat;
  /** How the caller has named an option: `limits.memory`, or `memory`. */
  readonly nameOf: (name: string) => string;
}

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when a group has something else in it, or says what is said beside
 * it */
export function unfolded<Req>(given: PageCacheOptions<Req>): Unfolded<FlatOptions<Req>> {
  return unfold("", given, OF_CACHE);
}

/** @param at stands before the names of options in messages
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` as `unfolded` does */
export function unfoldedPolicy<Req>(at: string, given: CachePolicy<Req>): Unfolded<FlatPolicy<Req>> {
  return unfold(at, given, OF_POLICY);
}

/** What is given under names of today. */
export function withoutFormer(given: object): object {
  return Object.fromEntries(Object.entries(given).filter(([name]) => !FORMER_NAMES.has(name)));
}

/** The same of a policy. */
export function policyWithoutFormer(given: object): object {
  return Object.fromEntries(Object.entries(given).filter(([name]) => !FORMER_POLICY_NAMES.has(name)));
}

function unfold(at: string, given: object, groups: Groups): Unfolded<object> {
  const flat: Record<string, unknown> = { ...given };
  const names = new Map<string, string>();
  for (const [group, members] of Object.entries(groups)) {
    const value = flat[group];
    const inPlace = IN_PLACE[group];
    const inside = value === undefined || isInPlace(inPlace, value) ? {} : record(at + group, value);
    const known = inPlace === undefined ? members : [inPlace, ...members];
    refuseUnknown(`${at}${group}.`, inside, new Set(known));
    for (const name of members) {
      const path = `${group}.${name}`;
      if (flat[name] !== undefined) tellFormer(at, name, path, inside[name]);
      else if (inside[name] !== undefined) {
        flat[name] = inside[name];
        names.set(name, path);
      }
    }
    if (isInPlace(inPlace, value)) continue;
    flat[group] = inPlace === undefined ? undefined : inside[inPlace];
    // Without its keys nothing would be sealed, and nothing would say so.
    if (group === "secret" && value !== undefined && flat[group] === undefined) flat[group] = null;
    if (value !== undefined && inPlace !== undefined) names.set(group, `${group}.${inPlace}`);
  }
  return { flat, nameOf: (name) => at + (names.get(name) ?? name) };
}

function isInPlace(inPlace: string | undefined, value: unknown): boolean {
  if (inPlace === undefined) return false;
  return typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array;
}

function tellFormer(at: string, name: string, path: string, inside: unknown): void {
  if (inside !== undefined) throw optionError(at + name, `nothing beside \`${path}\`, which says the same`, inside);
  const message = `option \`${name}\`: it is \`${path}\` now, and this name goes with one of the next versions`;
  warnOnce("DISKCACHE_DEPRECATED", name, () => message, "DeprecationWarning");
}
