import { describe, expect, it } from "vitest";
import type { ResponseHead } from "../base/exchange.js";
import {
  hasStrongLastModified,
  hasValidator,
  isStrong,
  stronglyEqual,
  validatorsOf,
  weaklyEqual,
} from "./validators.js";

const head = (...rawHeaders: string[]): ResponseHead => ({ status: 200, statusText: "", rawHeaders });

describe("RFC 9110 §8.8 validators", () => {
  it.each([
    { fields: ["ETag", '"a"', "Last-Modified", "x"], etag: '"a"', lastModified: "x" },
    { fields: ["etag", ' W/"a" '], etag: 'W/"a"', lastModified: undefined },
    { fields: ["ETag", ""], etag: undefined, lastModified: undefined },
    { fields: ["ETag", '"a"', "ETag", '"a"'], etag: '"a"', lastModified: undefined },
    { fields: ["ETag", '"a"', "ETag", '"b"'], etag: undefined, lastModified: undefined },
    { fields: [], etag: undefined, lastModified: undefined },
  ])("of $fields", ({ fields, etag, lastModified }) => {
    expect(validatorsOf(head(...fields))).toEqual({ etag, lastModified });
    expect(hasValidator(head(...fields))).toBe(etag !== undefined || lastModified !== undefined);
  });
});

describe("RFC 9110 §8.8.3.2 comparison", () => {
  it.each([
    { one: 'W/"1"', other: 'W/"1"', strong: false, weak: true },
    { one: 'W/"1"', other: 'W/"2"', strong: false, weak: false },
    { one: 'W/"1"', other: '"1"', strong: false, weak: true },
    { one: '"1"', other: '"1"', strong: true, weak: true },
    { one: '"a"', other: '"A"', strong: false, weak: false },
  ])("$one and $other: strong $strong, weak $weak", ({ one, other, strong, weak }) => {
    expect(stronglyEqual(one, other)).toBe(strong);
    expect(weaklyEqual(one, other)).toBe(weak);
  });

  it("knows a weak tag by its W/", () => {
    expect(isStrong('"W/"')).toBe(true);
    expect(isStrong('W/""')).toBe(false);
  });
});

describe("RFC 9110 §8.8.2.2 strong Last-Modified", () => {
  const at = (second: string) => `Sat, 01 Jun 2024 12:00:${second} GMT`;

  it.each([
    { given: "a second before Date", fields: ["Last-Modified", at("00"), "Date", at("01")], strong: true },
    {
      given: "a two-digit year a second before Date",
      fields: ["Last-Modified", "Saturday, 01-Jun-24 12:00:00 GMT", "Date", at("01")],
      strong: true,
    },
    { given: "the same second as Date", fields: ["Last-Modified", at("01"), "Date", at("01")], strong: false },
    { given: "no Date", fields: ["Last-Modified", at("00")], strong: false },
    { given: "no Last-Modified", fields: ["Date", at("01")], strong: false },
    { given: "a Last-Modified that does not parse", fields: ["Last-Modified", "x", "Date", at("01")], strong: false },
  ])("$given: $strong", ({ fields, strong }) => {
    expect(hasStrongLastModified(head(...fields))).toBe(strong);
  });
});
