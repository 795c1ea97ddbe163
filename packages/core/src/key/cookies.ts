/** Reads a Cookie field as far as the key needs it: names and raw values, never decoded (RFC 6265 §5.4). */
import type { RawHeaders, RequestHead } from "../base/exchange.js";
import { matchesAny } from "../base/path-pattern.js";

export interface CookieRules {
  readonly ignore: readonly string[];
  readonly key: readonly string[];
}

/** Whether the request carries a cookie the operator does not answer for. A pair without a name counts as one. */
export function hasUndeclaredCookies(header: string, rules: CookieRules): boolean {
  return cookiePairs(header).some(([name]) => !matchesAny(name, rules.ignore) && !matchesAny(name, rules.key));
}

/** Their names, each once; `""` for a pair without a name. */
export function undeclaredCookies(header: string, rules: CookieRules): readonly string[] {
  const names = cookiePairs(header).map(([name]) => name);
  return [...new Set(names)].filter((name) => !matchesAny(name, rules.ignore) && !matchesAny(name, rules.key));
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

/** The request as if its client had not sent the cookies that the operator ignores: everything that reads its fields
 * from here on (the key, `Vary: Cookie`, what may be stored) sees only the others. */
export function withoutIgnoredCookies(request: RequestHead, rules: CookieRules): RequestHead {
  if (rules.ignore.length === 0 || request.headers.cookie === undefined) return request;
  const { cookie, ...others } = request.headers;
  const pairs = cookiePairs(cookie as string);
  const kept = pairs.filter(([name]) => !matchesAny(name, rules.ignore) || matchesAny(name, rules.key));
  if (kept.length === pairs.length) return request;
  const rawHeaders = withoutCookies(request.rawHeaders);
  const bare = { ...request, headers: others, rawHeaders, ignoredCookies: true } as const;
  if (kept.length === 0) return bare;
  const text = kept.map(([name, value]) => (name === "" ? value : `${name}=${value}`)).join("; ");
  return { ...bare, headers: { ...others, cookie: text }, rawHeaders: [...rawHeaders, "cookie", text] };
}

function withoutCookies(raw: RawHeaders): string[] {
  const others: string[] = [];
  for (let index = 0; index < raw.length; index += 2)
    if (raw[index]!.toLowerCase() !== "cookie") others.push(raw[index]!, raw[index + 1]!);
  return others;
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
