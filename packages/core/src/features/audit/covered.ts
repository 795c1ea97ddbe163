/** Which reads of a handler are expected: what it read is in the key, or sends every request that has it past the
 * cache, or says nothing about the page. */
import type { RequestHead } from "../../base/exchange.js";
import type { StoredPolicy } from "../../http/stored-policy.js";
import { hasUnkeyedCookies } from "../../key/cookies.js";
import type { CookieRules } from "../../key/cookies.js";
import type { Credentials } from "../../key/credentials.js";
import { BYPASSING_FIELDS, isEveryField, SAYING_NOTHING } from "../../key/request-fields.js";
import { matchesAny } from "../../base/path-pattern.js";
import { countsInKey, ignoredParameters, parameterName } from "../../key/query.js";
import type { ResolvedPolicy } from "../../options/resolve-policy.js";
import { EVERY } from "./reads.js";
import type { Reads } from "./reads.js";

/** Something a handler read that does not select its page. */
export interface Unkeyed {
  readonly kind: "header" | "cookie" | "parameter";
  /** `*` for all of them. */
  readonly name: string;
}

/** What a page is selected by, as far as a handler may rely on it. */
export interface Selectors {
  readonly request: RequestHead;
  readonly policy: ResolvedPolicy;
  readonly cookies: CookieRules;
  readonly credentials: Credentials;
  readonly partitioned: boolean;
  /** The fields of the response's `Vary`, with those that were added to it. */
  readonly vary: readonly string[];
  readonly stored: StoredPolicy;
  /** Fields that no page is made from, as the operator states. */
  readonly ignore: readonly string[];
}

/** They say nothing about the page, or requests that have them bypass the cache. */
const KNOWN: ReadonlySet<string> = new Set([...SAYING_NOTHING, ...BYPASSING_FIELDS]);

/** Its content is in the key, and what the bytes of it mean. */
const OF_CONTENT: ReadonlySet<string> = new Set(["content-encoding", "content-language", "content-type"]);

/** They read the Cookie field as a whole to give out single cookies, whose reading is observed by itself, or to load a
 * session, whose clients are distinguished by other rules. */
const PARSERS = /[\\/]node_modules[\\/](?:cookie-parser|cookies|cookie-session|express-session|koa-session)[\\/]/;

export function unkeyedReads(reads: Reads, by: Selectors): readonly Unkeyed[] {
  return [
    ...collapsed(reads.fields)
      .filter((name) => !isFieldCovered(name, by))
      .map((name) => ({ kind: "header" as const, name })),
    ...unkeyedCookies(reads, by).map((name) => ({ kind: "cookie" as const, name })),
    ...[...collapsed(reads.parameters).filter((name) => isIgnoredParameter(name, by)), ...reads.reflections.found].map(
      (name) => ({ kind: "parameter" as const, name }),
    ),
  ];
}

// A handler that went through all of them has read each of them: one report for it.
function collapsed(names: ReadonlySet<string>): readonly string[] {
  return names.has(EVERY) ? [EVERY] : [...names];
}

function isFieldCovered(name: string, by: Selectors): boolean {
  const { request, policy, partitioned, vary, stored, credentials, ignore } = by;
  if (KNOWN.has(name) || vary.includes(name) || policy.keyHeaders.includes(name)) return true;
  if (name === EVERY) return vary.some(isEveryField);
  if (matchesAny(name, ignore)) return true;
  // A request that has it is bypassed, unless the page is also for its client.
  if (name === "authorization" || credentials.has(name)) return partitioned || !stored.authorizationAllowed;
  return OF_CONTENT.has(name) && request.contentDigest !== undefined;
}

function unkeyedCookies(reads: Reads, by: Selectors): readonly string[] {
  const { request, cookies, partitioned, vary, stored } = by;
  if (partitioned) return [];
  const copied = reads.fields.has(EVERY);
  // Vary covers those that are not ignored, and so does what is reported, and done, about all fields together.
  const allowed = stored.cookiesAllowed && !vary.includes("cookie") && !copied;
  const named = [...reads.cookies].filter(
    (name) => !matchesAny(name, cookies.key) && (matchesAny(name, cookies.ignore) || allowed),
  );
  if (copied) return request.ignoredCookies === true ? [...named, EVERY] : named;
  const { cookie } = request.headers;
  const unkeyed = !vary.includes("cookie") && typeof cookie === "string" && hasUnkeyedCookies(cookie, cookies);
  const telling = allowed || request.ignoredCookies === true || unkeyed;
  const whole = telling && reads.cookieReaders.some(({ stack }) => !PARSERS.test(stack ?? ""));
  return whole ? [...named, EVERY] : named;
}

function isIgnoredParameter(name: string, { request, policy: { query } }: Selectors): boolean {
  if (query === undefined) return false;
  const ignored = ignoredParameters(request.target, query).map(parameterName);
  if (name === EVERY) return ignored.length > 0;
  // A parser makes one parameter of `a[b]=1` and `a[c]=2`.
  return !countsInKey(name, query) || ignored.some((raw) => raw.startsWith(`${name}[`));
}
