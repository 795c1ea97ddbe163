/** What middleware adds to a handler's `Cache-Control`: the two are merged, and of two readings the more restrictive
 * stays, because the handler knows whose data it has answered with. */
import { optionError } from "../base/errors.js";
import { durationSeconds } from "../base/units.js";
import type { Duration } from "../base/units.js";
import { deltaSeconds, listMembers, MAX_DELTA_SECONDS, splitMembers } from "./fields.js";

/** The directives of a response (RFC 9111 §5.2.2, RFC 5861, RFC 8246), in camel case. `false` is the same as leaving
 * one out. */
export interface CacheControlDirectives {
  /** Any cache may store it, also where that would not be allowed without this. Overridden by the handler's `private`
   * and `no-store`. */
  readonly public?: boolean;
  /** Only the client's own cache may store it. Removes `public` and `s-maxage`. */
  readonly private?: boolean;
  /** Store it, and validate before every use. */
  readonly noCache?: boolean;
  /** Do not store it. Removes `public`. */
  readonly noStore?: boolean;
  readonly noTransform?: boolean;
  readonly mustRevalidate?: boolean;
  readonly proxyRevalidate?: boolean;
  readonly mustUnderstand?: boolean;
  /** It will not change while it is fresh, so not even a reload validates it (RFC 8246). */
  readonly immutable?: boolean;
  /** How long it stays fresh. A duration; the handler's counts when it is shorter, as with the three below. */
  readonly maxAge?: Duration;
  /** The same for shared caches, this one among them. */
  readonly sMaxage?: Duration;
  readonly staleWhileRevalidate?: Duration;
  readonly staleIfError?: Duration;
}

/** Directives by their names in the field; seconds where they take any. */
export type CacheControlPatch = ReadonlyMap<string, number | true>;

const FLAGS = new Map<string, string>([
  ["public", "public"],
  ["private", "private"],
  ["noCache", "no-cache"],
  ["noStore", "no-store"],
  ["noTransform", "no-transform"],
  ["mustRevalidate", "must-revalidate"],
  ["proxyRevalidate", "proxy-revalidate"],
  ["mustUnderstand", "must-understand"],
  ["immutable", "immutable"],
] satisfies [keyof CacheControlDirectives, string][]);

const SECONDS = new Map<string, string>([
  ["maxAge", "max-age"],
  ["sMaxage", "s-maxage"],
  ["staleWhileRevalidate", "stale-while-revalidate"],
  ["staleIfError", "stale-if-error"],
] satisfies [keyof CacheControlDirectives, string][]);

/** What middleware meant for a page and must not give to an error page: the error would stay cached when it is
 * over. */
const ALLOWING: ReadonlySet<string> = new Set(["public", "immutable", ...SECONDS.values()]);

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the directive */
export function resolveCacheControl(given: CacheControlDirectives): CacheControlPatch {
  if (typeof given !== "object" || given === null) throw optionError("cacheControl", "an object of directives", given);
  const patch = new Map<string, number | true>();
  for (const [name, value] of Object.entries(given) as [string, unknown][]) {
    const option = `cacheControl.${name}`;
    const flag = FLAGS.get(name);
    const seconds = SECONDS.get(name);
    if (flag === undefined && seconds === undefined)
      throw optionError(option, `one of ${[...FLAGS.keys(), ...SECONDS.keys()].join(", ")}`, name);
    if (value === undefined || value === false) continue;
    if (seconds !== undefined) patch.set(seconds, Math.floor(durationSeconds(option, value)));
    else if (value === true) patch.set(flag!, true);
    else throw optionError(option, "true or false", value);
  }
  if (patch.has("public") && patch.has("private")) throw optionError("cacheControl", "either public or private", given);
  return patch;
}

/** The handler's field with the directives added.
 * @param lines the value of every `Cache-Control` field line of the handler's response
 * @param status of 400 or more: only what restricts is added
 * @example patchCacheControl(["max-age=60"], resolveCacheControl({ public: true, maxAge: "5m" }), 200) // "max-age=60, public" */
export function patchCacheControl(lines: readonly string[], patch: CacheControlPatch, status: number): string {
  const directives = new Map<string, string>();
  for (const member of listMembers(lines)) directives.set(nameOf(member), member);
  const forOne = directives.has("private") || directives.has("no-store");
  for (const [name, value] of patch) {
    if ((status >= 400 && ALLOWING.has(name)) || (name === "public" && forOne)) continue;
    if (value === true) directives.set(name, name);
    else directives.set(name, shorter(name, value, directives.get(name)));
  }
  if (directives.has("private")) directives.delete("s-maxage");
  if (directives.has("private") || directives.has("no-store")) directives.delete("public");
  return [...directives.values()].join(", ");
}

// A value that does not parse stays as it is: caches take it for 0.
function shorter(name: string, seconds: number, given: string | undefined): string {
  if (given === undefined) return `${name}=${seconds}`;
  const known = deltaSeconds(given.slice(name.length + 1).replaceAll('"', ""));
  return known === undefined || known <= seconds ? given : `${name}=${seconds}`;
}

function nameOf(member: string): string {
  const equals = member.indexOf("=");
  return (equals < 0 ? member : member.slice(0, equals)).toLowerCase();
}

/* For how long a client may store a page, counted from when it gets it. */

/** A `Cache-Control` that the operator gave for clients. */
export interface ClientCacheControl {
  readonly field: string;
  /** Whether its lifetimes begin when the client gets the page, and not when the page was made. */
  readonly fromReceipt: boolean;
}

/** The field value for a response of this age: clients subtract `Age` from a lifetime (RFC 9111 §4.2), so one that
 * begins on receipt is longer by that. A lifetime of 0 stays 0.
 * @param age in whole seconds
 * @example cacheControlAt({ field: "public, max-age=60", fromReceipt: true }, 1200) // "public, max-age=1260" */
export function cacheControlAt({ field, fromReceipt }: ClientCacheControl, age: number): string {
  if (!fromReceipt || age <= 0) return field;
  return splitMembers(field)
    .map((member) => longer(member, age))
    .join(", ");
}

function longer(member: string, age: number): string {
  const [, directive, given] = LIFETIME.exec(member) ?? [];
  const seconds = given === undefined ? undefined : deltaSeconds(given);
  if (seconds === undefined || seconds === 0) return member;
  return `${directive}=${Math.min(seconds + age, MAX_DELTA_SECONDS)}`;
}

const LIFETIME = /^(max-age|s-maxage)="?([0-9]+)"?$/i;
