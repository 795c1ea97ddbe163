/** Choosing among stored variants by language (RFC 9111 §4.1, last paragraph; RFC 9110 §12.5.4). A guess: the
 * application may have a better one, so it is for operators that enable it. */
import type { ResponseHead } from "../base/exchange.js";
import { fieldLines, listMembers } from "./fields.js";

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
