/** The head of a response on its way into the store: which fields it keeps, in which codings it is offered, and under
 * which page. */
import { dated } from "../base/clock.js";
import type { Coding } from "../base/codings.js";
import type { RawHeaders, ResponseHead } from "../base/exchange.js";
import type { CapturePlan } from "./capture/capture-plan.js";
import type { ClientCacheControl } from "../http/patch-cache-control.js";
import { isCodable } from "../http/codable.js";
import { fieldLines, fieldValue, hasField, withField, withoutFields } from "../http/fields.js";
import { withoutHopByHop } from "../http/hop-by-hop.js";
import { formatHttpDate } from "../http/http-date.js";
import type { StoredPolicy } from "../http/stored-policy.js";
import { INTERNAL_FIELDS } from "../http/labels.js";
import { varyFields, varyWith } from "../http/vary.js";
import { partPage } from "../key/page-key.js";
import type { ResolvedOptions } from "../options/resolve-options.js";
import type { ResolvedPolicy } from "../options/resolve-policy.js";
import { NO_OUTER_FIELDS } from "../stored/stored-response.js";
import type { OuterFields } from "../stored/stored-response.js";
import type { ForwardPlan, StoreDecision } from "./forward-plan.js";
import type { HandlerDirectives } from "./handler-directives.js";
import { isPart } from "./request-changes.js";

/** The response as it begins. */
export interface Beginning {
  readonly head: ResponseHead;
  /** Fields that were set before the handler was called. */
  readonly before: RawHeaders;
  /** Made here, for a response that had none. */
  readonly ownEtag: string | undefined;
  /** Epoch milliseconds. */
  readonly now: number;
}

/** @param plan of a request that has a page
 * @param directives the handler's, which may add labels later */
export function capturePlan(
  options: ResolvedOptions,
  plan: ForwardPlan,
  { policy, vary, tags }: StoreDecision & { readonly store: true },
  { head, before, ownEtag, now }: Beginning,
  directives: HandlerDirectives,
): CapturePlan {
  const page = plan.page!;
  const codings = offeredCodings(plan, directives, head);
  const named = codings.length === 0 ? vary : [...vary, "Accept-Encoding"];
  return {
    page: isPart(options, plan, head) ? partPage(page) : page,
    request: plan.request,
    head: headToStore(head, named, dated(options.clock, now)),
    policy,
    vary,
    // A `Vary` that names more than it did outside is no longer the one from there.
    outer: outerFields(before, namingVary(head.rawHeaders, named)),
    clientCacheControl: clientCacheControl(plan.policy, head, policy),
    tags,
    lateTags: directives.tags,
    birth: plan.birth,
    ownEtag,
    codings,
    holes: directives.sealHoles(),
  };
}

/* The header fields of a response on its way into the store and out to the client. */

/** The head as it is stored: end-to-end fields only, a `Date` (RFC 9110 §6.6.1), the fields that vary named. */
export function headToStore(response: ResponseHead, vary: readonly string[], responseAt: number): ResponseHead {
  const rawHeaders = withoutFields(withoutHopByHop(response.rawHeaders), INTERNAL_FIELDS);
  if (fieldValue(rawHeaders, "date") === undefined) rawHeaders.push("Date", formatHttpDate(responseAt));
  return { ...response, rawHeaders: namingVary(rawHeaders, vary) };
}

/** The same fields, with these named in `Vary`. */
function namingVary(raw: RawHeaders, fields: readonly string[]): RawHeaders {
  const joined = varyWith(raw, fields);
  return joined === undefined ? raw : withField(raw, "Vary", joined);
}

/** Our member of a list after those that the handler, or a cache further in (RFC 9211 §2), has given.
 * @param name in lower case */
export function besideOthers(raw: RawHeaders, name: string, member: string): string {
  const others = fieldValue(raw, name);
  return others === undefined || others === "" ? member : `${others}, ${member}`;
}

/** What a stored page says to the client about storing it; `undefined` when it says so itself, or nothing is asked
 * for. */
export function clientCacheControl(
  { clientCacheControl: asked }: ResolvedPolicy,
  { rawHeaders }: ResponseHead,
  { lifetime }: StoredPolicy,
): ClientCacheControl | undefined {
  if (asked === undefined || asked === false) return undefined;
  if (hasField(rawHeaders, "cache-control") || hasField(rawHeaders, "expires")) return undefined;
  // The page's own lifetime counts from when the page was made; one of the client's own begins when the client gets
  // it.
  if (asked === true) return { field: `max-age=${Math.floor(lifetime)}`, fromReceipt: false };
  return { field: asked, fromReceipt: true };
}

// A nonce in the policy belongs to the body it was made for, so this field always goes with the stored body.
const BELONGS_TO_BODY: ReadonlySet<string> = new Set([
  "content-security-policy",
  "content-security-policy-report-only",
]);

/** What the handler did to the fields that were set before it ran. */
export function outerFields(before: RawHeaders, after: RawHeaders): OuterFields {
  if (before.length === 0) return NO_OUTER_FIELDS;
  const kept = new Set<string>();
  const removed = new Set<string>();
  for (let index = 0; index < before.length; index += 2) {
    const name = before[index]!.toLowerCase();
    const lines = fieldLines(after, name);
    if (lines.length === 0) removed.add(name);
    else if (!BELONGS_TO_BODY.has(name) && same(fieldLines(before, name), lines)) kept.add(name);
  }
  return { kept: [...kept], removed: [...removed] };
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, index) => line === b[index]);
}

/* In which content codings a handler's response is offered beside its own form (`compress`). Known from its head, so
 * that the first client's `Vary` names `Accept-Encoding`, too. */

const NONE: readonly Coding[] = Object.freeze([]);

/** @returns none where the option is off, or the response is left alone */
export function offeredCodings(
  { page, policy }: ForwardPlan,
  directives: HandlerDirectives,
  head: ResponseHead,
): readonly Coding[] {
  if (policy.compress === undefined || policy.compress.length === 0 || page === undefined) return NONE;
  const named = varyFields(fieldLines(head.rawHeaders, "vary"));
  // Holes are filled in the plain text.
  if (named === "*" || directives.sealHoles() !== undefined) return NONE;
  return isCodable(head, [...named, ...policy.vary, ...directives.varyFields]) ? policy.compress : NONE;
}
