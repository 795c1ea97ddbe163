/** Whether the handler's response is stored (RFC 9111 §3): what HTTP allows, then what operator, route, handler and
 * audit say, then what was added while the head was being sent. Each can only refuse. */
import { Reads } from "../features/audit/reads.js";
import { hookError } from "../base/errors.js";
import type { RawHeaders, RequestHead, ResponseHead } from "../base/exchange.js";
import type { CacheContext } from "../page-cache/context.js";
import type { ExchangeTimes } from "../http/freshness.js";
import { answersGet } from "../http/invalidation.js";
import { parseCacheControl } from "../http/cache-control.js";
import { fieldLines, fieldValue, hasField } from "../http/fields.js";
import { cacheGroups, responseTags } from "../http/labels.js";
import { lengthAgrees, storability } from "../http/storability.js";
import type { StoragePolicy } from "../http/storability.js";
import { varyFields } from "../http/vary.js";
import { groupTag } from "../invalidate/purge-target.js";
import { everyFieldBut } from "../key/request-fields.js";
import type { PageKey } from "../key/page-key.js";
import { ignoredParameters } from "../key/query.js";
import { variantDigest, variantKey } from "../key/page-key.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { ResolvedPolicy, WholePolicy } from "../options/resolve-policy.js";
import { holesRefusal } from "../features/holes/fill.js";
import type { ForwardPlan, StoreDecision } from "./forward-plan.js";
import type { HandlerDirectives } from "./handler-directives.js";
import { isPart } from "./request-changes.js";

/** It may be stored, but is requested for the first time (`admission`). */
export const NOT_ADMITTED = "admission";

export function decideStoring(
  { options, observer, store }: CacheContext,
  plan: ForwardPlan,
  directives: HandlerDirectives,
  { head, bodyBytes }: { readonly head: ResponseHead; readonly bodyBytes: number | undefined },
  times: ExchangeTimes,
): StoreDecision {
  const { page, facts, policy, native, detail } = plan;
  if (page === undefined) return { store: false, reason: detail ?? "bypass" };
  if (directives.skipReason !== undefined) return { store: false, reason: directives.skipReason };
  // It would be found by clients that are not checked for belonging to it.
  if (!directives.partitions.every((value) => page.partitions.includes(value)))
    return { store: false, reason: "partition" };
  const unfillable = holesRefusal(directives.sealHoles(), head);
  if (unfillable !== undefined) return { store: false, reason: unfillable };
  const method = countsAs(options, plan, head);
  const verdict = storability(
    method === facts.method ? facts : { ...facts, method },
    head,
    storagePolicy(options, policy, directives, isPart(options, plan, head)),
    times,
  );
  if (!verdict.store) return verdict;
  // A handler that sends a coding has read `Accept-Encoding`, even if its response does not name it in `Vary`.
  const coding = hasField(head.rawHeaders, "content-encoding") ? ["accept-encoding"] : [];
  const said = varyFields(directives.varyFields);
  if (said === "*" || policy.vary.includes("*")) return { store: false, reason: "vary-star" };
  const vary = [...new Set([...verdict.vary, ...policy.vary, ...said, ...coding])].sort();
  if (isEventStream(head)) return { store: false, reason: "event-stream" };
  if ((bodyBytes ?? announcedLength(head)) > options.maxBody) return { store: false, reason: "too-long" };
  if (bodyBytes !== undefined && !lengthAgrees(head, bodyBytes)) return { store: false, reason: "length" };
  try {
    if (!policy.shouldStore.every((agrees) => agrees(native, head))) return { store: false, reason: "should-store" };
    const tags = tagsOf(page, policy, directives, native, head);
    if (!isAwaited(plan) && !store.admits(keyOf(page, plan.request, vary)))
      return { store: false, reason: NOT_ADMITTED };
    return { store: true, policy: verdict.policy, vary, tags };
  } catch (thrown) {
    observer.error(hookError("shouldStore or tags", thrown));
    return { store: false, reason: "hook" };
  }
}

// Other requests wait for it, so it was requested more than once.
function isAwaited({ leading }: ForwardPlan): boolean {
  return leading !== undefined && leading.flight.awaited;
}

function keyOf(page: PageKey, request: RequestHead, vary: readonly string[]): string {
  return vary.length === 0 ? page.key : variantKey(page.key, variantDigest(request, vary));
}

// The answer to a POST that also answers GETs is stored as the answer to a GET (RFC 9110 §9.3.3).
function countsAs({ relaxed }: ResolvedOptions, { request, policy }: ForwardPlan, head: ResponseHead): string {
  const { method, scheme, headers, target } = request;
  if (method !== "POST" || !relaxed.postAnswersGet || policy.methods.includes("POST")) return method;
  return answersGet(`${scheme}://${headers.host as string}${target}`, head) ? "GET" : method;
}

// Made for one client, from the moment it connected, and mostly without an end: no other request may read along.
function isEventStream({ rawHeaders }: ResponseHead): boolean {
  return (fieldValue(rawHeaders, "content-type") ?? "").toLowerCase().startsWith("text/event-stream");
}

/** Whether the response announces its own length. */
export function isLengthAnnounced({ rawHeaders }: ResponseHead): boolean {
  return hasField(rawHeaders, "content-length");
}

/** Known before the first byte, so that no request begins to read along a response that will not be stored. Bytes; 0
 * where it is not announced. */
export function announcedLength({ rawHeaders }: ResponseHead): number {
  return Number(fieldValue(rawHeaders, "content-length") ?? 0);
}

/* What operator, route and handler together say about storing one response. */

/** Seconds a stale response with validators stays stored for a conditional request, when nothing else is configured. */
const DEFAULT_KEEP = 3600;

function storagePolicy(
  options: ResolvedOptions,
  policy: WholePolicy,
  directives: HandlerDirectives,
  partialContent: boolean,
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
    partialContent,
  };
}

/** Every label of a response, from wherever it was given.
 * @throws {TypeError} for a label that no purge could name; what a function of the user throws */
function tagsOf(
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

// Stored without the label, the page would survive the purge that should remove it.
function asTag(tag: unknown): string {
  if (typeof tag !== "string" || tag === "")
    throw new TypeError(`a tag must be a text that is not empty, got ${String(tag)}`);
  return tag;
}

/* Fields that middleware outside the cache adds while the head is being sent (on-headers): what forbids storing
 * forbids it then too. The middleware adds them again on hits, so none of its other fields matter. */

/** What middleware outside varies on in what it adds itself: content codings, and cross-origin access. */
const OUTSIDES_OWN: ReadonlySet<string> = new Set(["accept-encoding", "origin"]);

/** The reason not to store the response, if one has come up since the decision on its head. */
export function lateRefusal(decidedOn: RawHeaders, sent: RawHeaders, replaySetCookie: boolean): string | undefined {
  if (!replaySetCookie && hasField(sent, "set-cookie")) return "set-cookie";
  if (namesMore(decidedOn, sent)) return "late-vary";
  const lines = fieldLines(sent, "cache-control");
  if (lines.join() === fieldLines(decidedOn, "cache-control").join()) return undefined;
  const { noStore, private: forOne } = parseCacheControl(lines);
  return noStore ? "no-store" : forOne ? "private" : undefined;
}

// The page may vary on what it names, and is not stored under that.
function namesMore(decidedOn: RawHeaders, sent: RawHeaders): boolean {
  const lines = fieldLines(sent, "vary");
  if (lines.length === 0) return false;
  const [before, now] = [varyFields(fieldLines(decidedOn, "vary")), varyFields(lines)];
  if (now === "*" || before === "*") return now !== before;
  return now.some((name) => !before.includes(name) && !OUTSIDES_OWN.has(name));
}

/* What the handler reads of a request, and whether its page is selected by it. */

export function readsOf({ target }: RequestHead, { query, keyFunction }: ResolvedPolicy): Reads {
  // With a key function, what the query means is the operator's decision.
  return keyFunction === undefined ? new Reads(query !== undefined, ignoredParameters(target, query)) : new Reads();
}

/** The decision, unless the handler has read what does not select the page and `audit` says to refuse such pages.
 * Where the handler went through all fields, each may have been used: then the page only answers requests that are
 * alike in all of them. Reports it either way. */
export function audited(
  { auditor, options }: CacheContext,
  { reads, request, policy, page, native }: ForwardPlan,
  decision: StoreDecision,
): StoreDecision {
  if (auditor === undefined || reads === undefined || page === undefined || !decision.store) return decision;
  const { vary, policy: stored } = decision;
  const { cookies, credentials } = options;
  const { ignore } = options.audit;
  const selectors = { request, policy, cookies, credentials, partitioned: page.partitioned, vary, stored, ignore };
  const { named, copied } = auditor.finds(reads, selectors, native);
  if (!auditor.enforces || !(named || copied)) return decision;
  if (named) return { store: false, reason: "audit" };
  // What a partition answers for, it answers for here, too.
  const answered = Object.keys(request.headers).filter((name) => credentials.has(name));
  const others = page.partitioned ? [...UNDER_PARTITIONS, ...answered] : [];
  return { ...decision, vary: [everyFieldBut([...ignore, ...others]), ...vary] };
}

const UNDER_PARTITIONS: readonly string[] = ["authorization", "cookie"];
