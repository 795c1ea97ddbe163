/** Turns what the user gave for one route, or for all of them, into a policy that the rooms receive: checked, read-only; and lays policies over one another. */
import { optionError } from "./errors.js";
import type { ResponseHead } from "./exchange.js";
import { parseCacheControl } from "./http/cache-control.js";
import { boolean, fieldNames, listOf, optionalFunction, record, refuseUnknown, strings } from "./option-checks.js";
import type { CachePolicy, KeyRules } from "./options.js";
import { durationSeconds } from "./units.js";
import type { Duration } from "./units.js";

/** A policy with every duration in seconds. `undefined`: not given, so that policies can be laid over one another. */
export interface ResolvedPolicy {
  readonly ttl: number | undefined;
  readonly statusTtl: ReadonlyMap<string, number>;
  readonly staleWhileRevalidate: number | undefined;
  readonly staleIfError: number | undefined;
  readonly timeout: number | undefined;
  readonly grace: number | undefined;
  readonly keep: number | undefined;
  readonly clientCacheControl: boolean | string | undefined;
  readonly tags: readonly ((req: unknown) => readonly string[])[];
  readonly vary: readonly string[];
  readonly keyRules: ResolvedKeyRules | undefined;
  readonly keyFunction: ((req: unknown) => string) | undefined;
  readonly partition: ((req: unknown) => string | undefined) | undefined;
  readonly skip: readonly ((req: unknown) => boolean)[];
  /** A route decides by itself which request gets which page: its pages lie under keys of their own, which only the route looks up. */
  readonly guarded: boolean;
  readonly shouldStore: readonly ((req: unknown, response: ResponseHead) => boolean)[];
}

export interface ResolvedKeyRules {
  readonly ignore: readonly string[];
  readonly only: readonly string[] | undefined;
  readonly sort: boolean;
  readonly headers: readonly string[];
}

/** What a policy may name; the options of a cache name the same, and more. */
export const POLICY_NAMES = new Set([
  "ttl",
  "statusTtl",
  "staleWhileRevalidate",
  "staleIfError",
  "timeout",
  "grace",
  "keep",
  "clientCacheControl",
  "tags",
  "vary",
  "key",
  "partition",
  "skip",
  "shouldStore",
] satisfies readonly (keyof CachePolicy)[]);

/** A policy given to `route()` or `cached()`: an object, or just a lifetime.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
export function resolvePolicy<Req>(given: CachePolicy<Req> | Duration): ResolvedPolicy {
  if (typeof given === "string" || typeof given === "number") return policyFields({ ttl: given });
  refuseUnknown("", record("policy", given), POLICY_NAMES);
  return policyFields(given);
}

/** The route's policy laid over the one around it: what it names wins; tags and `vary` add up; every `skip` and `shouldStore` has a say. */
export function mergePolicies(outer: ResolvedPolicy, inner: ResolvedPolicy): ResolvedPolicy {
  return {
    ttl: inner.ttl ?? outer.ttl,
    statusTtl: new Map([...outer.statusTtl, ...inner.statusTtl]),
    staleWhileRevalidate: inner.staleWhileRevalidate ?? outer.staleWhileRevalidate,
    staleIfError: inner.staleIfError ?? outer.staleIfError,
    timeout: inner.timeout ?? outer.timeout,
    grace: inner.grace ?? outer.grace,
    keep: inner.keep ?? outer.keep,
    clientCacheControl: inner.clientCacheControl ?? outer.clientCacheControl,
    tags: [...outer.tags, ...inner.tags],
    vary: [...new Set([...outer.vary, ...inner.vary])],
    keyRules: inner.keyRules ?? outer.keyRules,
    keyFunction: inner.keyFunction ?? outer.keyFunction,
    partition: inner.partition ?? outer.partition,
    skip: [...outer.skip, ...inner.skip],
    guarded: inner.guarded,
    shouldStore: [...outer.shouldStore, ...inner.shouldStore],
  };
}

/** The same for an object whose names were looked at before.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
export function policyFields<Req>(given: CachePolicy<Req>): ResolvedPolicy {
  const { key, partition, skip, shouldStore, tags } = given;
  const guarded = key !== undefined || partition !== undefined || skip !== undefined;
  const duration = (name: keyof CachePolicy) =>
    given[name] === undefined ? undefined : durationSeconds(name, given[name]);
  return Object.freeze({
    ttl: duration("ttl"),
    statusTtl: resolveStatusTtl(given.statusTtl ?? {}),
    staleWhileRevalidate: duration("staleWhileRevalidate"),
    staleIfError: duration("staleIfError"),
    timeout: duration("timeout"),
    grace: duration("grace"),
    keep: duration("keep"),
    clientCacheControl: resolveClientCacheControl(given.clientCacheControl),
    tags: tags === undefined ? [] : [resolveTags(tags as readonly string[] | ((req: unknown) => readonly string[]))],
    vary: fieldNames("vary", given.vary ?? []),
    keyRules: key === undefined || typeof key === "function" ? undefined : resolveKeyRules(key),
    keyFunction: typeof key === "function" ? (key as (req: unknown) => string) : undefined,
    partition: optionalFunction("partition", partition) as ResolvedPolicy["partition"],
    guarded,
    skip: listOf(optionalFunction("skip", skip)) as ResolvedPolicy["skip"],
    shouldStore: listOf(optionalFunction("shouldStore", shouldStore)) as ResolvedPolicy["shouldStore"],
  });
}

function resolveKeyRules(given: unknown): ResolvedKeyRules {
  const rules = record("key", given) as KeyRules;
  refuseUnknown("key.", rules, new Set(["query", "headers"]));
  const query = rules.query === undefined ? {} : (record("key.query", rules.query) as NonNullable<KeyRules["query"]>);
  refuseUnknown("key.query.", query, new Set(["ignore", "only", "sort"]));
  return Object.freeze({
    ignore: strings("key.query.ignore", query.ignore ?? []),
    only: query.only === undefined ? undefined : strings("key.query.only", query.only),
    sort: boolean("key.query.sort", query.sort ?? false),
    headers: fieldNames("key.headers", rules.headers ?? []),
  });
}

function resolveStatusTtl(given: unknown): ReadonlyMap<string, number> {
  const lifetimes = new Map<string, number>();
  for (const [status, ttl] of Object.entries(record("statusTtl", given))) {
    if (!/^[1-5](?:\d\d|xx)$/i.test(status))
      throw optionError("statusTtl", 'status codes or classes such as 404 or "4xx" as names', status);
    lifetimes.set(status.toLowerCase(), durationSeconds(`statusTtl.${status}`, ttl));
  }
  return lifetimes;
}

function resolveClientCacheControl(given: unknown): ResolvedPolicy["clientCacheControl"] {
  const parses = typeof given === "string" && given.trim() !== "" && !parseCacheControl([given]).malformed;
  if (given === undefined || typeof given === "boolean" || parses) return given;
  throw optionError(
    "clientCacheControl",
    'true, false or the value of a Cache-Control field such as "max-age=60"',
    given,
  );
}

function resolveTags(
  tags: readonly string[] | ((req: unknown) => readonly string[]),
): (req: unknown) => readonly string[] {
  if (typeof tags === "function") return tags;
  const list = strings("tags", tags);
  return () => list;
}
