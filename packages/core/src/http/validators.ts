/** Validators (RFC 9110 §8.8): what distinguishes one version of a representation from another. */
import type { ResponseHead } from "../base/exchange.js";
import { fieldLines, fieldValue, hasField, trimmed } from "./fields.js";
import { dateOf } from "./freshness.js";
import { parseHttpDate } from "./http-date.js";

export interface Validators {
  /** As sent, quotes and `W/` included. */
  readonly etag: string | undefined;
  /** As sent. */
  readonly lastModified: string | undefined;
}

/** The stored validators, to be sent back as `If-None-Match` and `If-Modified-Since`. A field that is given twice with
 * different values counts as absent. */
export function validatorsOf(response: ResponseHead): Validators {
  return { etag: single(response, "etag"), lastModified: single(response, "last-modified") };
}

export function hasValidator(response: ResponseHead): boolean {
  const { etag, lastModified } = validatorsOf(response);
  return etag !== undefined || lastModified !== undefined;
}

/** Whether the cache may give it an entity tag of its own: an empty body does not gain from one. */
export function mayBeTagged({ status, rawHeaders }: ResponseHead): boolean {
  return status === 200 && !hasField(rawHeaders, "etag") && fieldValue(rawHeaders, "content-length")?.trim() !== "0";
}

export function isStrong(etag: string): boolean {
  return !WEAK.test(etag);
}

/** RFC 9110 §8.8.3.2, weak comparison: the same except for `W/`. */
export function weaklyEqual(one: string, other: string): boolean {
  return one.replace(WEAK, "") === other.replace(WEAK, "");
}

/** RFC 9110 §8.8.3.2, strong comparison: the same, and neither is weak. */
export function stronglyEqual(one: string, other: string): boolean {
  return one === other && isStrong(one);
}

/** RFC 9110 §8.8.2.2: a `Last-Modified` at least a second older than the response's `Date` cannot have missed a later
 * change. */
export function hasStrongLastModified(response: ResponseHead): boolean {
  const { lastModified } = validatorsOf(response);
  const date = dateOf(response, Number.NaN);
  const modifiedAt = lastModified === undefined ? undefined : parseHttpDate(lastModified, date ?? Number.NaN);
  return date !== undefined && modifiedAt !== undefined && date - modifiedAt >= 1000;
}

const WEAK = /^W\//;

function single(response: ResponseHead, name: string): string | undefined {
  const [first, ...others] = fieldLines(response.rawHeaders, name).map(trimmed);
  return first === "" || others.some((other) => other !== first) ? undefined : first;
}
