/** The `No-Vary-Search` field (draft-ietf-httpbis-no-vary-search): which parts of a query do not matter to a
 * response. */
import type { RawHeaders } from "../base/exchange.js";
import { fieldLines } from "./fields.js";
import { parseDictionary } from "./structured-fields.js";
import type { Member } from "./structured-fields.js";

/** Which query parameters distinguish targets. */
export interface SearchVariance {
  /** `ignored`: all but these names count. `only`: no others count. */
  readonly params: { readonly ignored: ReadonlySet<string> } | { readonly only: ReadonlySet<string> };
  readonly keyOrder: boolean;
}

/** `undefined` when every byte of the query matters: no such field, one that says nothing, or one that does not parse.
 * @example parseNoVarySearch(["No-Vary-Search", 'params=("utm_source")']) */
export function parseNoVarySearch(raw: RawHeaders): SearchVariance | undefined {
  const lines = fieldLines(raw, "no-vary-search");
  const dictionary = lines.length === 0 ? undefined : parseDictionary(lines);
  if (dictionary === undefined) return undefined;
  const keyOrder = flag(dictionary.get("key-order"));
  const params = paramsOf(dictionary.get("params"), dictionary.get("except"));
  if (keyOrder === "invalid" || params === undefined) return undefined;
  const saysNothing = !keyOrder && "ignored" in params && params.ignored.size === 0;
  return saysNothing ? undefined : { params, keyOrder: !keyOrder };
}

/** The target's query in one spelling for all targets that are equivalent under `variance`; without the "?".
 * @param target request target, as sent
 * @example canonicalQuery("/a?b=1&utm_source=x", { params: { ignored: new Set(["utm_source"]) }, keyOrder: true }) // "b=1" */
export function canonicalQuery(target: string, variance: SearchVariance | undefined): string {
  const start = target.indexOf("?");
  const query = start === -1 ? "" : target.slice(start + 1);
  if (variance === undefined) return query;
  const { params } = variance;
  const pairs = parametersOf(query).filter(([name]) =>
    "only" in params ? params.only.has(name) : !params.ignored.has(name),
  );
  // By code units of the name alone, and stable: the order of equal names matters.
  if (!variance.keyOrder) pairs.sort(([one], [other]) => (one < other ? -1 : Number(one > other)));
  return new URLSearchParams(pairs).toString();
}

function paramsOf(params: Member | undefined, except: Member | undefined): SearchVariance["params"] | undefined {
  if (except !== undefined) {
    const names = flag(params) === true ? listedNames(except) : undefined;
    return names === undefined ? undefined : { only: names };
  }
  const all = flag(params);
  if (all !== "invalid") return all ? { only: new Set() } : { ignored: new Set() };
  const names = listedNames(params!);
  return names === undefined ? undefined : { ignored: names };
}

function flag(member: Member | undefined): boolean | "invalid" {
  if (member === undefined) return false;
  return member.kind === "item" && member.item.type === "boolean" ? member.item.value : "invalid";
}

function listedNames(member: Member): ReadonlySet<string> | undefined {
  if (member.kind !== "inner-list") return undefined;
  const names = new Set<string>();
  for (const { item } of member.items) {
    if (item.type !== "string") return undefined;
    names.add(decodedName(item.value));
  }
  return names;
}

// "Parse a key": as application/x-www-form-urlencoded decodes a name. "&" and "=" are ordinary characters of it here.
function decodedName(text: string): string {
  const [pair] = parametersOf(text.replace(/&/g, "%26").replace(/=/g, "%3D"));
  return pair?.[0] ?? "";
}

// URLSearchParams drops a leading "?"; one that is part of the first name must stay.
function parametersOf(query: string): [name: string, value: string][] {
  return [...new URLSearchParams(`?${query}`)];
}
