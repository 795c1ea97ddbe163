/** Turns the table of `rules` into patterns and policies: checked, read-only. */
import { optionError } from "../base/errors.js";
import { pathPattern } from "../key/path-pattern.js";
import type { PathPattern } from "../key/path-pattern.js";
import { boolean, record, refuseUnknown } from "./option-checks.js";
import type { PathRule } from "./options.js";
import { POLICY_NAMES, policyFields } from "./resolve-policy.js";
import type { ResolvedPolicy } from "./resolve-policy.js";

export interface ResolvedRule {
  readonly patterns: readonly PathPattern[];
  readonly policy: ResolvedPolicy;
}

const RULE_NAMES: ReadonlySet<string> = new Set(["path", "never", ...POLICY_NAMES]);
const NEVER_NAMES: ReadonlySet<string> = new Set(["path", "never"]);

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the rule by its place, `rules[2].path` */
export function resolveRules(given: unknown): readonly ResolvedRule[] {
  if (!Array.isArray(given)) throw optionError("rules", "a list of rules", given);
  return Object.freeze(given.map((rule, index) => resolveRule(`rules[${index}]`, rule)));
}

function resolveRule(option: string, given: unknown): ResolvedRule {
  const { path, never, ...policy } = record(option, given) as unknown as PathRule;
  const at = `${option}.`;
  const left = boolean(`${at}never`, never ?? false);
  // Beside `never` nothing else can come to pass, so whoever writes it is mistaken.
  refuseUnknown(at, policy, left ? NEVER_NAMES : RULE_NAMES);
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
    if (pattern === undefined)
      throw optionError(
        option,
        'a pattern of a whole path such as "/reports/*" or "/admin/**" ("*" where a route has ":id")',
        text,
      );
    return pattern;
  });
}
