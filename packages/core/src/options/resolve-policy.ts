/** Turns what the user gave for one route, or for all of them, into a policy that the rooms receive: checked,
 * read-only; and merges policies. */
import type { Coding } from "../base/codings.js";
import { optionError } from "../base/errors.js";
import type { ResponseHead } from "../base/exchange.js";
import { parseCacheControl } from "../http/cache-control.js";
import {
  boolean,
  codings,
  fieldNames,
  listOf,
  optionalFunction,
  record,
  refuseUnknown,
  strings,
} from "./option-checks.js";
import { policyWithoutFormer, unfoldedPolicy } from "./folded-options.js";
import type { FlatPolicy, FormerPolicyName } from "./folded-options.js";
import type { CachePolicy, KeyRules } from "./policy-options.js";
import { refuseRequest } from "./other-words.js";
import { durationSeconds } from "../base/units.js";
import type { Duration } from "../base/units.js";

/** A policy with every duration in seconds. `undefined`: not given, so that policies can be merged. */
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
  readonly query: ResolvedQueryRules | undefined;
  /** Request header fields in the key. */
  readonly keyHeaders: readonly string[];
  readonly keyFunction: ((req: unknown) => string) | undefined;
  readonly partitions: readonly ((req: unknown) => string | undefined)[];
  readonly methods: readonly string[] | undefined;
  readonly skip: readonly ((req: unknown) => boolean)[];
  /** How many nested routes decide by themselves which request gets which page: the pages of each are stored under
   * keys of their own, which only that route looks up. */
  readonly guards: number;
  /** Why requests under it bypass the cache, whatever else it says. */
  readonly leave: "never" | "path" | undefined;
  /** Codings to offer pages in, the best first; empty: none. */
  readonly compress: readonly Coding[] | undefined;
  readonly shouldStore: readonly ((req: unknown, response: ResponseHead) => boolean)[];
}

/** The policy of a request: that of the cache, with everything that was merged into it. */
export interface WholePolicy extends ResolvedPolicy {
  readonly methods: readonly string[];
}

export interface ResolvedQueryRules {
  readonly ignore: readonly string[];
  readonly only: readonly string[] | undefined;
  readonly sort: boolean;
}

/** What a policy may name; the options of a cache name the same, and more. */
export const POLICY_NAMES = new Set([
  "ttl",
  "statusTtl",
  "stale",
  "staleWhileRevalidate",
  "staleIfError",
  "clientCacheControl",
  "tags",
  "vary",
  "key",
  "partition",
  "methods",
  "skip",
  "shouldStore",
  "compress",
] satisfies readonly Exclude<keyof CachePolicy, FormerPolicyName>[]);

/** A policy given to `route()` or `cached()`: an object, or just a lifetime.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
export function resolvePolicy<Req>(given: CachePolicy<Req> | Duration): ResolvedPolicy {
  if (typeof given === "string" || typeof given === "number") return policyFields("", { ttl: given });
  refuseRequest("policy", "cache.route", 'cache.route("5m")', given);
  refuseUnknown("", policyWithoutFormer(record("policy", given)), POLICY_NAMES);
  const guarded = given.key !== undefined || given.partition !== undefined || given.skip !== undefined;
  return Object.freeze({ ...policyFields("", given), guards: guarded ? 1 : 0 });
}

/** The inner policy merged into the one around it. For settings the inner one wins; what labels a page, distinguishes
 * pages or refuses them adds up, so that nothing inside removes it. */
export function mergePolicies(outer: WholePolicy, inner: ResolvedPolicy): WholePolicy {
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
    vary: union(outer.vary, inner.vary),
    query: inner.query ?? outer.query,
    keyHeaders: union(outer.keyHeaders, inner.keyHeaders),
    // Either of them says what stands for path and query.
    keyFunction: inner.keyFunction ?? (inner.query === undefined ? outer.keyFunction : undefined),
    partitions: [...outer.partitions, ...inner.partitions],
    methods: inner.methods ?? outer.methods,
    skip: [...outer.skip, ...inner.skip],
    guards: outer.guards + inner.guards,
    leave: outer.leave ?? inner.leave,
    shouldStore: [...outer.shouldStore, ...inner.shouldStore],
    compress: inner.compress ?? outer.compress,
  };
}

/** The same policy, its functions called with what another framework, or another cache, made of the request. */
export function boundPolicy<Policy extends ResolvedPolicy>(policy: Policy, native: unknown): Policy {
  const { keyFunction } = policy;
  return {
    ...policy,
    tags: policy.tags.map((labels) => () => labels(native)),
    keyFunction: keyFunction && (() => keyFunction(native)),
    partitions: policy.partitions.map((partition) => () => partition(native)),
    skip: policy.skip.map((skips) => () => skips(native)),
    shouldStore: policy.shouldStore.map((agrees) => (_native: unknown, head: ResponseHead) => agrees(native, head)),
  };
}

/** The policy of requests that were marked before they came to the cache: bypass. */
export const neverPolicy: ResolvedPolicy = Object.freeze({ ...policyFields("", {}), leave: "never" });

/** Whether only the application can compute the key of a request: its own functions need what it makes of it. */
export function asksApplication({ keyFunction, partitions, skip }: ResolvedPolicy): boolean {
  return keyFunction !== undefined || partitions.length > 0 || skip.length > 0;
}

/** The policy in an object whose names were checked before.
 * @param at stands before the names of options in messages
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
export function policyFields<Req>(at: string, given: CachePolicy<Req>): ResolvedPolicy {
  const { flat, nameOf } = unfoldedPolicy(at, given);
  const { key, methods, partition, skip, shouldStore, tags } = flat;
  const rules = key === undefined || typeof key === "function" ? undefined : resolveKeyRules(`${at}key`, key);
  const duration = (name: keyof FlatPolicy) =>
    flat[name] === undefined ? undefined : durationSeconds(nameOf(name), flat[name]);
  const stale = duration("stale");
  return Object.freeze({
    ttl: duration("ttl"),
    statusTtl: resolveStatusTtl(`${at}statusTtl`, given.statusTtl ?? {}),
    staleWhileRevalidate: duration("staleWhileRevalidate") ?? stale,
    staleIfError: duration("staleIfError") ?? stale,
    timeout: duration("timeout"),
    grace: duration("grace"),
    keep: duration("keep"),
    clientCacheControl: resolveClientCacheControl(`${at}clientCacheControl`, given.clientCacheControl),
    tags:
      tags === undefined
        ? []
        : [resolveTags(`${at}tags`, tags as readonly string[] | ((req: unknown) => readonly string[]))],
    vary: fieldNames(`${at}vary`, given.vary ?? []),
    query: rules?.query,
    keyHeaders: rules?.headers ?? [],
    keyFunction: typeof key === "function" ? (key as (req: unknown) => string) : undefined,
    partitions: listOf(optionalFunction(`${at}partition`, partition)) as ResolvedPolicy["partitions"],
    methods: methods === undefined ? undefined : resolveMethods(`${at}methods`, methods),
    guards: 0,
    leave: undefined,
    skip: listOf(optionalFunction(`${at}skip`, skip)) as ResolvedPolicy["skip"],
    shouldStore: listOf(optionalFunction(`${at}shouldStore`, shouldStore)) as ResolvedPolicy["shouldStore"],
    compress: given.compress === undefined ? undefined : codings(`${at}compress`, given.compress),
  });
}

function resolveKeyRules(
  option: string,
  given: unknown,
): { readonly query: ResolvedQueryRules | undefined; readonly headers: readonly string[] } {
  const rules = record(option, given) as KeyRules;
  refuseUnknown(`${option}.`, rules, new Set(["query", "headers"]));
  const query = rules.query === undefined ? undefined : resolveQueryRules(`${option}.query`, rules.query);
  return { query, headers: fieldNames(`${option}.headers`, rules.headers ?? []) };
}

function resolveQueryRules(option: string, given: unknown): ResolvedQueryRules {
  const { ignore, only, sort, ...others } = record(option, given) as NonNullable<KeyRules["query"]>;
  refuseUnknown(`${option}.`, others, new Set(["ignore", "only", "sort"]));
  return Object.freeze({
    ignore: strings(`${option}.ignore`, ignore ?? []),
    only: only === undefined ? undefined : strings(`${option}.only`, only),
    sort: boolean(`${option}.sort`, sort ?? false),
  });
}

function resolveStatusTtl(option: string, given: unknown): ReadonlyMap<string, number> {
  const lifetimes = new Map<string, number>();
  for (const [status, ttl] of Object.entries(record(option, given))) {
    if (!/^[1-5](?:\d\d|xx)$/i.test(status))
      throw optionError(option, 'status codes or classes such as 404 or "4xx" as names', status);
    lifetimes.set(status.toLowerCase(), durationSeconds(`${option}.${status}`, ttl));
  }
  return lifetimes;
}

function resolveClientCacheControl(option: string, given: unknown): ResolvedPolicy["clientCacheControl"] {
  const parses = typeof given === "string" && given.trim() !== "" && !parseCacheControl([given]).malformed;
  if (given === undefined || typeof given === "boolean" || parses) return given;
  throw optionError(option, 'true, false or the value of a Cache-Control field such as "max-age=60"', given);
}

function resolveTags(
  option: string,
  tags: readonly string[] | ((req: unknown) => readonly string[]),
): (req: unknown) => readonly string[] {
  if (typeof tags === "function") return tags;
  const list = strings(option, tags);
  return () => list;
}

function resolveMethods(option: string, given: unknown): readonly string[] {
  const methods = strings(option, given);
  const unknown = methods.find((method) => !KEYABLE_METHODS.has(method));
  if (unknown !== undefined) throw optionError(option, [...KEYABLE_METHODS].map((m) => `"${m}"`).join(", "), unknown);
  // A HEAD is answered from a stored GET, and none is stored by itself.
  if (methods.includes("HEAD") && !methods.includes("GET")) throw optionError(option, '"GET" beside "HEAD"', "HEAD");
  return methods;
}

const KEYABLE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "QUERY", "POST"]);

function union(outer: readonly string[], inner: readonly string[]): readonly string[] {
  return [...new Set([...outer, ...inner])];
}
