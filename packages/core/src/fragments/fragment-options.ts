/** How a fragment is asked for, and the one place where that is checked. */
import { optionError } from "../base/errors.js";
import { record, refuseUnknown, strings } from "../options/option-checks.js";
import { durationSeconds } from "../base/units.js";
import type { Duration } from "../base/units.js";

/** How a fragment is kept. */
export interface FragmentOptions {
  /** How long it is kept: a duration in seconds or as text; `null` for ever; `0` not at all.
   * @default the `ttl` of the cache; without one, five minutes */
  readonly ttl?: Duration | null;
  /** Labels by which `purgeTag()` finds it, and every page that contains it.
   * @default [] */
  readonly tags?: readonly string[];
}

/** What a fragment differs by: a value, or several. */
export type VaryOn = FragmentValue | readonly FragmentValue[];
export type FragmentValue = string | number | bigint | boolean | null | undefined;

/** Asks for a fragment: what is stored under its name and values, or what `render` makes. */
export type UseFragment = <Output extends string | Buffer>(
  name: string,
  varyOn: VaryOn,
  options: FragmentOptions | Duration,
  render: (inside: InsideFragment) => Output | Promise<Output>,
) => Promise<Output>;

/** What is known while a fragment is made. */
export interface InsideFragment {
  /** Labels the fragment with what turned up while it was made. */
  tag(...tags: readonly string[]): InsideFragment;
  /** A fragment inside this one, which takes on its labels. */
  readonly fragment: UseFragment;
}

export interface ResolvedFragmentOptions {
  /** Seconds; `Infinity` for ever. */
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
export function fragmentName(name: unknown): string {
  if (typeof name !== "string" || name === "") throw optionError("name", "a non-empty string", name);
  return name;
}
