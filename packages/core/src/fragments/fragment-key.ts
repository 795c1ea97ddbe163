/** What a fragment is called in the store. Parts carry their kind and their length, so that no name or value can pass for another, nor a fragment for a page. */
import { hash } from "node:crypto";
import { optionError } from "../base/errors.js";
import { fragmentName } from "./fragment-options.js";
import type { VaryOn } from "./fragment-options.js";

/** The group of all fragments. A host of a page has no capital letters: a purge of the one never meets the other. */
export const FRAGMENT_SCOPE = "Fragments";

/** Longer texts are known by their digest. */
const LONGEST_PLAIN = 1024;
const HALF_A_PAIR = /\p{Surrogate}/u;
const KINDS: ReadonlySet<string> = new Set(["string", "number", "bigint", "boolean", "undefined"]);

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for a name or a value that is none
 * @example
 * fragmentKey("sidebar", ["de", 7]); // "fragment 7:sidebar string 2:de number 1:7 " */
export function fragmentKey(name: string, varyOn: VaryOn): string {
  const values: readonly unknown[] = Array.isArray(varyOn) ? varyOn : [varyOn];
  return `fragment ${part(fragmentName(name))}${values.map(valuePart).join("")}`;
}

function valuePart(value: unknown): string {
  const kind = value === null ? "null" : typeof value;
  if (value !== null && !KINDS.has(kind))
    throw optionError("varyOn", "texts, numbers, booleans, null or undefined", value);
  return `${kind} ${part(String(value))}`;
}

// The digest covers every code unit: half a surrogate pair has no bytes of its own in UTF-8. Its letters keep it apart from a length.
function part(text: string): string {
  if (text.length <= LONGEST_PLAIN && !HALF_A_PAIR.test(text)) return `${text.length}:${text} `;
  return `sha256:${hash("sha256", Buffer.from(text, "utf16le"))} `;
}
