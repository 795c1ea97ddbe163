/** Reads a Cookie field as far as the key needs it: names and raw values, never decoded (RFC 6265 §5.4). */
import { matchesAny } from "./patterns.js";

export interface CookieRules {
  readonly ignore: readonly string[];
  readonly key: readonly string[];
}

/** Whether the request carries a cookie the operator does not answer for. A pair without a name counts as one. */
export function hasUndeclaredCookies(header: string, rules: CookieRules): boolean {
  return cookiePairs(header).some(([name]) => !matchesAny(name, rules.ignore) && !matchesAny(name, rules.key));
}

/** Whether the request carries a cookie that is not in its key, declared or not. */
export function hasUnkeyedCookies(header: string, rules: CookieRules): boolean {
  return cookiePairs(header).some(([name]) => !matchesAny(name, rules.key));
}

/** The keyed cookies, in order of name; repeats of a name keep their order. */
export function keyedCookies(header: string, rules: CookieRules): readonly (readonly [name: string, value: string])[] {
  return cookiePairs(header)
    .filter(([name]) => matchesAny(name, rules.key))
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function cookiePairs(header: string): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (const part of header.split(/[;,]/)) {
    const pair = part.trim();
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    pairs.push(equals < 0 ? ["", pair] : [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()]);
  }
  return pairs;
}
