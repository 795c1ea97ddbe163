/** Whether a response may be sent in a content coding that its handler did not choose (RFC 9110 §7.7, §8.4.1), and
 * whether that could make it shorter. Never looks at the body. */
import type { RawHeaders, ResponseHead } from "../base/exchange.js";
import { parseCacheControl } from "./cache-control.js";
import { fieldLines, fieldValue, hasField } from "./fields.js";

/** Shorter bodies are skipped: what is saved is less than a packet. */
export const LEAST_CODED_BYTES = 1024;
/** Longer ones, too: they would block a thread for seconds, and no client waits for the whole of them. */
export const MOST_CODED_BYTES = 8 * 1024 * 1024;

/** @param vary lower-case names of the fields that select the response, wherever they were named */
export function isCodable({ status, rawHeaders }: ResponseHead, vary: readonly string[]): boolean {
  return (
    hasWholeContent(status) &&
    isCompressibleType(fieldValue(rawHeaders, "content-type")) &&
    lengthIsWorthIt(rawHeaders) &&
    // Coded already, or part of a whole that is not here.
    !hasField(rawHeaders, "content-encoding") &&
    !hasField(rawHeaders, "content-range") &&
    // The handler chooses by itself.
    !vary.includes("accept-encoding") &&
    !parseCacheControl(fieldLines(rawHeaders, "cache-control")).noTransform
  );
}

/** Whether content of this media type is usually not compressed by itself.
 * @example isCompressibleType("text/html; charset=utf-8") // true */
export function isCompressibleType(contentType: string | undefined): boolean {
  const type = (contentType ?? "").split(";", 1)[0]!.trim().toLowerCase();
  return TEXT.test(type) || COMPRESSIBLE.has(type);
}

// RFC 9110 §15.3.5, §15.3.6, §15.3.7, §15.4.5.
function hasWholeContent(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 205 && status !== 206 && status !== 304;
}

// Where the length is not announced, it is checked when the body has ended.
function lengthIsWorthIt(raw: RawHeaders): boolean {
  const length = fieldValue(raw, "content-length");
  return length === undefined || (Number(length) >= LEAST_CODED_BYTES && Number(length) <= MOST_CODED_BYTES);
}

// A stream of events has no end to wait for.
const TEXT = /^text\/(?!event-stream$)|\+(?:json|text|xml|yaml)$/;
// What https://github.com/jshttp/mime-db calls compressible beyond that, as far as servers of pages send it.
const COMPRESSIBLE: ReadonlySet<string> = new Set([
  "application/dart",
  "application/ecmascript",
  "application/graphql",
  "application/javascript",
  "application/json",
  "application/jsonl",
  "application/ndjson",
  "application/postscript",
  "application/rtf",
  "application/toml",
  "application/vnd.ms-fontobject",
  "application/vnd.ms-opentype",
  "application/wasm",
  "application/x-javascript",
  "application/x-ndjson",
  "application/x-ns-proxy-autoconfig",
  "application/x-sh",
  "application/x-www-form-urlencoded",
  "application/x-yaml",
  "application/xml",
  "application/xml-dtd",
  "application/yaml",
  "font/otf",
  "font/ttf",
  "image/bmp",
  "image/vnd.microsoft.icon",
  "image/x-icon",
  "image/x-ms-bmp",
  "message/rfc822",
  "model/gltf-binary",
]);
