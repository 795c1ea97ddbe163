/** Turns the options of a cache into what the rooms receive: complete, checked, read-only. The user's object is never
 * changed. */
import { EXPECTED_HOST, isHost } from "../key/spellings.js";
import { SteadyClock } from "../base/clock.js";
import type { Clock } from "../base/clock.js";
import { optionError } from "../base/errors.js";
import { durationSeconds, sizeBytes } from "../base/units.js";
import { Credentials } from "../key/credentials.js";
import { pathPattern } from "../base/path-pattern.js";
import type { PathPattern } from "../base/path-pattern.js";
import {
  boolean,
  diskSpace,
  encryption,
  EXPECTED_PATTERN,
  fieldNames,
  fraction,
  isToken,
  nonEmpty,
  oneOf,
  place,
  positiveInteger,
  positiveSize,
  record,
  refuseUnknown,
  secrets,
  strings,
  unaskedBounds,
} from "./option-checks.js";
import type { Place } from "./option-checks.js";
import { policyWithoutFormer, unfolded, withoutFormer } from "./folded-options.js";
import type { FormerName } from "./folded-options.js";
import type { RelaxedRules, SafetyOptions } from "./option-groups.js";
import type { DirectoryOption, DiskCacheOptions, PageCacheOptions } from "./options.js";
import type { CachePolicy, PathRule } from "./policy-options.js";
import { refuseRequest } from "./other-words.js";
import { POLICY_NAMES, policyFields } from "./resolve-policy.js";
import type { ResolvedPolicy, WholePolicy } from "./resolve-policy.js";

export interface ResolvedOptions {
  readonly place: Place;
  readonly memoryBytes: number;
  readonly maxSize: number;
  readonly maxEntries: number;
  readonly minFree: number;
  /** Those of `minFree` and `maxSize` that are only defaults. */
  readonly unasked: ReturnType<typeof unaskedBounds>;
  readonly maxBody: number;
  readonly admission: "always" | "second-request";
  readonly durability: "none" | "fsync";
  readonly strict: boolean;
  /** Outside of production: the developer is told what operators know. */
  readonly development: boolean;
  /** A line for each request, in which form (`DISKCACHE_LOG`). */
  readonly log: "text" | "json" | undefined;
  readonly enabled: boolean;
  readonly secrets: readonly Buffer[] | undefined;
  readonly encrypt: boolean;
  readonly version: string | undefined;
  readonly clock: Clock;
  readonly hosts: ReadonlySet<string> | undefined;
  readonly cookies: { readonly ignore: readonly string[]; readonly key: readonly string[] };
  readonly credentials: Credentials;
  readonly heuristic: boolean;
  readonly targetedFields: readonly string[];
  readonly honourRequest: boolean | "reload" | ((req: unknown) => boolean);
  readonly relaxed: Readonly<Required<RelaxedRules>>;
  readonly flight: { readonly timeoutMs: number; readonly maxFollowers: number };
  readonly refreshAhead: number;
  readonly allowPublicDir: boolean;
  readonly debugHeader: string | undefined;
  readonly serverTiming: boolean;
  readonly audit: { readonly mode: "warn" | "enforce" | "off"; readonly ignore: readonly string[] };
  readonly policy: WholePolicy;
  readonly rules: readonly ResolvedRule[];
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

/** A store that is handed in has no files, and its own bounds. */
const OF_DIRECTORY = [
  "dir",
  "memory",
  "maxSize",
  "maxEntries",
  "minFree",
  "admission",
  "durability",
  "strict",
  "secret",
  "encrypt",
  "allowPublicDir",
  "tier",
] as const satisfies readonly DirectoryOption[];

const OPTION_NAMES = new Set<string>([
  ...POLICY_NAMES,
  ...([
    "dir",
    "store",
    "limits",
    "http",
    "version",
    "enabled",
    "strict",
    "secret",
    "tier",
    "clock",
    "cookies",
    "flight",
    "refreshAhead",
    "report",
    "rules",
    "safety",
    "audit",
  ] satisfies readonly Exclude<keyof DiskCacheOptions, keyof CachePolicy | FormerName>[]),
]);

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the option, the value and what was expected */
export function resolveOptions<Req>(given: PageCacheOptions<Req>): ResolvedOptions {
  refuseRequest("options", "diskCache", 'diskCache({ dir: ".cache/pages", ttl: "5m" })', given);
  refuseUnknown("", withoutFormer(record("options", given)), OPTION_NAMES);
  const { flat, nameOf } = unfolded(given);
  const { clock, hosts, cookies, debugHeader } = flat;
  const where = place(flat, OF_DIRECTORY, nameOf);
  if (clock !== undefined && typeof clock?.now !== "function")
    throw optionError("clock", "an object with a function now()", clock);
  if (debugHeader !== undefined && !isToken(debugHeader))
    throw optionError(nameOf("debugHeader"), "the name of a header field", debugHeader);
  const cookieRules = cookies === undefined ? {} : record("cookies", cookies);
  refuseUnknown("cookies.", cookieRules, new Set(["ignore", "key"]));
  const policy = policyFields("", flat);
  return Object.freeze({
    place: where,
    memoryBytes: sizeBytes(nameOf("memory"), flat.memory ?? DEFAULTS.memory),
    maxSize: diskSpace(nameOf("maxSize"), flat.maxSize ?? DEFAULTS.maxSize),
    maxEntries: positiveInteger(nameOf("maxEntries"), flat.maxEntries ?? DEFAULTS.maxEntries),
    minFree: sizeBytes(nameOf("minFree"), flat.minFree ?? DEFAULTS.minFree),
    unasked: unaskedBounds(flat),
    maxBody: positiveSize(nameOf("maxBody"), flat.maxBody ?? DEFAULTS.maxBody),
    admission: oneOf(nameOf("admission"), flat.admission ?? DEFAULTS.admission, ["always", "second-request"]),
    durability: oneOf(nameOf("durability"), flat.durability ?? DEFAULTS.durability, ["none", "fsync"]),
    strict: boolean("strict", flat.strict ?? false),
    development: isDevelopment(),
    log: requestLog(),
    enabled: boolean("enabled", flat.enabled ?? process.env["DISKCACHE"] !== "off"),
    secrets: secrets(nameOf("secret"), flat.secret),
    encrypt: encryption(nameOf("encrypt"), flat.encrypt, flat.secret),
    version: flat.version === undefined ? undefined : nonEmpty("version", flat.version),
    clock: clock ?? new SteadyClock(),
    hosts: hosts === undefined ? undefined : resolveHosts(nameOf("hosts"), hosts),
    cookies: Object.freeze({
      ignore: strings("cookies.ignore", cookies?.ignore ?? []),
      key: strings("cookies.key", cookies?.key ?? []),
    }),
    credentials: resolveCredentials(nameOf("credentials"), flat.credentials),
    heuristic: boolean(nameOf("heuristic"), flat.heuristic ?? false),
    targetedFields: fieldNames(nameOf("targetedFields"), flat.targetedFields ?? DEFAULTS.targetedFields),
    honourRequest: resolveHonourRequest(nameOf("honourRequest"), flat.honourRequest),
    relaxed: resolveRelaxed(nameOf("relaxed"), flat.relaxed),
    flight: resolveFlight(flat.flight),
    refreshAhead: fraction("refreshAhead", flat.refreshAhead ?? 0),
    allowPublicDir: boolean(nameOf("allowPublicDir"), flat.allowPublicDir ?? false),
    debugHeader,
    serverTiming: boolean(nameOf("serverTiming"), flat.serverTiming ?? process.env["NODE_ENV"] === "development"),
    policy: Object.freeze({ ...policy, methods: policy.methods ?? DEFAULTS.methods }),
    rules: resolveRules(flat.rules ?? []),
    audit: resolveAudit(flat.audit),
  });
}

function resolveCredentials(option: string, given: SafetyOptions["credentials"]): Credentials {
  const rules = given === undefined ? {} : record(option, given);
  refuseUnknown(`${option}.`, rules, new Set(["fields", "ignore", "certificate", "user"]));
  return new Credentials({
    fields: fieldPatterns(`${option}.fields`, rules["fields"]),
    ignore: fieldPatterns(`${option}.ignore`, rules["ignore"]),
    certificate: boolean(`${option}.certificate`, rules["certificate"] ?? true),
    user: boolean(`${option}.user`, rules["user"] ?? true),
  });
}

function fieldPatterns(option: string, given: unknown = []): readonly string[] {
  const names = strings(option, given);
  const wrong = names.find((name) => !isToken(name));
  if (wrong !== undefined) throw optionError(option, "a list of field names, `*` at the end for any rest", wrong);
  return Object.freeze(names.map((name) => name.toLowerCase()));
}

function resolveHosts(option: string, given: unknown): ReadonlySet<string> {
  const hosts = strings(option, given);
  const wrong = hosts.find((host) => !isHost(host));
  if (wrong !== undefined) throw optionError(option, `a list of hosts, each ${EXPECTED_HOST}`, wrong);
  return new Set(hosts.map((host) => host.toLowerCase()));
}

function requestLog(): ResolvedOptions["log"] {
  const wanted = process.env["DISKCACHE_LOG"] ?? "";
  if (wanted === "" || wanted === "0") return undefined;
  return wanted === "json" ? "json" : "text";
}

function isDevelopment(): boolean {
  return process.env["NODE_ENV"] !== "production";
}

function resolveAudit(given: DiskCacheOptions["audit"]): ResolvedOptions["audit"] {
  const isObject = typeof given === "object" && given !== null;
  const rules: Record<string, unknown> = isObject ? record("audit", given) : { mode: given };
  refuseUnknown("audit.", rules, new Set(["mode", "ignore"]));
  const { mode: asked = isDevelopment() } = rules;
  const mode = typeof asked === "boolean" ? (asked ? "warn" : "off") : asked;
  return Object.freeze({
    mode: oneOf(isObject ? "audit.mode" : "audit", mode, ["warn", "enforce", "off"]),
    ignore: fieldPatterns("audit.ignore", rules["ignore"]),
  });
}

function resolveRelaxed(option: string, given: DiskCacheOptions["relaxed"]): ResolvedOptions["relaxed"] {
  const rules = given === undefined ? {} : record(option, given);
  const names = ["setCookie", "partial", "postAnswersGet", "guessLanguage"] as const;
  refuseUnknown(`${option}.`, rules, new Set(names));
  const rule = (name: (typeof names)[number]) => boolean(`${option}.${name}`, rules[name] ?? false);
  return Object.freeze({
    setCookie: rule("setCookie"),
    partial: rule("partial"),
    postAnswersGet: rule("postAnswersGet"),
    guessLanguage: rule("guessLanguage"),
  });
}

function resolveHonourRequest(option: string, given: unknown): ResolvedOptions["honourRequest"] {
  if (given === undefined) return isDevelopment() ? "reload" : false;
  if (typeof given === "boolean" || given === "reload") return given;
  if (typeof given === "function") return given as (req: unknown) => boolean;
  throw optionError(option, 'true, false, "reload" or a function', given);
}

function resolveFlight(given: DiskCacheOptions["flight"]): ResolvedOptions["flight"] {
  const flight = given === undefined ? {} : record("flight", given);
  refuseUnknown("flight.", flight, new Set(["timeout", "maxFollowers"]));
  return Object.freeze({
    timeoutMs: durationSeconds("flight.timeout", flight["timeout"] ?? DEFAULTS.flightTimeout) * 1000,
    maxFollowers: positiveInteger("flight.maxFollowers", flight["maxFollowers"] ?? DEFAULTS.maxFollowers),
  });
}

/* Turns the table of `rules` into patterns and policies: checked, read-only. */

export interface ResolvedRule {
  readonly patterns: readonly PathPattern[];
  readonly policy: ResolvedPolicy;
}

const RULE_NAMES: ReadonlySet<string> = new Set(["path", "never", ...POLICY_NAMES]);
const NEVER_NAMES: ReadonlySet<string> = new Set(["path", "never"]);

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the rule by its place, `rules[2].path` */
function resolveRules(given: unknown): readonly ResolvedRule[] {
  if (!Array.isArray(given)) throw optionError("rules", "a list of rules", given);
  return Object.freeze(given.map((rule, index) => resolveRule(`rules[${index}]`, rule)));
}

function resolveRule(option: string, given: unknown): ResolvedRule {
  const { path, never, ...policy } = record(option, given) as unknown as PathRule;
  const at = `${option}.`;
  const left = boolean(`${at}never`, never ?? false);
  // Beside `never` nothing else can apply, so another option in the same rule is a mistake.
  refuseUnknown(at, left ? policy : policyWithoutFormer(policy), left ? NEVER_NAMES : RULE_NAMES);
  const resolved = policyFields(at, policy);
  return Object.freeze({
    patterns: Object.freeze(resolvePatterns(`${at}path`, path)),
    policy: left ? Object.freeze({ ...resolved, leave: "never" as const }) : resolved,
  });
}

function resolvePatterns(option: string, given: unknown): readonly PathPattern[] {
  const texts: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (texts.length === 0) throw optionError(option, "a pattern, or a list of them", given);
  return texts.map((text) => {
    const pattern = typeof text === "string" ? pathPattern(text) : undefined;
    if (pattern === undefined) throw optionError(option, EXPECTED_PATTERN, text);
    return pattern;
  });
}
