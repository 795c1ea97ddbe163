/** Which part of a request target names the page. Works on raw bytes: nothing is decoded, so two targets the application can tell apart stay apart. */
import type { ResolvedQueryRules } from "../resolve-policy.js";
import { matchesAny } from "./patterns.js";

/** The target as the key sees it: parameters the rules ignore taken out, the rest in order of name when asked. */
export function canonicalTarget(target: string, rules: ResolvedQueryRules | undefined): string {
  if (rules === undefined || (rules.ignore.length === 0 && rules.only === undefined && !rules.sort)) return target;
  const mark = target.indexOf("?");
  if (mark < 0) return target;
  const kept = target
    .slice(mark + 1)
    .split("&")
    .filter((parameter) => counts(parameterName(parameter), rules));
  // A stable sort by name: repeats of one name keep their order, because a handler may read the first or the last.
  if (rules.sort) kept.sort((a, b) => compare(parameterName(a), parameterName(b)));
  return kept.length === 0 ? target.slice(0, mark) : `${target.slice(0, mark)}?${kept.join("&")}`;
}

function counts(name: string, rules: ResolvedQueryRules): boolean {
  return !matchesAny(name, rules.ignore) && (rules.only === undefined || matchesAny(name, rules.only));
}

function parameterName(parameter: string): string {
  const equals = parameter.indexOf("=");
  return equals < 0 ? parameter : parameter.slice(0, equals);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
