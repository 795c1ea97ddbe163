/** The `Cache-Status` field (RFC 9211): what the cache did with one request, and why. */
import { parseList } from "./structured-fields.js";
import type { BareItem, Parameters } from "./structured-fields.js";

/** Why a request was forwarded (§2.2). */
export type ForwardReason = "bypass" | "method" | "uri-miss" | "vary-miss" | "miss" | "request" | "stale" | "partial";

interface Details {
  /** Remaining freshness in seconds; negative once stale (§2.4). */
  readonly ttl?: number | undefined;
  /** Anything more, such as why a response was not stored (§2.8). */
  readonly detail?: string | undefined;
  /** §2.7. */
  readonly key?: string | undefined;
}

/** Answered from the cache (§2.1). */
export interface CacheHit extends Details {
  readonly hit: true;
  readonly fwd?: never;
}

/** Sent on to the application (§2.2). */
export interface CacheForward extends Details {
  readonly hit?: never;
  readonly fwd: ForwardReason;
  /** Status of its response (§2.3). */
  readonly fwdStatus?: number | undefined;
  /** Whether that response was stored (§2.5). */
  readonly stored?: boolean | undefined;
  /** Whether it is being stored, and only its end will show whether it was: a parameter of our own. */
  readonly storing?: boolean | undefined;
  /** Whether the request waited for another's response (§2.6). */
  readonly collapsed?: boolean | undefined;
}

/** Answered by the cache itself, with nothing stored and nothing forwarded: a 504 to `only-if-cached`. */
export interface CacheRefusal extends Details {
  readonly hit?: never;
  readonly fwd?: never;
  readonly detail: string;
}

export type CacheStatus = CacheHit | CacheForward | CacheRefusal;

/** @example
 * formatCacheStatus({ hit: true, ttl: 298 }) // "diskcache; hit; ttl=298"
 * formatCacheStatus({ fwd: "uri-miss", fwdStatus: 200, detail: "set-cookie" }) // "diskcache; fwd=uri-miss;
 * fwd-status=200; detail=set-cookie" */
export function formatCacheStatus(outcome: CacheStatus): string {
  let value = "diskcache";
  if (outcome.hit === true) value += "; hit";
  else if (outcome.fwd !== undefined) {
    value += `; fwd=${outcome.fwd}`;
    if (outcome.fwdStatus !== undefined) value += `; fwd-status=${integer(outcome.fwdStatus)}`;
    if (outcome.stored === true) value += "; stored";
    else if (outcome.storing === true) value += "; storing";
    if (outcome.collapsed === true) value += "; collapsed";
  }
  if (outcome.ttl !== undefined) value += `; ttl=${integer(outcome.ttl)}`;
  if (outcome.key !== undefined) value += `; key=${string(outcome.key)}`;
  if (outcome.detail !== undefined)
    value += `; detail=${TOKEN.test(outcome.detail) ? outcome.detail : string(outcome.detail)}`;
  return value;
}

const TOKEN = /^[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*$/;
/** RFC 9651 §3.3.1. */
const MAX_INTEGER = 999_999_999_999_999;

function integer(value: number): number {
  return Number.isNaN(value) ? 0 : Math.trunc(Math.max(-MAX_INTEGER, Math.min(MAX_INTEGER, value)));
}

// RFC 9651 §3.3.3 knows only visible ASCII and space: any other character becomes "?", so that no value can break the
// field or the header block.
function string(text: string): string {
  return `"${text.replace(/[^ -~]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}

/** What one of the caches on the way did (RFC 9211 §2), as its field says it. */
export interface ParsedCacheStatus {
  /** Its name: `"diskcache"` for this one. */
  readonly cache: string;
  readonly hit: boolean;
  /** Why it was forwarded: `uri-miss`, `stale`, `bypass`, … */
  readonly fwd: string | undefined;
  /** Status of the answer to the forwarded request. */
  readonly fwdStatus: number | undefined;
  readonly stored: boolean;
  /** This cache's own: the response is being stored, and only its end shows whether it was. */
  readonly storing: boolean;
  readonly collapsed: boolean;
  /** Seconds; negative once stale. */
  readonly ttl: number | undefined;
  readonly key: string | undefined;
  /** More about it, such as why the response was not stored: docs/cache-status.md has every word of this cache. */
  readonly detail: string | undefined;
}

/** Reads the field, of this cache or any other: the cache that is nearest to the origin first. Members that are no
 * cache's are left out; of a field that follows no grammar nothing is left.
 * @param value the field, or each of its lines
 * @example
 * const [own] = parseCacheStatus("diskcache; fwd=uri-miss; detail=set-cookie");
 * console.log(own?.hit, own?.detail); // false, "set-cookie" */
export function parseCacheStatus(value: string | readonly string[]): readonly ParsedCacheStatus[] {
  const members = parseList(typeof value === "string" ? [value] : value) ?? [];
  return members.flatMap((member) => {
    if (member.kind !== "item" || !isText(member.item)) return [];
    return [{ cache: member.item.value, ...parsed(member.parameters) }];
  });
}

function parsed(parameters: Parameters): Omit<ParsedCacheStatus, "cache"> {
  const flag = (name: string): boolean => parameters.get(name)?.value === true;
  const text = (name: string): string | undefined => {
    const item = parameters.get(name);
    return item !== undefined && isText(item) ? item.value : undefined;
  };
  const whole = (name: string): number | undefined => {
    const item = parameters.get(name);
    return item?.type === "integer" ? item.value : undefined;
  };
  return {
    hit: flag("hit"),
    fwd: text("fwd"),
    fwdStatus: whole("fwd-status"),
    stored: flag("stored"),
    storing: flag("storing"),
    collapsed: flag("collapsed"),
    ttl: whole("ttl"),
    key: text("key"),
    detail: text("detail"),
  };
}

function isText(item: BareItem): item is BareItem & { readonly value: string } {
  return item.type === "string" || item.type === "token";
}
