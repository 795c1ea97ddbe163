/** Which part of a request target names the page. Works on raw bytes: nothing is decoded, so two targets that the
 * application can distinguish stay distinct. */
import type { ResolvedQueryRules } from "../options/resolve-policy.js";
import { matchesAny } from "../base/path-pattern.js";

/** A name that every parser reads as it stands: nothing encoded, no brackets. Any other may turn out to be one that
 * counts: `%69d`, `id[]`, `[id]`. */
const PLAIN_NAME = /^[\w.~-]*$/;

/** The target as the key sees it: without the parameters the rules ignore, the rest sorted by name where `sort` is
 * set. */
export function canonicalTarget(target: string, rules: ResolvedQueryRules | undefined): string {
  if (rules === undefined || (rules.ignore.length === 0 && rules.only === undefined && !rules.sort)) return target;
  const mark = target.indexOf("?");
  if (mark < 0) return target;
  const kept = target
    .slice(mark + 1)
    .split("&")
    .filter((parameter) => isKept(parameter, rules));
  // A stable sort by name: repeats of one name keep their order, because a handler may read the first or the last.
  if (rules.sort) kept.sort((a, b) => compare(parameterName(a), parameterName(b)));
  return kept.length === 0 ? target.slice(0, mark) : `${target.slice(0, mark)}?${kept.join("&")}`;
}

/** The raw parameters of a target that are not in its key. */
export function ignoredParameters(target: string, rules: ResolvedQueryRules | undefined): readonly string[] {
  const mark = target.indexOf("?");
  if (rules === undefined || mark < 0) return [];
  return target
    .slice(mark + 1)
    .split("&")
    .filter((parameter) => parameter !== "" && !isKept(parameter, rules));
}

// To some applications `;` separates parameters as `&` does: what follows it must not be hidden by an ignored name
// before it.
function isKept(parameter: string, rules: ResolvedQueryRules): boolean {
  return parameter.includes(";") || countsInKey(parameterName(parameter), rules);
}

/** Whether parameters of this name are in the key. */
export function countsInKey(name: string, rules: ResolvedQueryRules): boolean {
  if (matchesAny(name, rules.ignore)) return false;
  return rules.only === undefined || matchesAny(name, rules.only) || !PLAIN_NAME.test(name);
}

export function parameterName(parameter: string): string {
  const equals = parameter.indexOf("=");
  return equals < 0 ? parameter : parameter.slice(0, equals);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
