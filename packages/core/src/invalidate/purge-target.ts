/** What a caller of `purge()` names, checked and put into the store's words. */
import { optionError } from "../errors.js";
import { splitUrl } from "../key/split-url.js";
import type { PurgeSelector } from "../store/contract.js";
import { namedPages } from "./named-pages.js";
import type { QueriesOf } from "./named-pages.js";

/** Exactly one of the names, and how. A path (with its query) names the page on every host, an absolute URL on its own; all variants and methods go with it. */
export type PurgeTarget = (
  | { readonly url: string }
  | { readonly prefix: string }
  | { readonly tag: string }
  | { readonly tags: readonly string[] }
  | { readonly host: string }
  | { readonly all: true }
) &
  PurgeOptions;

export interface PurgeOptions {
  /** Keep what is purged as stale: for validation, and to stand in when the application fails.
   * @default false */
  readonly soft?: boolean;
}

type Named = string | PurgeTarget | readonly (string | PurgeTarget)[];

/** What a request that has succeeded puts out of date: a path, a URL or a target of `purge()`, or several, or a function of the request that names them. */
export type Purges<Req> = Named | ((req: Req) => Named | Promise<Named>);

const NAMES = ["url", "prefix", "tag", "tags", "host", "all"] as const;

/** @param queriesOf which parts of a target's query its pages may be named by
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when nothing, or more than one thing, is named */
export function purgeSelectors(target: unknown, queriesOf: QueriesOf): readonly PurgeSelector[] {
  const given = typeof target === "object" && target !== null ? (target as Record<string, unknown>) : {};
  const named = NAMES.filter((name) => given[name] !== undefined);
  const unknown = Object.keys(given).find((name) => name !== "soft" && !(NAMES as readonly string[]).includes(name));
  if (named.length !== 1 || unknown !== undefined)
    throw optionError("purge", `a path, a URL, or an object with one of ${NAMES.join(", ")}`, unknown ?? target);
  switch (named[0]!) {
    case "url":
      return namedPages(located("url", text("url", given.url)), queriesOf);
    case "prefix":
      return [prefixSelector(text("prefix", given.prefix))];
    case "tag":
      return [{ kind: "tag", tag: text("tag", given.tag) }];
    case "tags":
      if (!Array.isArray(given.tags)) throw optionError("purge.tags", "a list of tags", given.tags);
      return given.tags.map((tag) => ({ kind: "tag", tag: text("tags", tag) }));
    case "host":
      return [{ kind: "scope", scope: text("host", given.host).toLowerCase() }];
    case "all":
      if (given.all !== true) throw optionError("purge.all", "true", given.all);
      return [{ kind: "all" }];
  }
}

function prefixSelector(prefix: string): PurgeSelector {
  const { scope, target } = located("prefix", prefix);
  return { kind: "prefix", prefix: target, scope };
}

function located(option: string, url: string): { readonly scope: string | undefined; readonly target: string } {
  const split = splitUrl(url);
  if (split === undefined) throw optionError(`purge.${option}`, 'a path beginning with "/" or an absolute URL', url);
  return split;
}

function text(option: string, value: unknown): string {
  if (typeof value !== "string" || value === "") throw optionError(`purge.${option}`, "a non-empty string", value);
  return value;
}
