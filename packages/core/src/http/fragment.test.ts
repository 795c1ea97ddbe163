import { describe, expect, it } from "vitest";
import type { ResponseHead } from "../exchange.js";
import { contentRangeOf, fragmentHead, missingRange, selectFromFragment } from "./fragment.js";

const fragment = (contentRange: string): ResponseHead => ({
  status: 206,
  statusText: "Partial Content",
  rawHeaders: ["Content-Range", contentRange, "Content-Length", "5"],
});

describe("RFC 9110 §14.4 Content-Range", () => {
  it.each([
    { value: "bytes 4-9/10", range: { first: 4, last: 9, complete: 10 } },
    { value: "bytes 0-0/*", range: { first: 0, last: 0, complete: undefined } },
    { value: "bytes 4-10/10", range: undefined },
    { value: "bytes 9-4/10", range: undefined },
    { value: "bytes */10", range: undefined },
    { value: "items 0-1/2", range: undefined },
  ])("$value", ({ value, range }) => {
    expect(contentRangeOf(fragment(value))).toEqual(range);
  });
});

describe("RFC 9111 §3.3 reusing a fragment", () => {
  it.each([
    { held: "bytes 5-9/10", range: "bytes=-5", span: { start: 0, end: 5 } },
    { held: "bytes 5-9/10", range: "bytes=-1", span: { start: 4, end: 5 } },
    { held: "bytes 5-9/10", range: "bytes=6-8", span: { start: 1, end: 4 } },
    { held: "bytes 5-9/10", range: "bytes=6-", span: { start: 1, end: 5 } },
    { held: "bytes 5-9/10", range: "bytes=5-6", span: { start: 0, end: 2 } },
    { held: "bytes 5-9/20", range: "bytes=8-9", span: { start: 3, end: 5 } },
    { held: "bytes 5-9/10", range: "bytes=-0", span: undefined },
    { held: "bytes 5-9/10", range: "bytes=8-20", span: { start: 3, end: 5 } },
    { held: "bytes 5-9/10", range: "bytes=-6", span: undefined },
    { held: "bytes 5-9/10", range: "bytes=4-6", span: undefined },
    { held: "bytes 5-9/10", range: "bytes=10-", span: undefined },
    { held: "bytes 5-9/10", range: "bytes=5-6,8-9", span: undefined },
    { held: "bytes 5-9/20", range: "bytes=6-", span: undefined },
    { held: "bytes 5-9/20", range: "bytes=6-10", span: undefined },
    { held: "bytes 5-9/20", range: "bytes=-1", span: undefined },
    { held: "bytes 5-9/*", range: "bytes=6-7", span: { start: 1, end: 3 } },
    { held: "bytes 5-9/*", range: "bytes=6-", span: undefined },
    { held: "nonsense", range: "bytes=6-7", span: undefined },
  ])("$range of $held: $span", ({ held, range, span }) => {
    expect(selectFromFragment(range, fragment(held), 5)).toEqual(span);
  });

  it("selects from nothing but a 206", () => {
    expect(selectFromFragment("bytes=5-6", { ...fragment("bytes 5-9/10"), status: 200 }, 5)).toBeUndefined();
  });

  it("names the span by its place in the complete content", () => {
    expect(fragmentHead(fragment("bytes 5-9/*"), { start: 1, end: 3 }).rawHeaders).toEqual([
      "Content-Length",
      "2",
      "Content-Range",
      "bytes 6-7/*",
    ]);
  });
});

describe("RFC 9111 §3.4 completing a fragment", () => {
  it.each([
    { held: "bytes 0-4/10", range: "bytes=5-" },
    { held: "bytes 0-4/*", range: "bytes=5-" },
    { held: "bytes 0-9/10", range: undefined },
    { held: "bytes 5-9/10", range: undefined },
    { held: "nonsense", range: undefined },
  ])("$held lacks $range", ({ held, range }) => {
    expect(missingRange(fragment(held))).toBe(range);
  });
});
