/** Turns what the user gave into what the rooms receive: complete, checked, read-only. The user's object is never changed. */
import { systemClock } from "./clock.js";
import type { Clock } from "./clock.js";
import { optionError } from "./errors.js";
import {
  boolean,
  fieldNames,
  fraction,
  isToken,
  listOf,
  oneOf,
  optionalFunction,
  positiveInteger,
  record,
  refuseUnknown,
  strings,
} from "./option-checks.js";
import type { CachePolicy, DiskCacheOptions, KeyRules, RelaxedRules } from "./options.js";
import type { ResponseHead } from "./exchange.js";
import { durationSeconds, sizeBytes } from "./units.js";

/** A policy with every duration in seconds. `undefined`: not given, so that policies can be laid over one another. */
export interface ResolvedPolicy {
  readonly ttl: number | undefined;
  readonly statusTtl: ReadonlyMap<string, number>;
  readonly staleWhileRevalidate: number | undefined;
  readonly staleIfError: number | undefined;
  readonly timeout: number | undefined;
  readonly grace: number | undefined;
  readonly keep: number | undefined;
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

export interface ResolvedOptions {
  readonly dir: string;
  readonly memoryBytes: number;
  readonly maxSize: number;
  readonly maxEntries: number;
  readonly minFree: number;
  readonly maxBody: number;
  readonly admission: "always" | "second-request";
  readonly durability: "none" | "fsync";
  readonly strict: boolean;
  readonly enabled: boolean;
  readonly clock: Clock;
  readonly hosts: ReadonlySet<string> | undefined;
  readonly cookies: { readonly ignore: readonly string[]; readonly key: readonly string[] };
  readonly methods: readonly string[];
  readonly heuristic: boolean;
  readonly targetedFields: readonly string[];
  readonly honourRequest: boolean | ((req: unknown) => boolean);
  readonly relaxed: Readonly<Required<RelaxedRules>>;
  readonly flight: { readonly timeoutMs: number; readonly maxFollowers: number };
  readonly refreshAhead: number;
  readonly allowPublicDir: boolean;
  readonly debugHeader: string | undefined;
  readonly policy: ResolvedPolicy;
}

const DEFAULTS = Object.freeze({
  memory: "64mb",
  maxSize: "1gb",
  maxEntries: 1_000_000,
  minFree: "64mb",
  maxBody: "128mb",
  admission: "always",
  durability: "none",
  targetedFields: ["cdn-cache-control"],
  methods: ["GET"],
  flightTimeout: "5s",
  maxFollowers: 10_000,
} as const);

const POLICY_NAMES = new Set([
  "ttl",
  "statusTtl",
  "staleWhileRevalidate",
  "staleIfError",
  "timeout",
  "grace",
  "keep",
  "tags",
  "vary",
  "key",
  "partition",
  "skip",
  "shouldStore",
] satisfies readonly (keyof CachePolicy)[]);

const OPTION_NAMES = new Set<string>([
  ...POLICY_NAMES,
  ...([
    "dir",
    "memory",
    "maxSize",
    "maxEntries",
    "minFree",
    "maxBody",
    "admission",
    "durability",
    "strict",
    "enabled",
    "clock",
    "hosts",
    "cookies",
    "methods",
    "heuristic",
    "targetedFields",
    "honourRequest",
    "relaxed",
    "flight",
    "refreshAhead",
    "allowPublicDir",
    "debugHeader",
  ] satisfies readonly Exclude<keyof DiskCacheOptions, keyof CachePolicy>[]),
]);

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the option, the value and what was expected */
export function resolveOptions<Req>(given: DiskCacheOptions<Req>): ResolvedOptions {
  const options = record("options", given);
  refuseUnknown("", options, OPTION_NAMES);
  const { dir, clock, hosts, cookies, methods, targetedFields, debugHeader } = given;
  if (typeof dir !== "string" || dir.trim() === "") throw optionError("dir", "the path of a directory", dir);
  if (clock !== undefined && typeof clock?.now !== "function")
    throw optionError("clock", "an object with a function now()", clock);
  if (debugHeader !== undefined && !isToken(debugHeader))
    throw optionError("debugHeader", "the name of a header field", debugHeader);
  const cookieRules = cookies === undefined ? {} : record("cookies", cookies);
  refuseUnknown("cookies.", cookieRules, new Set(["ignore", "key"]));
  return Object.freeze({
    dir,
    memoryBytes: sizeBytes("memory", given.memory ?? DEFAULTS.memory),
    maxSize: sizeBytes("maxSize", given.maxSize ?? DEFAULTS.maxSize),
    maxEntries: positiveInteger("maxEntries", given.maxEntries ?? DEFAULTS.maxEntries),
    minFree: sizeBytes("minFree", given.minFree ?? DEFAULTS.minFree),
    maxBody: sizeBytes("maxBody", given.maxBody ?? DEFAULTS.maxBody),
    admission: oneOf("admission", given.admission ?? DEFAULTS.admission, ["always", "second-request"]),
    durability: oneOf("durability", given.durability ?? DEFAULTS.durability, ["none", "fsync"]),
    strict: boolean("strict", given.strict ?? false),
    enabled: boolean("enabled", given.enabled ?? process.env["DISKCACHE"] !== "off"),
    clock: clock ?? systemClock,
    hosts: hosts === undefined ? undefined : new Set(strings("hosts", hosts).map((host) => host.toLowerCase())),
    cookies: Object.freeze({
      ignore: strings("cookies.ignore", cookies?.ignore ?? []),
      key: strings("cookies.key", cookies?.key ?? []),
    }),
    methods: resolveMethods(methods ?? DEFAULTS.methods),
    heuristic: boolean("heuristic", given.heuristic ?? false),
    targetedFields: fieldNames("targetedFields", targetedFields ?? DEFAULTS.targetedFields),
    honourRequest: resolveHonourRequest(given.honourRequest),
    relaxed: resolveRelaxed(given.relaxed),
    flight: resolveFlight(given.flight),
    refreshAhead: fraction("refreshAhead", given.refreshAhead ?? 0),
    allowPublicDir: boolean("allowPublicDir", given.allowPublicDir ?? false),
    debugHeader,
    policy: Object.freeze({ ...policyFields("", given), guarded: false }),
  });
}

/** A policy given to `route()` or `cached()`: an object, or just a lifetime.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
export function resolvePolicy<Req>(given: CachePolicy<Req> | Duration): ResolvedPolicy {
  if (typeof given === "string" || typeof given === "number") return policyFields("", { ttl: given });
  refuseUnknown("", record("policy", given), POLICY_NAMES);
  return policyFields("", given);
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

type Duration = string | number;

function policyFields<Req>(at: string, given: CachePolicy<Req>): ResolvedPolicy {
  const { key, partition, skip, shouldStore, tags } = given;
  const guarded = key !== undefined || partition !== undefined || skip !== undefined;
  const duration = (name: keyof CachePolicy) =>
    given[name] === undefined ? undefined : durationSeconds(at + name, given[name]);
  return Object.freeze({
    ttl: duration("ttl"),
    statusTtl: resolveStatusTtl(`${at}statusTtl`, given.statusTtl ?? {}),
    staleWhileRevalidate: duration("staleWhileRevalidate"),
    staleIfError: duration("staleIfError"),
    timeout: duration("timeout"),
    grace: duration("grace"),
    keep: duration("keep"),
    tags:
      tags === undefined
        ? []
        : [resolveTags(`${at}tags`, tags as readonly string[] | ((req: unknown) => readonly string[]))],
    vary: fieldNames(`${at}vary`, given.vary ?? []),
    keyRules: key === undefined || typeof key === "function" ? undefined : resolveKeyRules(`${at}key`, key),
    keyFunction: typeof key === "function" ? (key as (req: unknown) => string) : undefined,
    partition: optionalFunction(`${at}partition`, partition) as ResolvedPolicy["partition"],
    guarded,
    skip: listOf(optionalFunction(`${at}skip`, skip)) as ResolvedPolicy["skip"],
    shouldStore: listOf(optionalFunction(`${at}shouldStore`, shouldStore)) as ResolvedPolicy["shouldStore"],
  });
}

function resolveKeyRules(option: string, given: unknown): ResolvedKeyRules {
  const rules = record(option, given) as KeyRules;
  refuseUnknown(`${option}.`, rules, new Set(["query", "headers"]));
  const query =
    rules.query === undefined ? {} : (record(`${option}.query`, rules.query) as NonNullable<KeyRules["query"]>);
  refuseUnknown(`${option}.query.`, query, new Set(["ignore", "only", "sort"]));
  return Object.freeze({
    ignore: strings(`${option}.query.ignore`, query.ignore ?? []),
    only: query.only === undefined ? undefined : strings(`${option}.query.only`, query.only),
    sort: boolean(`${option}.query.sort`, query.sort ?? false),
    headers: fieldNames(`${option}.headers`, rules.headers ?? []),
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

function resolveTags(
  option: string,
  tags: readonly string[] | ((req: unknown) => readonly string[]),
): (req: unknown) => readonly string[] {
  if (typeof tags === "function") return tags;
  const list = strings(option, tags);
  return () => list;
}

function resolveMethods(given: readonly string[]): readonly string[] {
  const methods = strings("methods", given);
  const unknown = methods.find((method) => !KEYABLE_METHODS.has(method));
  if (unknown !== undefined)
    throw optionError("methods", [...KEYABLE_METHODS].map((m) => `"${m}"`).join(", "), unknown);
  return methods;
}

const KEYABLE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "QUERY", "POST"]);

function resolveRelaxed(given: DiskCacheOptions["relaxed"]): ResolvedOptions["relaxed"] {
  const rules = given === undefined ? {} : record("relaxed", given);
  const names = ["setCookie", "partial", "postAnswersGet", "guessLanguage"] as const;
  refuseUnknown("relaxed.", rules, new Set(names));
  const rule = (name: (typeof names)[number]) => boolean(`relaxed.${name}`, rules[name] ?? false);
  return Object.freeze({
    setCookie: rule("setCookie"),
    partial: rule("partial"),
    postAnswersGet: rule("postAnswersGet"),
    guessLanguage: rule("guessLanguage"),
  });
}

function resolveHonourRequest(given: unknown): ResolvedOptions["honourRequest"] {
  return typeof given === "function" ? (given as (req: unknown) => boolean) : boolean("honourRequest", given ?? false);
}

function resolveFlight(given: DiskCacheOptions["flight"]): ResolvedOptions["flight"] {
  const flight = given === undefined ? {} : record("flight", given);
  refuseUnknown("flight.", flight, new Set(["timeout", "maxFollowers"]));
  return Object.freeze({
    timeoutMs: durationSeconds("flight.timeout", flight["timeout"] ?? DEFAULTS.flightTimeout) * 1000,
    maxFollowers: positiveInteger("flight.maxFollowers", flight["maxFollowers"] ?? DEFAULTS.maxFollowers),
  });
}
