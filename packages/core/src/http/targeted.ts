/** Targeted cache control fields (RFC 9213), such as `CDN-Cache-Control`: which of them governs a response, and what
 * it says. */
import type { RawHeaders } from "../base/exchange.js";
import { DirectiveCollector } from "./cache-control.js";
import type { CacheControl } from "./cache-control.js";
import { fieldLines } from "./fields.js";
import { parseDictionary } from "./structured-fields.js";
import type { BareItem, Member } from "./structured-fields.js";

/** §2.2: the first field on the list that is valid and not empty; it replaces `Cache-Control` and `Expires`
 * altogether. `undefined` when there is none.
 * @param targetedFields lower-case names, most specific first
 * @example targetedCacheControl(["CDN-Cache-Control", "max-age=60"], ["cdn-cache-control"])?.maxAge // 60 */
export function targetedCacheControl(raw: RawHeaders, targetedFields: readonly string[]): CacheControl | undefined {
  for (const name of targetedFields) {
    const lines = fieldLines(raw, name);
    if (lines.length === 0) continue;
    const cacheControl = readDictionary(lines);
    if (cacheControl !== undefined) return cacheControl;
  }
  return undefined;
}

function readDictionary(lines: readonly string[]): CacheControl | undefined {
  const dictionary = parseDictionary(lines);
  // §2.1: an empty field, or one that does not parse, is treated as absent.
  if (dictionary === undefined || dictionary.size === 0) return undefined;
  const directives = new DirectiveCollector();
  let wellTyped = true;
  for (const [name, member] of dictionary) {
    directives.add(name, argumentOf(member));
    wellTyped &&= hasTypeOf(name, member);
  }
  const cacheControl = directives.result();
  // §2.1: values of the wrong type are not to be consumed, so the field counts as absent; but what it clearly forbids
  // stays forbidden.
  return wellTyped || cacheControl.noStore || cacheControl.private ? cacheControl : undefined;
}

// Parameters are ignored (§2.1).
function argumentOf(member: Member): string | undefined {
  if (member.kind === "inner-list") return "";
  if (member.item.type === "boolean" && member.item.value) return undefined;
  return member.item.type === "integer" ? String(member.item.value) : "";
}

function hasTypeOf(directive: string, member: Member): boolean {
  const types = TYPES.get(directive);
  return types === undefined || (member.kind === "item" && types.includes(member.item.type));
}

// §2.1: no argument is a Boolean, delta-seconds an Integer, a list of field names a String.
const FLAG: readonly BareItem["type"][] = ["boolean"];
const FLAG_OR_FIELD_NAMES: readonly BareItem["type"][] = ["boolean", "string"];
const SECONDS: readonly BareItem["type"][] = ["integer"];
const TYPES: ReadonlyMap<string, readonly BareItem["type"][]> = new Map([
  ["max-age", SECONDS],
  ["s-maxage", SECONDS],
  ["stale-while-revalidate", SECONDS],
  ["stale-if-error", SECONDS],
  ["no-cache", FLAG_OR_FIELD_NAMES],
  ["private", FLAG_OR_FIELD_NAMES],
  ["no-store", FLAG],
  ["public", FLAG],
  ["must-revalidate", FLAG],
  ["proxy-revalidate", FLAG],
  ["must-understand", FLAG],
  ["immutable", FLAG],
  ["no-transform", FLAG],
]);
