/** The option `tier`, checked once. */
import { optionError } from "../base/errors.js";
import { durationSeconds } from "../base/units.js";
import { boolean, oneOf, positiveSize, record, refuseUnknown } from "../options/option-checks.js";
import type { CutOff } from "../store/log/lease.js";
import type { PagesConnection, Tier } from "./contract.js";

export interface ResolvedTier {
  readonly tier: Tier;
  readonly leaseMs: number;
  readonly whenCutOff: CutOff;
  readonly wait: "everywhere" | "recorded";
  readonly timeoutMs: number;
  readonly absenceMs: number;
  /** `undefined`: pages are not shared. */
  readonly pages: ResolvedPages | undefined;
}

export interface ResolvedPages {
  readonly connect: () => Promise<PagesConnection>;
  readonly maxEntry: number;
  readonly maxAgeMs: number;
  readonly timeoutMs: number;
  readonly partitions: boolean;
  /** A page is rendered by one machine at a time. */
  readonly locks: boolean;
}

/** Below this, a process that is busy for a moment is cut off. */
const LEAST_LEASE_MS = 500;
const SETTINGS: ReadonlySet<string> = new Set(["lease", "whenCutOff", "purge", "absence"]);
const PURGE_SETTINGS: ReadonlySet<string> = new Set(["wait", "timeout"]);
const PAGES_SETTINGS: ReadonlySet<string> = new Set(["maxEntry", "maxAge", "timeout", "partitions"]);

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
export function resolveTier(given: unknown): ResolvedTier | undefined {
  if (given === undefined) return undefined;
  const tier = given as Tier;
  if (typeof given !== "object" || given === null || typeof tier.connect !== "function")
    throw optionError("tier", "what `redisTier({ client, name })` of @diskcache/redis returns", given);
  const settings = record("tier", tier.settings);
  refuseUnknown("tier.", settings, SETTINGS);
  const purge = settings["purge"] === undefined ? {} : record("tier.purge", settings["purge"]);
  refuseUnknown("tier.purge.", purge, PURGE_SETTINGS);
  const leaseMs = milliseconds("tier.lease", settings["lease"] ?? "5s");
  if (leaseMs < LEAST_LEASE_MS) throw optionError("tier.lease", "half a second or more", settings["lease"]);
  return {
    tier,
    leaseMs,
    whenCutOff: oneOf("tier.whenCutOff", settings["whenCutOff"] ?? "young", ["young", "stale", "serve", "nothing"]),
    wait: oneOf("tier.purge.wait", purge["wait"] ?? "everywhere", ["everywhere", "recorded"]),
    timeoutMs: milliseconds("tier.purge.timeout", purge["timeout"] ?? "15s"),
    absenceMs: milliseconds("tier.absence", settings["absence"] ?? "1m"),
    pages: tier.pages && resolvePages(tier.pages),
  };
}

function resolvePages({ connect, locks, settings }: NonNullable<Tier["pages"]>): ResolvedPages {
  const given = record("tier.pages", settings);
  refuseUnknown("tier.pages.", given, PAGES_SETTINGS);
  const timeoutMs = milliseconds("tier.pages.timeout", given["timeout"] ?? 0.1);
  if (timeoutMs <= 0) throw optionError("tier.pages.timeout", "more than nothing", given["timeout"]);
  return {
    connect,
    maxEntry: positiveSize("tier.pages.maxEntry", given["maxEntry"] ?? "8mb"),
    maxAgeMs: milliseconds("tier.pages.maxAge", given["maxAge"] ?? "1d"),
    timeoutMs,
    partitions: boolean("tier.pages.partitions", given["partitions"] ?? false),
    locks: boolean("tier.pages.locks", locks),
  };
}

function milliseconds(option: string, given: unknown): number {
  return durationSeconds(option, given) * 1000;
}
