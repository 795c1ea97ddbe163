/** The shapes an option can have, each checked by a function that returns the value or says what was expected. */
import { CODINGS, codingsNamed, isAvailable } from "../base/codings.js";
import type { Coding } from "../base/codings.js";
import { optionError } from "../base/errors.js";
import { sizeBytes } from "../base/units.js";
import type { OpenStore } from "../store/contract.js";
import { inOurWords } from "./other-words.js";

/** A token, as method and field names are (RFC 9110 §5.6.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;

/** Of a name, which may be arbitrarily long. */
const MOST_SHOWN = 80;

export function record(option: string, value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw optionError(option, "an object", value);
  return value as Record<string, unknown>;
}

export function refuseUnknown(at: string, given: object, known: ReadonlySet<string>): void {
  const unknown = Object.keys(given).find((name) => !known.has(name));
  if (unknown === undefined) return;
  const ours = inOurWords(unknown, known);
  if (ours !== undefined) throw optionError(at + unknown, `in its place ${ours}`, unknown);
  const meant = nearNames(unknown, known).map((name) => `\`${name}\``);
  const expected =
    meant.length > 0 ? `a known name (did you mean ${meant.join(" or ")}?)` : `one of ${[...known].sort().join(", ")}`;
  throw optionError(at + unknown.slice(0, MOST_SHOWN), expected, unknown);
}

/** The options of one call: an object, with no other names than these.
 * @param at the function that was called
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the option, the value and what was expected */
export function optionsOf(at: string, given: unknown, known: ReadonlySet<string>): void {
  refuseUnknown(`${at}.`, record(`${at} options`, given), known);
}

/** Where a cache stores: its directory, or what opens a store in its place. */
export type Place =
  | { readonly dir: string; readonly store: undefined }
  | { readonly dir: undefined; readonly store: OpenStore };

/** @param ofDirectory the options that say something about a directory, so that a store makes them a mistake
 * @param nameOf how the caller has named one
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` */
export function place<Options extends { readonly dir?: unknown; readonly store?: unknown }>(
  given: Options,
  ofDirectory: readonly (keyof Options & string)[],
  nameOf: (name: string) => string = String,
): Place {
  const { dir, store } = given;
  if (store === undefined) {
    if (typeof dir !== "string" || dir.trim() === "") throw optionError("dir", "the path of a directory", dir);
    return { dir, store };
  }
  if (typeof store !== "function") throw optionError("store", "a function that returns a store", store);
  const beside = ofDirectory.find((name) => given[name] !== undefined);
  if (beside !== undefined) {
    throw optionError("store", `no \`${nameOf(beside)}\` beside it, which is about the files of a directory`, store);
  }
  return { dir: undefined, store: store as OpenStore };
}

export function boolean(option: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw optionError(option, "true or false", value);
  return value;
}

export function fraction(option: string, value: unknown): number {
  if (typeof value !== "number" || !(value >= 0 && value <= 1))
    throw optionError(option, "a number from 0 to 1", value);
  return value;
}

export function positiveInteger(option: string, value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 1) throw optionError(option, "a whole number above 0", value);
  return value as number;
}

/** Least space for everything on disk: a block of most file systems, below which there is no file. A smaller value has
 * left out the unit. */
const LEAST_SPACE = { text: "4kb", bytes: 4 * 1024 };

/** Bytes of disk space. */
export function diskSpace(option: string, value: unknown): number {
  const bytes = sizeBytes(option, value);
  if (bytes < LEAST_SPACE.bytes) throw optionError(option, `a size of "${LEAST_SPACE.text}" or more`, value);
  return bytes;
}

const SPACE_BOUNDS = ["minFree", "maxSize"] as const;

/** The limits of disk space that are not given: defaults are reduced where the disk is small. */
export function unaskedBounds(
  given: Readonly<Partial<Record<(typeof SPACE_BOUNDS)[number], unknown>>>,
): readonly (typeof SPACE_BOUNDS)[number][] {
  return SPACE_BOUNDS.filter((option) => given[option] === undefined);
}

/** Bytes, more than 0. */
export function positiveSize(option: string, value: unknown): number {
  const bytes = sizeBytes(option, value);
  if (bytes === 0) throw optionError(option, "a size above 0", value);
  return bytes;
}

export function oneOf<Choice extends string>(option: string, value: unknown, choices: readonly Choice[]): Choice {
  if (!choices.includes(value as Choice))
    throw optionError(option, choices.map((choice) => `"${choice}"`).join(" or "), value);
  return value as Choice;
}

export function strings(option: string, value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw optionError(option, "a list of strings", value);
  const wrong: unknown = value.find((member) => typeof member !== "string" || member === "");
  if (wrong !== undefined) throw optionError(option, "a list of non-empty strings", wrong);
  return Object.freeze([...(value as string[])]);
}

export function nonEmpty(option: string, value: unknown): string {
  if (typeof value !== "string" || value === "") throw optionError(option, "a non-empty string", value);
  return value;
}

/** Shortest secret: a shorter one can be guessed. */
const LEAST_SECRET_BYTES = 16;

/** A secret, or a rotation of them, as bytes; `undefined` where none is given. A message never shows one. */
export function secrets(option: string, value: unknown): readonly Buffer[] | undefined {
  if (value === undefined) return undefined;
  const given: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (given.length === 0) throw optionError(option, "one secret at least", value);
  return Object.freeze(given.map((secret) => secretBytes(option, secret)));
}

function secretBytes(option: string, value: unknown): Buffer {
  if (typeof value !== "string" && !(value instanceof Uint8Array))
    throw optionError(
      option,
      "a string or Buffer, or a list of them",
      typeof value === "object" ? value : typeof value,
    );
  // A copy: what the caller does with its own afterwards changes nothing.
  const bytes = typeof value === "string" ? Buffer.from(value, "utf8") : Buffer.from(value);
  if (bytes.length < LEAST_SECRET_BYTES)
    throw optionError(
      option,
      `${LEAST_SECRET_BYTES} bytes or more, such as \`openssl rand -hex 32\` prints`,
      `${bytes.length} bytes`,
    );
  return bytes;
}

/** Whether entries are encrypted, which requires a secret. */
export function encryption(option: string, value: unknown, secret: unknown): boolean {
  const encrypt = boolean(option, value ?? false);
  if (encrypt && secret === undefined) throw optionError(option, "a `secret` beside it", encrypt);
  return encrypt;
}

export function fieldNames(option: string, value: unknown): readonly string[] {
  const names = strings(option, value);
  const wrong = names.find((name) => !isToken(name));
  if (wrong !== undefined) throw optionError(option, "a list of header field names", wrong);
  return Object.freeze(names.map((name) => name.toLowerCase()));
}

/** The expected form, for messages. */
export const EXPECTED_PATTERN =
  'a pattern of a whole path such as "/reports/*" or "/admin/**" ("*" where a route has ":id")';

export function isToken(value: unknown): boolean {
  return typeof value === "string" && TOKEN.test(value);
}

export function optionalFunction(option: string, value: unknown): unknown {
  if (value !== undefined && typeof value !== "function") throw optionError(option, "a function", value);
  return value;
}

export function listOf(value: unknown): readonly unknown[] {
  return value === undefined ? [] : [value];
}

/** Content codings in the order given; all that this Node has, or none. */
export function codings(option: string, value: unknown): readonly Coding[] {
  const available = CODINGS.filter(isAvailable);
  if (typeof value === "boolean") return codingsNamed(value ? available.join() : "");
  const expected = `true, false or a list of ${available.map((coding) => `"${coding}"`).join(", ")} (what this Node has)`;
  if (!Array.isArray(value) || value.length === 0) throw optionError(option, expected, value);
  const unknown: unknown = value.find((coding) => !available.includes(coding as Coding));
  if (unknown !== undefined) throw optionError(option, expected, unknown);
  return codingsNamed([...new Set(value)].join());
}

/** Which known names a wrong one may have been meant for. */

/** Letters that may be wrong, missing or too many. */
const MOST_EDITS = 2;

/** The names that are nearest, letter case apart: usually one or none. */
export function nearNames(given: string, known: Iterable<string>): readonly string[] {
  const near = [...known].map((name) => ({ name, edits: editsBetween(given.toLowerCase(), name.toLowerCase()) }));
  const fewest = Math.min(...near.map(({ edits }) => edits));
  // A distance this large makes a short name a different name.
  if (fewest > MOST_EDITS || fewest >= given.length) return [];
  return near.filter(({ edits }) => edits === fewest).map(({ name }) => name);
}

// Levenshtein's distance, row by row; where the lengths alone say that it is too far, that is enough.
function editsBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MOST_EDITS) return Infinity;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
