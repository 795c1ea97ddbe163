/** The keys beside that of a page: of its variants (RFC 9111 §4.1), of its parts, of its coded bodies, and of the
 * records for `No-Vary-Search`. */
import { hash } from "node:crypto";
import type { RequestHead } from "../base/exchange.js";
import { fieldLines } from "../http/fields.js";
import { normaliseVaryValue } from "../http/vary.js";
import { everyFieldValue, isEveryField } from "./every-field.js";
import type { PageKey } from "./page-key.js";

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
