/** What a client prefers, of what is there (RFC 9110 §12.5): content codings, and languages. Never throws on what came
 * over the wire. */
import type { ResponseHead } from "../base/exchange.js";
import { fieldLines, listMembers } from "./fields.js";

/** What may be sent to a client. */
export interface Acceptable<Coding> {
  /** Offered codings that the client accepts, and prefers at least as much as content without one: the best first,
   * equals in the order of the offer. */
  readonly codings: readonly Coding[];
  /** Whether the client accepts content without a coding. */
  readonly identity: boolean;
}

/** @param field the `Accept-Encoding` of the request, its lines joined
 * @param offered the best first
 * @example acceptableCodings("gzip, br;q=0.5", ["br", "gzip"]) // { codings: ["gzip", "br"], identity: true } */
export function acceptableCodings<Coding extends string>(
  field: string,
  offered: readonly Coding[],
): Acceptable<Coding> {
  const weights = weightsIn(field);
  const others = weights.get("*");
  // When it is not mentioned, content without a coding is acceptable, and less preferred than any coding that is
  // named.
  const identity = weights.get("identity") ?? others;
  const least = identity === undefined || identity === 0 ? Number.MIN_VALUE : identity;
  const liked = offered
    .map((coding) => ({ coding, weight: weights.get(coding) ?? others ?? 0 }))
    .filter(({ weight }) => weight >= least)
    .sort((one, other) => other.weight - one.weight);
  return { codings: liked.map(({ coding }) => coding), identity: identity !== 0 };
}

/** Weights by lower-case name (§12.4.2). A member that does not parse is skipped; of a name that is given twice the
 * lower weight counts. */
function weightsIn(field: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const member of listMembers([field])) {
    const [, name, weight = "1"] = MEMBER.exec(member.toLowerCase()) ?? [];
    if (name === undefined) continue;
    const coding = ALIASES.get(name) ?? name;
    weights.set(coding, Math.min(weights.get(coding) ?? 1, Number(weight)));
  }
  return weights;
}

// §12.4.2: at most three digits after the point, and never above 1.
const MEMBER = /^([!#$%&'*+.^_`|~0-9a-z-]+)(?:[ \t]*;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?$/;
// §8.4.1.3.
const ALIASES: ReadonlyMap<string, string> = new Map([["x-gzip", "gzip"]]);

/* Choosing among stored variants by language (RFC 9111 §4.1, last paragraph; RFC 9110 §12.5.4). A guess: the
 * application may have a better one, so it is for operators that enable it. */

/** Whether the stored response is in the one language the client prefers.
 * @param acceptLanguage every line of the request's `Accept-Language`
 * @example prefersLanguageOf(["fr;q=0.5, de"], response) // true when it has Content-Language: de */
export function prefersLanguageOf(acceptLanguage: readonly string[], response: ResponseHead): boolean {
  const languages = listMembers(fieldLines(response.rawHeaders, "content-language"));
  if (languages.length !== 1) return false;
  const ranges = listMembers(acceptLanguage).map(languageRange);
  if (ranges.length === 0 || ranges.includes(undefined)) return false;
  const best = Math.max(...ranges.map((range) => range!.weight));
  const wanted = ranges.filter((range) => range!.weight === best && best > 0);
  return wanted.length === 1 && covers(wanted[0]!.range, languages[0]!.toLowerCase());
}

function languageRange(member: string): { readonly range: string; readonly weight: number } | undefined {
  const [, range, weight] = /^([a-z0-9*-]+)[ \t]*(?:;[ \t]*q=([01](?:\.[0-9]{0,3})?))?$/i.exec(member) ?? [];
  return range === undefined ? undefined : { range: range.toLowerCase(), weight: Number(weight ?? 1) };
}

// Basic filtering (RFC 4647 §3.3.1). "*" names no language.
function covers(range: string, language: string): boolean {
  return language === range || language.startsWith(`${range}-`);
}
