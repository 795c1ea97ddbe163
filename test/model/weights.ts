/**
 * Small tools for fast-check: what comes how often, and fields that anybody may set. Never makes a program by
 * itself.
 */
import fc from "fast-check";
import type { Field } from "./program.js";

type Weighted<Value> = { readonly weight: number; readonly arbitrary: fc.Arbitrary<Value> };

export const of = <Value>(weight: number, arbitrary: fc.Arbitrary<Value>): Weighted<Value> => ({ weight, arbitrary });
export const always = <const Value>(weight: number, value: Value): Weighted<Value> => of(weight, fc.constant(value));
/** Once in so many times some value, otherwise the property is left out. */
export const maybe = <Value>(outOf: number, arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  outOf <= 1 ? arbitrary : fc.oneof(always(outOf - 1, undefined), of(1, arbitrary));

const FIELDS: readonly Field[] = [
  ["X-Early", "1"],
  ["X-Early", "2"],
  ["X-Other", "3"],
  ["Cache-Control", "max-age=60"],
  ["Cache-Control", "public, max-age=60"],
  ["Cache-Control", "max-age=0, must-revalidate"],
  ["Cache-Control", "no-cache"],
  ["Cache-Control", "no-store"],
  ["Cache-Control", "private"],
  ["ETag", '"v1"'],
  ["ETag", 'W/"v1"'],
  ["Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"],
  ["Set-Cookie", "a=1"],
  ["Vary", "Accept-Encoding"],
  ["Vary", "X-Theme"],
];
export const field = fc.constantFrom(...FIELDS);
export const ordinaryField = fc.constantFrom(...FIELDS.slice(0, 5));
