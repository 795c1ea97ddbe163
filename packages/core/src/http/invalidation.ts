/** What an unsafe request puts out of date (RFC 9111 §4.4). */
import type { ResponseHead } from "../base/exchange.js";
import { fieldLines } from "./fields.js";

/** Whether the response to this request invalidates what is stored for its target: a method that is not known to be
 * safe, and no error. */
export function invalidatesTarget(method: string, status: number): boolean {
  return !isSafe(method) && status >= 200 && status < 400;
}

/** Whether a method is known to change nothing (RFC 9110 §9.2.1). */
export function isSafe(method: string): boolean {
  return SAFE_METHODS.has(method);
}

/** The URIs to invalidate, absolute, each once: the target, and where `Location` and `Content-Location` point if that
 * is of the same origin (others could belong to anyone).
 * @example
 * invalidatedTargets({ scheme: "https", host: "example.com", target: "/a" }, response) // ["https://example.com/a",
 * "https://example.com/b"] */
export function invalidatedTargets(
  request: { scheme: string; host: string; target: string },
  response: ResponseHead,
): string[] {
  const { scheme, host, target } = request;
  const targetUri = target.startsWith("/") ? `${scheme}://${host}${target}` : target;
  const uris = new Set([targetUri]);
  const base = host === "" ? undefined : parseUri(targetUri);
  for (const name of ["location", "content-location"]) {
    for (const reference of fieldLines(response.rawHeaders, name)) {
      const uri = base === undefined ? undefined : parseUri(reference, base);
      // The host as this request spelled it, not as the parser does: that is how it is in the key.
      if (uri !== undefined && uri.origin === base!.origin) uris.add(`${scheme}://${host}${uri.pathname}${uri.search}`);
    }
  }
  return [...uris];
}

function parseUri(reference: string, base?: URL): URL | undefined {
  try {
    return new URL(reference, base);
  } catch {
    return undefined;
  }
}

// RFC 9110 §9.2.1: the methods that IANA's registry calls safe. An unknown one is not safe.
const SAFE_METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "PRI",
  "PROPFIND",
  "QUERY",
  "REPORT",
  "SEARCH",
  "TRACE",
]);

/* POST responses that are representations of their target, so that later GETs may get them (RFC 9110 §9.3.3). For
 * operators that enable it. */

/** Whether the response to a POST may answer GETs for its target: a success whose one `Content-Location` is that
 * target. Its explicit freshness is for `storability()` to find.
 * @param targetUri absolute */
export function answersGet(targetUri: string, response: ResponseHead): boolean {
  const locations = fieldLines(response.rawHeaders, "content-location");
  if (locations.length !== 1 || response.status !== 200) return false;
  try {
    return new URL(locations[0]!, targetUri).href === new URL(targetUri).href;
  } catch {
    return false;
  }
}
