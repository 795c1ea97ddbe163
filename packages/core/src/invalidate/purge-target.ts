/** What a caller of `purge()` names, checked and translated for the store. */
import { optionError } from "../base/errors.js";
import { pathPattern } from "../base/path-pattern.js";
import { canonicalTarget } from "../key/query.js";
import { EXPECTED_HOST, isHost, hostName, spellings, splitUrl } from "../key/spellings.js";
import { boolean, EXPECTED_PATTERN, nonEmpty, optionsOf, refuseUnknown } from "../options/option-checks.js";
import type { ResolvedQueryRules } from "../options/resolve-policy.js";
import type { PathSelector, PurgeSelector } from "../store/contract.js";

/** Exactly one of the names, and how. A path (with its query) names the page on every host, an absolute URL on its
 * own; all variants and methods go with it. `path` takes the patterns of `rules`, one or a list, and names every query
 * of a path. */
export type PurgeTarget = (
  | { readonly url: string }
  | { readonly prefix: string }
  | { readonly path: string | readonly string[] }
  | { readonly tag: string }
  | { readonly tags: readonly string[] }
  | { readonly host: string }
  | { readonly all: true }
) &
  Pick<PurgeOptions, "soft">;

export interface PurgeOptions {
  /** Keep what is purged as stale: for validation, and to stand in when the application fails.
   * @default false */
  readonly soft?: boolean;
  /** Resolve to how many stored pages the call has named. The head of every stored page is read for it, before the
   * purge.
   * @default false */
  readonly count?: boolean;
}

/** What `purge()` resolves to with `count: true`. */
export interface PurgeCount {
  /** Stored responses that could still be served and were named: each variant of a page is one. */
  readonly named: number;
}

/** What a call of `purge()` is given. */
export type PurgeTargets = string | PurgeTarget | readonly (string | PurgeTarget)[];

/** What a request that has succeeded puts out of date: a path, a URL or a target of `purge()`, or several, or a
 * function of the request that names them. */
export type Purges<Req> = PurgeTargets | ((req: Req) => PurgeTargets | Promise<PurgeTargets>);

const NAMES = ["url", "prefix", "path", "tag", "tags", "host", "all"] as const;
const TARGET_NAMES: ReadonlySet<string> = new Set([...NAMES, "soft", "count"]);
const OPTION_NAMES: ReadonlySet<string> = new Set(["soft", "count"] satisfies (keyof PurgeOptions)[]);

/** @param at the function that received the target: stands before the names in messages
 * @param queriesOf which parts of a target's query its pages may be named by
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when nothing, more than one thing, or something unknown is named */
export function purgeSelectors(
  at: string,
  target: unknown,
  queriesOf: QueriesOf,
): readonly (PurgeSelector | PathSelector)[] {
  const expected = `a path, a URL, or an object with one of ${NAMES.join(", ")}`;
  if (typeof target !== "object" || target === null || Array.isArray(target)) throw optionError(at, expected, target);
  refuseUnknown(`${at}.`, target, TARGET_NAMES);
  const given = target as Partial<Record<string, unknown>>;
  const named = NAMES.filter((name) => given[name] !== undefined);
  if (named.length > 1) throw optionError(at, expected, named.join(" and "));
  // A key that is present but undefined is still what the caller meant.
  const name = named[0] ?? NAMES.find((there) => there in given);
  if (name === undefined) throw optionError(at, expected, target);
  const option = `${at}.${name}`;
  const value = given[name];
  switch (name) {
    case "url":
      return namedPages(located(option, value), queriesOf);
    case "prefix":
      return prefixSelectors(option, value);
    case "path":
      return [value].flat().map((path) => pathSelector(option, path));
    case "tag":
      return [{ kind: "tag", tag: nonEmpty(option, value) }];
    case "tags":
      if (!Array.isArray(value)) throw optionError(option, "a list of tags", value);
      return value.map((tag) => ({ kind: "tag", tag: nonEmpty(option, tag) }));
    case "host":
      if (!isHost(value)) throw optionError(option, EXPECTED_HOST, value);
      return [{ kind: "scope", scope: hostName(value) }];
    case "all":
      if (value !== true) throw optionError(option, "true", value);
      return [{ kind: "all" }];
  }
}

/** Whether a purge is soft: what the target says, else what the options say.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for anything else among the options */
export function isSoft(at: string, target: PurgeTarget, options: PurgeOptions): boolean {
  optionsOf(at, options, OPTION_NAMES);
  return boolean(`${at}.soft`, target.soft ?? options.soft ?? false);
}

/** Whether the pages that are named are counted: the options ask for it, or the target does, which over HTTP has no
 * options beside it.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
export function isCounted(at: string, target: object, options: PurgeOptions): boolean {
  return boolean(`${at}.count`, (target as PurgeOptions).count ?? options.count ?? false);
}

/** Checks a target that is to be purged later.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
export function checkTarget(at: string, given: string | PurgeTarget): void {
  const target = wholeTarget(at, given);
  purgeSelectors(at, target, () => []);
  isSoft(at, target, {});
  if ("count" in target) throw optionError(`${at}.count`, "nothing, because no caller is told", target.count);
}

/** A text names a path or a URL. Where it has a star, one of two things is meant, and the caller has to say which.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
export function wholeTarget(at: string, given: string | PurgeTarget): PurgeTarget {
  if (typeof given !== "string") return given;
  if (hasStar(given)) {
    const quoted = JSON.stringify(given.slice(0, 80));
    const expected = `\`{ path: ${quoted} }\` for a pattern, or \`{ url: ${quoted} }\` for a page with a star in its name`;
    throw optionError(at, expected, given);
  }
  return { url: given };
}

/** Whether the path of a URL looks like a pattern. */
export function hasStar(url: string): boolean {
  return /^[^?#]*\*/.test(url);
}

function pathSelector(option: string, given: unknown): PathSelector {
  const { scope, target } = located(option, given);
  if (pathPattern(target) === undefined) throw optionError(option, EXPECTED_PATTERN, given);
  return { kind: "path", path: target, scope };
}

function prefixSelectors(option: string, given: unknown): readonly PurgeSelector[] {
  const { scope, target } = located(option, given);
  if (target.endsWith("*"))
    throw optionError(option, "the characters that a path begins with; a pattern goes into `path`", given);
  return spellings(target).map((prefix) => ({ kind: "prefix", prefix, scope }));
}

function located(option: string, url: unknown): { readonly scope: string | undefined; readonly target: string } {
  const split = splitUrl(nonEmpty(option, url));
  if (split === undefined)
    throw optionError(option, 'a path beginning with "/" or an absolute URL of a host, without a user', url);
  return split;
}

/* The pages that one URL names, in the store's terms. */

/** Every name that a page requested under a target may have. */
export type QueriesOf = (target: string) => readonly (ResolvedQueryRules | undefined)[];

/** @param scope `undefined` for every host */
export function namedPages(
  { scope, target }: { readonly scope: string | undefined; readonly target: string },
  queriesOf: QueriesOf,
): readonly PurgeSelector[] {
  const names = new Set(
    spellings(target).flatMap((spelling) => queriesOf(spelling).map((query) => canonicalTarget(spelling, query))),
  );
  return [...names].map((name) => ({ kind: "name", name, scope }));
}

/* A cache group belongs to one origin (RFC 9875 §2); as a tag it carries its host, so that one site cannot purge
 * another's pages. */

export function groupTag(host: string, group: string): string {
  return `group ${hostName(host)} ${group}`;
}
