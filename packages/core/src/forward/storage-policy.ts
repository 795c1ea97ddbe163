/** What operator, route and handler together say about keeping one response. */
import type { ResponseHead } from "../base/exchange.js";
import { cacheGroups } from "../http/groups.js";
import type { StoragePolicy } from "../http/storability.js";
import { responseTags } from "../http/tags.js";
import { groupTag } from "../invalidate/group-tag.js";
import type { PageKey } from "../key/page-key.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { ResolvedPolicy, WholePolicy } from "../options/resolve-policy.js";
import type { HandlerDirectives } from "./handler-directives.js";

/** Seconds a stale response with validators is kept for a conditional request, when nothing else is asked. */
const DEFAULT_KEEP = 3600;

export function storagePolicy(
  options: ResolvedOptions,
  policy: WholePolicy,
  directives: HandlerDirectives,
  fragments: boolean,
): StoragePolicy {
  return {
    ttl: policy.ttl,
    handlerTtl: directives.ttlSeconds,
    statusTtl: policy.statusTtl,
    staleWhileRevalidate: policy.staleWhileRevalidate,
    staleIfError: policy.staleIfError,
    grace: policy.grace ?? 0,
    keep: policy.keep ?? DEFAULT_KEEP,
    heuristic: options.heuristic,
    targetedFields: options.targetedFields,
    methods: policy.methods,
    replaySetCookie: options.relaxed.setCookie,
    fragments,
  };
}

/** Every label of a response, from wherever it was given.
 * @throws {TypeError} for one that no purge could name; what a function of the user throws */
export function tagsOf(
  page: PageKey,
  policy: ResolvedPolicy,
  directives: HandlerDirectives,
  native: unknown,
  head: ResponseHead,
): readonly string[] {
  const groups = cacheGroups(head.rawHeaders);
  const tags: readonly unknown[] = [
    ...policy.tags.flatMap((labels) => labels(native).map(String)),
    ...directives.tags,
    ...responseTags(head.rawHeaders),
    ...groups,
    ...groups.map((group) => groupTag(page.scope, group)),
  ];
  return [...new Set(tags.map(asTag))];
}

// Kept without it, the page would outlive the purge that was to end it.
function asTag(tag: unknown): string {
  if (typeof tag !== "string" || tag === "")
    throw new TypeError(`a tag must be a text that is not empty, got ${String(tag)}`);
  return tag;
}
