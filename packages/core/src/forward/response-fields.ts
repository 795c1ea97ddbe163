/** The header fields of a response on its way into the store and out to the visitor. */
import type { RawHeaders, ResponseHead } from "../base/exchange.js";
import { fieldLines, fieldValue, hasField, withField, withoutFields } from "../http/fields.js";
import { withoutHopByHop } from "../http/hop-by-hop.js";
import type { ClientCacheControl } from "../http/client-lifetime.js";
import { formatHttpDate } from "../http/http-date.js";
import type { StoredPolicy } from "../http/stored-policy.js";
import { INTERNAL_FIELDS } from "../http/tags.js";
import { varyWith } from "../http/vary.js";
import type { ResolvedPolicy } from "../options/resolve-policy.js";
import { NO_OUTER_FIELDS } from "../stored/outer-fields.js";
import type { OuterFields } from "../stored/outer-fields.js";

/** The head as it is stored: end-to-end fields only, a `Date` (RFC 9110 §6.6.1), the fields that vary named. */
export function headToStore(response: ResponseHead, vary: readonly string[], responseAt: number): ResponseHead {
  const rawHeaders = withoutFields(withoutHopByHop(response.rawHeaders), INTERNAL_FIELDS);
  if (fieldValue(rawHeaders, "date") === undefined) rawHeaders.push("Date", formatHttpDate(responseAt));
  return { ...response, rawHeaders: namingVary(rawHeaders, vary) };
}

/** The same fields, with these named in `Vary`. */
export function namingVary(raw: RawHeaders, fields: readonly string[]): RawHeaders {
  const joined = varyWith(raw, fields);
  return joined === undefined ? raw : withField(raw, "Vary", joined);
}

/** Our member after those of caches further in (RFC 9211 §2). */
export function cacheStatusWith(raw: RawHeaders, member: string): string {
  const others = fieldValue(raw, "cache-status");
  return others === undefined || others === "" ? member : `${others}, ${member}`;
}

/** What a stored page tells the visitor about keeping it; `undefined` when it says so itself, or nothing is asked for. */
export function clientCacheControl(
  { clientCacheControl: asked }: ResolvedPolicy,
  { rawHeaders }: ResponseHead,
  { lifetime }: StoredPolicy,
): ClientCacheControl | undefined {
  if (asked === undefined || asked === false) return undefined;
  if (hasField(rawHeaders, "cache-control") || hasField(rawHeaders, "expires")) return undefined;
  // The page's own lifetime is over when the page is; one of the client's own begins with the client.
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
