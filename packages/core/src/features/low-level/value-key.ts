/** The key of a value in the store. Parts are length-prefixed, so that no prefix, version or key can pass for another,
 * and none for a page. */
import { hash } from "node:crypto";
import { hookError, optionError } from "../../base/errors.js";

/** A key as callers give it; a number equals its decimal text. */
export type CacheKey = string | number;

/** Makes a key from the three parts that identify a value. */
export type KeyFunction = (key: string, keyPrefix: string, version: number) => string;

/** Longer keys are replaced by their digest. */
const LONGEST_PLAIN = 8192;
/** The longest key that other backends of this kind of cache accept; a longer one works here and is worth a
 * warning. */
const LONGEST_PORTABLE = 250;
const HALF_A_PAIR = /\p{Surrogate}/u;
const NOT_PORTABLE = /[\u0000-\u0020\u007f]/;

/** The group of all values under one prefix. A page's host has no capital letters, so a purge of one never matches the
 * other. */
export function valueScope(keyPrefix: string): string {
  return `Values ${keyPrefix}`;
}

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for an invalid key; `ERR_DISKCACHE_HOOK` when `keyFunction`
 * fails */
export function valueKey(
  key: CacheKey,
  { keyPrefix, keyFunction }: { readonly keyPrefix: string; readonly keyFunction: KeyFunction | undefined },
  version: number,
): string {
  const text = keyText(key);
  if (keyFunction === undefined) return `value ${part(keyPrefix)}${part(String(version))}${part(text)}`;
  return `value-by-function ${part(called(keyFunction, text, keyPrefix, version))}`;
}

/** The caller's key, from one that `valueKey` made without a function; `undefined` if it cannot be recovered. */
export function keyOfValue(stored: string, keyPrefix: string, version: number): string | undefined {
  const before = `value ${part(keyPrefix)}${part(String(version))}`;
  if (!stored.startsWith(before)) return undefined;
  const text = /^\d+:(.*) $/s.exec(stored.slice(before.length))?.[1];
  return text === undefined || stored !== before + part(text) ? undefined : text;
}

/** Why a key may not work with other caches of this kind; `undefined` when it would. */
function keyComplaint(key: CacheKey): string | undefined {
  const text = keyText(key);
  if (text.length > LONGEST_PORTABLE) return `is longer than ${LONGEST_PORTABLE} characters`;
  return NOT_PORTABLE.test(text) ? "has control characters or spaces" : undefined;
}

function keyText(key: unknown): string {
  if (typeof key !== "string" && !(typeof key === "number" && Number.isFinite(key)))
    throw optionError("key", "a string or a number", key);
  return String(key);
}

function called(keyFunction: KeyFunction, key: string, keyPrefix: string, version: number): string {
  let made: unknown;
  try {
    made = keyFunction(key, keyPrefix, version);
  } catch (error) {
    throw hookError("keyFunction", error);
  }
  if (typeof made !== "string")
    throw hookError("keyFunction", new TypeError(`it must return a string, got ${typeof made}`));
  return made;
}

// The digest covers every code unit: half a surrogate pair has no bytes of its own in UTF-8. The letters before it
// distinguish it from a length.
function part(text: string): string {
  if (text.length <= LONGEST_PLAIN && !HALF_A_PAIR.test(text)) return `${text.length}:${text} `;
  return `sha256:${hash("sha256", Buffer.from(text, "utf16le"))} `;
}

/* Warns once for each kind of key that other caches of this kind may refuse. It works here all the same. */

const SHOWN_CHARACTERS = 80;

export class KeyWarnings {
  readonly #given = new Set<string>();

  check(key: CacheKey): void {
    const complaint = keyComplaint(key);
    if (complaint === undefined || this.#given.has(complaint)) return;
    this.#given.add(complaint);
    const shown = JSON.stringify(String(key).slice(0, SHOWN_CHARACTERS));
    process.emitWarning(`the cache key ${shown} ${complaint}: other caches may not take it`, {
      type: "CacheKeyWarning",
      code: "DISKCACHE_KEY",
    });
  }
}
