/** The options of a low-level cache and of its calls, their defaults, and the one place where they are checked. */
import { resolve } from "node:path";
import { SteadyClock } from "../../base/clock.js";
import type { Clock } from "../../base/clock.js";
import { optionError } from "../../base/errors.js";
import {
  boolean,
  diskSpace,
  encryption,
  oneOf,
  optionalFunction,
  place,
  positiveInteger,
  record,
  refuseUnknown,
  secrets,
  strings,
  unaskedBounds,
} from "../../options/option-checks.js";
import type { Place } from "../../options/option-checks.js";
import type { OpenStore } from "../../store/contract.js";
import type { Tier } from "../../tier/contract.js";
import { resolveTier } from "../../tier/settings.js";
import type { ResolvedTier } from "../../tier/settings.js";
import { durationSeconds, sizeBytes } from "../../base/units.js";
import type { Duration, Size } from "../../base/units.js";
import { valueCodec } from "./value-codec.js";
import type { ValueCodec } from "./value-codec.js";
import type { KeyFunction } from "./value-key.js";

/** How long a value lives: a duration, in seconds or as text; `null` for ever; 0 or less expires at once. */
export type ValueLifetime = Duration | null;

/** Options of `new FileCache()`. Only `dir` is needed. */
export interface FileCacheOptions {
  /** Directory of the values; made when missing, with mode 0700. Any number of processes of one machine may share it.
   * A page cache may use the same directory: they share purges and bounds. A path; relative ones are resolved from the
   * working directory at creation.
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when missing or empty; with `strict`, `ERR_DISKCACHE_DIRECTORY`
   * when it cannot be used
   * @example new FileCache({ dir: ".cache/values" }) */
  readonly dir: string;
  readonly store?: undefined;
  /** Lifetime of a value that is stored without its own. A duration in seconds or as text; `null` for ever.
   * @default 300
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when neither a duration nor `null`
   * @example new FileCache({ dir: ".cache/values", ttl: "1h" }) */
  readonly ttl?: ValueLifetime;
  /** Keeps the values of several applications in one directory apart. A string of any characters.
   * @default ""
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a string
   * @example new FileCache({ dir: ".cache/values", keyPrefix: "shop" }) */
  readonly keyPrefix?: string;
  /** Version of the keys that are used without one. A whole number.
   * @default 1
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a whole number
   * @example new FileCache({ dir: ".cache/values", version: 2 }) */
  readonly version?: number;
  /** Makes the key on disk from key, prefix and version, instead of the unambiguous one that is the default.
   * @default undefined
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a function
   * @example
   * const keyFunction: KeyFunction = (key, prefix, version) => `${prefix}:${version}:${key}`;
   * new FileCache({ dir: ".cache/values", keyFunction }) */
  readonly keyFunction?: KeyFunction;
  /** Files (inodes) that everything in the directory together may take; up to this number nothing is evicted. A whole
   * number.
   * @default 1000000
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a whole number above 0
   * @example new FileCache({ dir: ".cache/values", maxEntries: 50_000 }) */
  readonly maxEntries?: number;
  /** How much is evicted when a bound is reached: one part in this many, least recently used first; `0` evicts
   * everything. A whole number.
   * @default undefined: a tenth
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a whole number of at least 0
   * @example new FileCache({ dir: ".cache/values", maxEntries: 300, cullFrequency: 3 }) */
  readonly cullFrequency?: number;
  /** Disk space that everything in the directory together may take, counted in allocated blocks. A size of 4 KiB or
   * more; below 64 KiB little is kept.
   * @default "1gb"
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a size, or less
   * @example new FileCache({ dir: ".cache/values", maxSize: "5gb" }) */
  readonly maxSize?: Size;
  /** Free space to leave on the file system, and the same share of its inodes; below it nothing is stored until
   * eviction has made room. A size; `0` asks nothing of the file system.
   * @default "64mb", or an eighth of the file system where that is less
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a size
   * @example new FileCache({ dir: ".cache/values", minFree: "1gb" }) */
  readonly minFree?: Size;
  /** Memory for the values asked for most, per process; unused while another process has the directory open. A size;
   * `0` turns it off.
   * @default 0
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a size
   * @example new FileCache({ dir: ".cache/values", memory: "32mb" }) */
  readonly memory?: Size;
  /** Whether a file is flushed to the device before it becomes visible.
   * @default "none"
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when neither "none" nor "fsync"
   * @example new FileCache({ dir: ".cache/values", durability: "fsync" }) */
  readonly durability?: "none" | "fsync";
  /** Turns values into bytes and back, instead of the built-in codec. Values stored with another codec are misses.
   * @default undefined: JSON, with Buffer, Map, Set, Date, BigInt, typed arrays and `undefined`
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when it has no `encode()` and `decode()`
   * @example
   * const codec: ValueCodec = { encode: (value) => v8.serialize(value), decode: (bytes) => v8.deserialize(bytes) };
   * new FileCache({ dir: ".cache/values", codec }) */
  readonly codec?: ValueCodec;
  /** Fails where the default is a miss. At creation: when the directory cannot be used, which is checked by writing
   * and removing a file there, or when its file system is too small for the `minFree` or `maxSize` given. Later: when
   * the file system refuses, or a value is damaged or could not be stored.
   * @default false
   * @throws {DiskCacheError} `ERR_DISKCACHE_DIRECTORY`, `ERR_DISKCACHE_STORE_IO`, `ERR_DISKCACHE_CORRUPT_ENTRY`,
   * `ERR_DISKCACHE_NOT_STORED`
   * @example new FileCache({ dir: "/var/cache/app", strict: true }) */
  readonly strict?: boolean;
  /** Accepts a directory under a name such as `public`, whose files a web server may serve.
   * @default false
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a boolean
   * @example new FileCache({ dir: "/srv/public/cache", allowPublicDir: true }) */
  readonly allowPublicDir?: boolean;
  /** Seals every stored file with HMAC-SHA-256 under keys derived from this secret. Without the secret, write access
   * to the directory is not enough to forge a value, change one, or put one in the place of another. A file that is
   * not sealed with it, or with another of the list, is a miss and is removed. A string or Buffer of 16 bytes or more,
   * or a list of them to change the secret without losing the cache: the first seals, each opens. All caches that
   * share the directory need the same secrets.
   * @default undefined: files are checked for damage, not for forgery
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when it is not that, or shorter; the message does not show it
   * @example new FileCache({ dir: ".cache/values", secret: process.env["CACHE_SECRET"]! }) */
  readonly secret?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** Also encrypt every stored file with AES-256-GCM, under a key of its own.
   * @default false
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a boolean, or without `secret`
   * @example new FileCache({ dir: ".cache/values", secret: process.env["CACHE_SECRET"]!, encrypt: true }) */
  readonly encrypt?: boolean;
  /** Share purges of tags, and `clear()`, with other machines, and take over what they purge: see the option `tier` of
   * page caches. Values stay on the machine that has stored them.
   * @default undefined: purges reach the processes that share the directory
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when it is not what `redisTier()` returns
   * @example new FileCache({ dir: ".cache/values", tier: redisTier({ client: new Redis(), name: "shop" }) }) */
  readonly tier?: Tier;
  /** Where the time comes from; tests move it by hand.
   * @default the machine's clock, which continues when it is set back
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when it has no `now()`
   * @example new FileCache({ dir: ".cache/values", clock: { now: () => fakeNow } }) */
  readonly clock?: Clock;
}

type ValueDirectoryOption =
  | "dir"
  | "maxEntries"
  | "cullFrequency"
  | "maxSize"
  | "minFree"
  | "memory"
  | "durability"
  | "allowPublicDir"
  | "secret"
  | "encrypt"
  | "tier";

/** Options of a low-level cache with a store of your own. */
export interface GivenValueStoreOptions
  extends
    Omit<FileCacheOptions, ValueDirectoryOption | "store">,
    Readonly<Partial<Record<ValueDirectoryOption, undefined>>> {
  /** In place of `dir`: opens a store of your own that keeps the contract `Store`. Its bounds are its own, so nothing
   * about a directory may stand beside it. Caches that are given the same function share purges.
   * @default undefined: files in `dir`
   * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when not a function, when what it returns lacks something of the
   * contract, or beside such an option
   * @example new FileCache({ store: openStore, ttl: "5m" }) */
  readonly store: OpenStore;
}

/** Options of `new FileCache()`: with a directory, or with a store of your own. */
export type ValueCacheOptions = FileCacheOptions | GivenValueStoreOptions;

/** Which version of a key is meant. */
export interface VersionOption {
  /** @default the cache's own */
  readonly version?: number;
}

/** How a value is stored. */
export interface StoreOptions extends VersionOption {
  /** @default the cache's own */
  readonly ttl?: ValueLifetime;
  /** Labels by which `purgeTag()` finds it, here and in a page cache on the same directory.
   * @default [] */
  readonly tags?: readonly string[];
}

export interface GetOptions<Value> extends VersionOption {
  /** The result of a miss. A stored `null` or `undefined` is not a miss.
   * @default undefined */
  readonly default?: Value;
}

export interface TouchOptions extends VersionOption {
  /** The new lifetime, from now. @default the cache's own */
  readonly ttl?: ValueLifetime;
}

export interface ResolvedFileCacheOptions {
  readonly place: Place;
  /** Seconds; `Infinity` for ever. */
  readonly ttl: number;
  readonly keyPrefix: string;
  readonly version: number;
  readonly keyFunction: KeyFunction | undefined;
  readonly maxEntries: number;
  /** The share of a bound at which eviction stops. */
  readonly evictTo: number | undefined;
  readonly maxSize: number;
  readonly minFree: number;
  /** Those of `minFree` and `maxSize` that are only defaults. */
  readonly unasked: ReturnType<typeof unaskedBounds>;
  readonly memoryBytes: number;
  readonly durability: "none" | "fsync";
  readonly codec: ValueCodec;
  /** Stored with each value, so that one codec never reads what another wrote. */
  readonly codecName: string;
  readonly strict: boolean;
  readonly allowPublicDir: boolean;
  readonly secrets: readonly Buffer[] | undefined;
  readonly encrypt: boolean;
  /** How purges are shared with other machines. */
  readonly tier: ResolvedTier | undefined;
  readonly clock: Clock;
}

const DEFAULTS = Object.freeze({
  ttl: 300,
  version: 1,
  maxEntries: 1_000_000,
  maxSize: "1gb",
  minFree: "64mb",
} as const);

const OF_DIRECTORY = [
  "dir",
  "maxEntries",
  "cullFrequency",
  "maxSize",
  "minFree",
  "memory",
  "durability",
  "allowPublicDir",
  "secret",
  "encrypt",
  "tier",
] as const satisfies readonly ValueDirectoryOption[];

const NAMES: ReadonlySet<string> = new Set([
  ...OF_DIRECTORY,
  "store",
  "ttl",
  "keyPrefix",
  "version",
  "keyFunction",
  "codec",
  "strict",
  "clock",
] satisfies readonly (keyof FileCacheOptions)[]);

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the option, the value and what was expected */
export function resolveFileCacheOptions(given: ValueCacheOptions): ResolvedFileCacheOptions {
  refuseUnknown("", record("options", given), NAMES);
  const { keyPrefix, clock, codec, cullFrequency } = given;
  const where = place(given, OF_DIRECTORY);
  if (keyPrefix !== undefined && typeof keyPrefix !== "string") throw optionError("keyPrefix", "a string", keyPrefix);
  if (clock !== undefined && typeof clock?.now !== "function")
    throw optionError("clock", "an object with a function now()", clock);
  if (codec !== undefined && (typeof codec?.encode !== "function" || typeof codec.decode !== "function"))
    throw optionError("codec", "an object with functions encode() and decode()", codec);
  return Object.freeze({
    place: where.dir === undefined ? where : { ...where, dir: resolve(where.dir) },
    ttl: lifetimeSeconds("ttl", given.ttl, DEFAULTS.ttl),
    keyPrefix: keyPrefix ?? "",
    version: wholeNumber("version", given.version ?? DEFAULTS.version),
    keyFunction: optionalFunction("keyFunction", given.keyFunction) as KeyFunction | undefined,
    maxEntries: positiveInteger("maxEntries", given.maxEntries ?? DEFAULTS.maxEntries),
    evictTo: cullFrequency === undefined ? undefined : keptShare(cullFrequency),
    maxSize: diskSpace("maxSize", given.maxSize ?? DEFAULTS.maxSize),
    minFree: sizeBytes("minFree", given.minFree ?? DEFAULTS.minFree),
    unasked: unaskedBounds(given),
    memoryBytes: sizeBytes("memory", given.memory ?? 0),
    durability: oneOf("durability", given.durability ?? "none", ["none", "fsync"]),
    codec: codec ?? valueCodec,
    codecName: codec === undefined ? "value" : "value, custom codec",
    strict: boolean("strict", given.strict ?? false),
    allowPublicDir: boolean("allowPublicDir", given.allowPublicDir ?? false),
    secrets: secrets("secret", given.secret),
    encrypt: encryption("encrypt", given.encrypt, given.secret),
    tier: resolveTier(given.tier),
    clock: clock ?? new SteadyClock(),
  });
}

/** Seconds, `Infinity` for ever; 0 and less are lifetimes, too.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
function lifetimeSeconds(option: string, value: unknown, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (value === null || value === Infinity) return Infinity;
  return typeof value === "number" && value < 0 ? value : durationSeconds(option, value);
}

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
export function wholeNumber(option: string, value: unknown): number {
  if (!Number.isSafeInteger(value)) throw optionError(option, "a whole number", value);
  return value as number;
}

/** Checks the options of one call.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
export function callOptions(
  given: (StoreOptions & GetOptions<unknown>) | undefined,
  known: ReadonlySet<string>,
  cache: ResolvedFileCacheOptions,
): { readonly ttl: number; readonly version: number; readonly tags: readonly string[] } {
  const options = given === undefined ? {} : (record("options", given) as StoreOptions);
  refuseUnknown("", options, known);
  return {
    ttl: lifetimeSeconds("ttl", options.ttl, cache.ttl),
    version: options.version === undefined ? cache.version : wholeNumber("version", options.version),
    tags: options.tags === undefined ? [] : strings("tags", options.tags),
  };
}

function keptShare(cullFrequency: unknown): number {
  if (!Number.isSafeInteger(cullFrequency) || (cullFrequency as number) < 0)
    throw optionError("cullFrequency", "a whole number of at least 0", cullFrequency);
  return cullFrequency === 0 ? 0 : 1 - 1 / (cullFrequency as number);
}
