/** How a fragment is requested, and the one place where that is checked. */
import { hash } from "node:crypto";
import { optionError } from "../../base/errors.js";
import { durationSeconds } from "../../base/units.js";
import type { Duration } from "../../base/units.js";
import { record, refuseUnknown, strings } from "../../options/option-checks.js";

/** How a fragment is stored. */
export interface FragmentOptions {
  /** How long it is stored: a duration in seconds or as text; `null` forever; `0` not at all.
   * @default the `ttl` of the cache; without one, five minutes */
  readonly ttl?: Duration | null;
  /** Labels by which `purgeTag()` finds it, and every page that contains it.
   * @default [] */
  readonly tags?: readonly string[];
}

/** What a fragment varies on: a value, or several. */
export type VaryOn = FragmentValue | readonly FragmentValue[];
export type FragmentValue = string | number | bigint | boolean | null | undefined;

/** Requests a fragment: what is stored under its name and values, or what `render` makes. */
export type UseFragment = <Output extends string | Buffer>(
  name: string,
  varyOn: VaryOn,
  options: FragmentOptions | Duration,
  render: (inside: InsideFragment) => Output | Promise<Output>,
) => Promise<Output>;

/** What is known while a fragment is made. */
export interface InsideFragment {
  /** Labels the fragment with tags that became known while it was made. */
  tag(...tags: readonly string[]): InsideFragment;
  /** A fragment inside this one, which takes on its labels. */
  readonly fragment: UseFragment;
}

export interface ResolvedFragmentOptions {
  /** Seconds; `Infinity` forever. */
  readonly ttl: number;
  readonly tags: readonly string[];
}

const DEFAULT_TTL = 300;
const NAMES: ReadonlySet<string> = new Set(["ttl", "tags"] satisfies readonly (keyof FragmentOptions)[]);

/** @param cacheTtl the cache's own, in seconds
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
export function resolveFragmentOptions(
  given: FragmentOptions | Duration,
  cacheTtl: number | undefined,
): ResolvedFragmentOptions {
  if (typeof given === "string" || typeof given === "number") return { ttl: durationSeconds("ttl", given), tags: [] };
  const options = record("options", given) as FragmentOptions;
  refuseUnknown("", options, NAMES);
  const { ttl, tags } = options;
  return {
    ttl: ttl === null ? Infinity : ttl === undefined ? (cacheTtl ?? DEFAULT_TTL) : durationSeconds("ttl", ttl),
    tags: tags === undefined ? [] : strings("tags", tags),
  };
}

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
function fragmentName(name: unknown): string {
  if (typeof name !== "string" || name === "") throw optionError("name", "a non-empty string", name);
  return name;
}

/* The key of a fragment in the store. Parts carry their kind and their length, so that no name or value can pass for
 * another, nor a fragment for a page. */

/** The group of all fragments. A host of a page has no capital letters: a purge of one never matches the other. */
export const FRAGMENT_SCOPE = "Fragments";

/** Longer texts are replaced by their digest. */
const LONGEST_PLAIN = 1024;
const HALF_A_PAIR = /\p{Surrogate}/u;
const KINDS: ReadonlySet<string> = new Set(["string", "number", "bigint", "boolean", "undefined"]);

/** @param version of the application that makes it
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for a name or a value that is not valid
 * @example
 * fragmentKey("sidebar", ["de", 7]); // "fragment 7:sidebar string 2:de number 1:7 " */
export function fragmentKey(name: string, varyOn: VaryOn, version?: string): string {
  const values: readonly unknown[] = Array.isArray(varyOn) ? varyOn : [varyOn];
  const made = version === undefined ? "" : `version ${part(version)}`;
  return `fragment ${part(fragmentName(name))}${values.map(valuePart).join("")}${made}`;
}

function valuePart(value: unknown): string {
  const kind = value === null ? "null" : typeof value;
  if (value !== null && !KINDS.has(kind))
    throw optionError("varyOn", "texts, numbers, booleans, null or undefined", value);
  return `${kind} ${part(String(value))}`;
}

// The digest covers every code unit: a lone surrogate has no bytes of its own in UTF-8. Its letters keep it apart from
// a length.
function part(text: string): string {
  if (text.length <= LONGEST_PLAIN && !HALF_A_PAIR.test(text)) return `${text.length}:${text} `;
  return `sha256:${hash("sha256", Buffer.from(text, "utf16le"))} `;
}
