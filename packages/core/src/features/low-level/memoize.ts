/** Functions whose results are stored in the low-level cache: by name and arguments, for every process. */
import { hash } from "node:crypto";
import { optionError } from "../../base/errors.js";
import { optionalFunction, record, refuseUnknown, strings } from "../../options/option-checks.js";
import type { StoreOptions, ValueLifetime } from "./file-cache-options.js";
import { valueCodec } from "./value-codec.js";

/** How results are stored. `Args` are the function's arguments. */
export interface MemoizeOptions<Args extends readonly unknown[] = readonly unknown[]> {
  /** The name of the function in the directory: another function under the same name would get its results.
   * @default the function's own name
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when the function has none, or another one uses it already */
  readonly name?: string;
  /** How long a result lives. A duration in seconds or as text; `null` for ever.
   * @default the `ttl` of the cache */
  readonly ttl?: ValueLifetime;
  /** Labels by which `purge({ tag })` finds a result, and pages that carry them: a list, or a function of the
   * arguments. */
  readonly tags?: readonly string[] | ((...args: Args) => readonly string[]);
  /** What identifies a call, instead of all arguments: for arguments that cannot be stored, or do not matter. */
  readonly key?: (...args: Args) => string | number;
}

/** Where results are stored. */
export interface MemoizedIn {
  getOrSet<Value>(key: string, producer: () => Value | Promise<Value>, options: StoreOptions): Promise<Value>;
}

/** Names in use by functions. */
type Names = Set<string>;

const NAMES: ReadonlySet<string> = new Set(["name", "ttl", "tags", "key"]);

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
export function memoize<Args extends readonly unknown[], Value>(
  cache: MemoizedIn,
  taken: Names,
  fn: (...args: Args) => Value | Promise<Value>,
  options: MemoizeOptions<Args> = {},
): (...args: Args) => Promise<Value> {
  if (typeof fn !== "function") throw optionError("fn", "a function", fn);
  refuseUnknown("memoize.", record("memoize", options), NAMES);
  const { ttl, tags, key } = options;
  optionalFunction("memoize.key", key);
  const labels = typeof tags === "function" ? tags : always(strings("memoize.tags", tags ?? []));
  const before = `memoize:${encodeURIComponent(takeName(taken, options.name ?? fn.name))}:`;
  return async (...args) => {
    const call = key === undefined ? `args:${digest(args)}` : `key:${key(...args)}`;
    const storing = { tags: labels(...args), ...(ttl !== undefined && { ttl }) };
    return cache.getOrSet(before + call, () => fn(...args), storing);
  };
}

function takeName(taken: Names, name: unknown): string {
  if (typeof name !== "string" || name === "")
    throw optionError("memoize.name", "a name, because the function has none", name);
  if (taken.has(name)) throw optionError("memoize.name", "a name that no other memoized function has", name);
  taken.add(name);
  return name;
}

// The codec distinguishes all values that it can store, and refuses the rest: functions, symbols, errors.
function digest(args: readonly unknown[]): string {
  return hash("sha256", valueCodec.encode(args));
}

function always<Value>(value: Value): () => Value {
  return () => value;
}
