/**
 * Values that JSON cannot express, as JSON: an object whose only member is called `$` describes the value in its
 * place. What is read back is data, never an instance of a class and never code. Nesting is bounded both ways.
 *
 * ```json
 *   {"$":["undefined"]}   {"$":["number","-0"]}   {"$":["bigint","12"]}   {"$":["bigint","-0x1fffffffffffffffff"]}
 *   {"$":["date",1767323045000]}   {"$":["map",[["a",1]]]}   {"$":["set",[1,2]]}
 *   {"$":["bytes","Float32Array","AACAPw=="]}
 *   {"$":["object",[["$",1]]]}   an object that itself has a member called `$`
 * ```
 */
import { valueError } from "../../base/errors.js";

/** Deepest nesting of values; deeper ones are refused, and so are values that contain themselves. */
export const MAX_DEPTH = 200;

// The types that bytes can be read back as. No other is ever constructed.
const VIEWS = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
} as const;

/** What `JSON.stringify` writes and `JSON.parse` returns unchanged; the value itself if it is that already. */
export function toTagged(value: unknown, depth = 0, above = new Set<unknown>()): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : tag("number", Object.is(value, -0) ? "-0" : `${value}`);
    case "undefined":
      return tag("undefined");
    case "bigint":
      return tag("bigint", bigintText(value));
    case "function":
    case "symbol":
      throw valueError(`a ${typeof value} cannot be stored`);
    case "object":
      return value === null ? null : objectToTagged(value, depth, above);
  }
}

function objectToTagged(value: object, depth: number, above: Set<unknown>): unknown {
  if (depth >= MAX_DEPTH) throw valueError(`a value nested deeper than ${MAX_DEPTH} levels cannot be stored`);
  if (above.has(value)) throw valueError("a value that contains itself cannot be stored");
  above.add(value);
  const tagged = insideToTagged(value, (member) => toTagged(member, depth + 1, above));
  above.delete(value);
  return tagged;
}

function insideToTagged(value: object, inner: (member: unknown) => unknown): unknown {
  if (Array.isArray(value)) return mapKept(value, inner);
  if (value instanceof Date) return tag("date", Number.isNaN(value.getTime()) ? null : value.getTime());
  if (value instanceof Map)
    return tag(
      "map",
      Array.from(value, ([key, member]) => [inner(key), inner(member)]),
    );
  if (value instanceof Set) return tag("set", Array.from(value, inner));
  if (ArrayBuffer.isView(value)) return tag("bytes", viewName(value), bytesOf(value).toString("base64"));
  if (value instanceof ArrayBuffer) return tag("bytes", "ArrayBuffer", Buffer.from(value).toString("base64"));
  if (UNSTORABLE.some((type) => value instanceof type))
    throw valueError(`a ${value.constructor.name} cannot be stored`);
  if ("toJSON" in value && typeof value.toJSON === "function") return inner(value.toJSON());
  return recordToTagged(value, inner);
}

// Values that would be read back as an empty object, which is never intended.
const UNSTORABLE = [Error, RegExp, Promise, WeakMap, WeakSet, WeakRef] as const;

function recordToTagged(value: object, inner: (member: unknown) => unknown): unknown {
  const given = Object.entries(value);
  const members = given.map(([name, member]): [string, unknown] => [name, inner(member)]);
  if (Object.hasOwn(value, "$")) return tag("object", members);
  // Made by definition, not by assignment: a member called `__proto__` stays a member.
  return members.every(([, member], index) => member === given[index]![1]) ? value : Object.fromEntries(members);
}

/** @throws {Error} for anything that `toTagged` did not write */
export function fromTagged(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_DEPTH) throw new Error("nested too deep");
  const inner = (member: unknown): unknown => fromTagged(member, depth + 1);
  if (Array.isArray(value)) return value.map(inner);
  if (!Object.hasOwn(value, "$")) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, inner(member)]));
  }
  const [kind, content, more] = (value as { readonly $: readonly unknown[] }).$;
  switch (kind) {
    case "undefined":
      return undefined;
    case "number":
      return Number(content);
    case "bigint":
      return bigintOf(String(content));
    case "date":
      return new Date((content as number | null) ?? Number.NaN);
    case "map":
      return new Map(pairsOf(content).map(([key, member]) => [inner(key), inner(member)]));
    case "set":
      return new Set(listOf(content).map(inner));
    case "object":
      return Object.fromEntries(pairsOf(content).map(([name, member]) => [String(name), inner(member)]));
    case "bytes":
      return viewOf(content, base64(more));
    default:
      throw new Error("an unknown tag");
  }
}

function listOf(content: unknown): readonly unknown[] {
  if (!Array.isArray(content)) throw new Error("not a list");
  return content;
}

function pairsOf(content: unknown): readonly (readonly unknown[])[] {
  return listOf(content).map(listOf);
}

// Anything else with a length would be read as that many bytes.
function base64(content: unknown): Buffer {
  if (typeof content !== "string") throw new Error("not base64");
  return Buffer.from(content, "base64");
}

/** Longer ones are written in hexadecimal, which is parsed in linear time; decimal takes minutes for some
 * megabytes. */
const MOST_DECIMAL_DIGITS = 20;

function bigintText(value: bigint): string {
  const hex = (value < 0n ? -value : value).toString(16);
  if (hex.length < MOST_DECIMAL_DIGITS / 2) return `${value}`;
  return `${value < 0n ? "-" : ""}0x${hex}`;
}

function bigintOf(text: string): bigint {
  const [, minus, digits] = /^(-?)(0x[0-9a-f]+|[0-9]{1,20})$/.exec(text) ?? [];
  if (digits === undefined) throw new Error("not a bigint");
  return minus === "-" ? -BigInt(digits) : BigInt(digits);
}

function tag(...content: readonly unknown[]): { readonly $: readonly unknown[] } {
  return { $: content };
}

// The array itself if nothing in it changed; a hole becomes what reading it returns.
function mapKept(values: readonly unknown[], inner: (member: unknown) => unknown): readonly unknown[] {
  const mapped = Array.from(values, inner);
  return mapped.every((member, index) => member === values[index]) ? values : mapped;
}

function viewName(view: ArrayBufferView): string {
  if (Buffer.isBuffer(view)) return "Buffer";
  const name = Object.keys(VIEWS).find((known) => view instanceof VIEWS[known as keyof typeof VIEWS]);
  if (name === undefined) throw valueError(`a ${view.constructor.name} cannot be stored`);
  return name;
}

function viewOf(name: unknown, bytes: Buffer): unknown {
  if (name === "Buffer") return bytes;
  // A separate copy: small buffers share one block of memory, whose offsets are not aligned for every type.
  const { buffer } = new Uint8Array(bytes);
  if (name === "ArrayBuffer") return buffer;
  if (typeof name !== "string" || !Object.hasOwn(VIEWS, name)) throw new Error("an unknown type of bytes");
  const View: new (buffer: ArrayBuffer) => ArrayBufferView = VIEWS[name as keyof typeof VIEWS];
  return new View(buffer);
}

/** The bytes that a view covers, not a copy. */
export function bytesOf(view: ArrayBufferView): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}
