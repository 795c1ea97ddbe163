/** The cache key of a page (RFC 9111 §2): what selects its stored responses. Parts are length-prefixed, so no crafted
 * value can pass for another part. */
import { hash } from "node:crypto";
import type { RequestHead } from "../base/exchange.js";
import { fieldLines } from "../http/fields.js";
import { normaliseVaryValue } from "../http/vary.js";
import type { ResolvedPolicy } from "../options/resolve-policy.js";
import { keyedCookies } from "./cookies.js";
import type { CookieRules } from "./cookies.js";
import { canonicalTarget } from "./query.js";
import { everyFieldValue, FORWARDED_FIELDS, isEveryField } from "./request-fields.js";
import { hostName } from "./spellings.js";

export interface PageKey {
  readonly key: string;
  /** Host, in one spelling for all: what a purge by host names. */
  readonly scope: string;
  /** Path and query as the key sees them: what a purge by URL or prefix compares. */
  readonly name: string;
  /** Whose page it is, in the application's words; never stored. */
  readonly partitions: readonly string[];
  /** Belongs to a partition, which answers for cookies and `Authorization`. */
  readonly partitioned: boolean;
}

/** A whole parameter of `Forwarded` with its token or quoted value; anything else about the field stays in the key. */
const CONNECTION_ENDS = /(?<=^|[;,])[ \t]*(?:for|by)=(?:"(?:[^"\\]|\\.)*"|[^;,"]*)(?=$|[;,])/gi;

const PARTITION = /partition\d+:/;

/** What the bytes of a request's content mean. */
const CONTENT_FIELDS = ["content-encoding", "content-language", "content-type"] as const;

/** What the keys of all pages of a cache are made from, beside request and policy. */
interface WholeKey {
  readonly cookies: CookieRules;
  /** Of the application that makes them. */
  readonly version: string | undefined;
}

/** What the keys of similar requests have in common: what stands before path and query, and what behind them. */
export interface KeyFrame {
  readonly before: string;
  readonly after: string;
}

/** @throws whatever a `key` or `partition` function of the user throws; the caller then bypasses the cache */
export function pageKey(request: RequestHead, policy: ResolvedPolicy, whole: WholeKey, native: unknown): PageKey {
  const name = canonicalTarget(request.target, policy.query);
  const target = policy.keyFunction === undefined ? name : requireString("key", policy.keyFunction(native));
  let key = framedKey(keyFrame(request, policy, whole), target);
  const partitions: string[] = [];
  for (const [index, of] of policy.partitions.entries()) {
    const partition = of(native);
    if (partition === undefined) continue;
    key += `partition${index}:${framed(hash("sha256", requireString("partition", partition)))}`;
    partitions.push(partition);
  }
  return { key, scope: hostName(scopeOf(request)), name, partitions, partitioned: partitions.length > 0 };
}

/** Whether what lies under a key may belong to a partition. A key that only looks so does no harm. */
export function mayBePartitioned(key: string): boolean {
  return PARTITION.test(key);
}

/** Of all requests that differ from this one in their target alone. */
export function keyFrame(request: RequestHead, policy: ResolvedPolicy, { cookies, version }: WholeKey): KeyFrame {
  const { headers } = request;
  const method = request.method === "HEAD" ? "GET" : request.method;
  let after = "route ".repeat(policy.guards);
  if (version !== undefined) after += `version:${framed(version)}`;
  if (request.rewritten !== undefined && policy.keyFunction === undefined)
    after += `rewritten:${framed(canonicalTarget(request.rewritten, policy.query))}`;
  if (request.contentDigest !== undefined) {
    after += `content:${framed(request.contentDigest)}`;
    for (const field of CONTENT_FIELDS) after += fieldPart(request, field);
  }
  for (const field of FORWARDED_FIELDS) {
    if (headers[field] !== undefined) after += fieldPart(request, field);
  }
  if (headers.forwarded !== undefined) after += forwardedPart(request);
  for (const field of policy.keyHeaders) after += fieldPart(request, field);
  if (cookies.key.length > 0 && headers.cookie !== undefined) {
    for (const [cookie, value] of keyedCookies(headers.cookie as string, cookies))
      after += `cookie:${framed(cookie)}${framed(hash("sha256", value))}`;
  }
  return { before: framed(method) + framed(request.scheme) + framed(scopeOf(request)), after };
}

/** @param target path and query as the key sees them */
export function framedKey({ before, after }: KeyFrame, target: string): string {
  return before + framed(target) + after;
}

function scopeOf({ headers }: RequestHead): string {
  return ((headers.host ?? "") as string).toLowerCase();
}

/** The part of a page's key that all queries of its path share; `undefined` where the key is not made from path and
 * query. */
export function pathKey({ key, name }: PageKey, request: RequestHead): string | undefined {
  const { method, scheme } = request;
  const exchange = framed(method === "HEAD" ? "GET" : method) + framed(scheme) + framed(scopeOf(request));
  const whole = exchange + framed(name);
  return key.startsWith(whole) ? exchange + framed(pathOf(name)) + key.slice(whole.length) : undefined;
}

function pathOf(target: string): string {
  const mark = target.indexOf("?");
  return mark < 0 ? target : target.slice(0, mark);
}

// RFC 7239 §5: `for` and `by` name the two ends of a connection, which differ for each client; like X-Forwarded-For
// they name no page.
function forwardedPart(request: RequestHead): string {
  const pages = fieldLines(request.rawHeaders, "forwarded").map((line) => line.replaceAll(CONNECTION_ENDS, ""));
  return `field:${framed("forwarded")}${pages.length}${pages.map((line) => framed(hash("sha256", line))).join("")}`;
}

// Values are hashed: what a client sends must not be readable on the disk. Absent and empty differ, and so do one line
// and two.
function fieldPart(request: RequestHead, field: string): string {
  const lines = fieldLines(request.rawHeaders, field);
  return `field:${framed(field)}${lines.length}${lines.map((line) => framed(hash("sha256", line))).join("")}`;
}

function framed(text: string): string {
  return `${text.length}:${text} `;
}

function requireString(hook: string, value: unknown): string {
  if (typeof value !== "string") throw new TypeError(`${hook} must return a string, got ${typeof value}`);
  // Lone surrogates all become the same bytes: one could stand for another.
  if (/\p{Surrogate}/u.test(value)) throw new TypeError(`${hook} must return whole characters`);
  return value;
}

/* The content of a request as part of a key, for methods whose content is the question (QUERY, and POST where the
 * operator says so). */

/** Longest content that is read for the key; a request with more is forwarded unread. */
export const MAX_KEYED_CONTENT_BYTES = 1024 * 1024;

/** Methods whose content says what is requested. */
export function isAskedByContent(method: string): boolean {
  return method === "QUERY" || method === "POST";
}

export function contentDigest(content: Uint8Array): string {
  return hash("sha256", content);
}

/* The keys beside that of a page: of its variants (RFC 9111 §4.1), of its parts, of its coded bodies, and of the
 * records for `No-Vary-Search`. */

/** Digest of the normalised values of the selecting fields. Only the digest goes to disk, never a value a client
 * sent. */
export function variantDigest(request: RequestHead, fields: readonly string[]): string {
  let text = "";
  for (const field of fields) {
    const value = isEveryField(field)
      ? everyFieldValue(field, request.rawHeaders)
      : normaliseVaryValue(field, fieldLines(request.rawHeaders, field));
    // "-" stands for an absent field: no length can look like it, so absent and empty differ.
    text += value === undefined ? `${field}-` : `${field}${value.length}:${value}`;
  }
  return hash("sha256", text).slice(0, 32);
}

/** Whether both requests select the same among responses that vary on these fields. */
export function sameVariant(one: RequestHead, other: RequestHead, fields: readonly string[]): boolean {
  return fields.length === 0 || variantDigest(one, fields) === variantDigest(other, fields);
}

export function variantKey(pageKey: string, digest: string): string {
  return `${pageKey}variant:${digest}`;
}

/** The key of a response's body in a content coding: stored beside the response. */

export function codedKey(responseKey: string, coding: string): string {
  return `${responseKey}coding:${coding} `;
}

/* The key of the application's own parts (206) of a page: stored beside the page, never in its place. */

export function partPage(page: PageKey): PageKey {
  return { ...page, key: `${page.key}part ` };
}

/** The key under which to look for responses whose query matters only in part (`No-Vary-Search`). */

/** The rules that responses of a path gave. */
export function searchRecordKey(pathKey: string): string {
  return `${pathKey}search `;
}

/** @param query as a rule spells it */
export function searchAliasKey(pathKey: string, query: string): string {
  return `${pathKey}search ${query.length}:${query} `;
}
