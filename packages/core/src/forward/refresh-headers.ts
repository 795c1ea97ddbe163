/** The header fields a refresh goes out with: the visitor's, as far as they select the response, and nothing that is the visitor's own. */
import type { RawHeaders } from "../base/exchange.js";
import { withoutHopByHop } from "../http/hop-by-hop.js";
import { keyedCookies } from "../key/cookies.js";
import type { CookieRules } from "../key/cookies.js";
import type { Credentials } from "../key/credentials.js";

const VISITORS_OWN: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "proxy-authorization",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "if-range",
  "range",
  "cache-control",
  "pragma",
  "content-length",
  "expect",
  "referer",
]);

export function refreshHeaders(raw: RawHeaders, cookies: CookieRules, credentials: Credentials): string[] {
  const kept: string[] = [];
  const endToEnd = withoutHopByHop(raw);
  for (let index = 0; index < endToEnd.length; index += 2) {
    const name = endToEnd[index]!;
    const value = endToEnd[index + 1]!;
    if (credentials.has(name.toLowerCase())) continue;
    if (!VISITORS_OWN.has(name.toLowerCase())) kept.push(name, value);
    else if (name.toLowerCase() === "cookie") {
      const keyed = keyedCookies(value, cookies);
      if (keyed.length > 0) kept.push(name, keyed.map((pair) => pair.join("=")).join("; "));
    }
  }
  return kept;
}
