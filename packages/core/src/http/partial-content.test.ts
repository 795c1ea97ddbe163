import { describe, expect, it } from "vitest";
import type { ResponseHead } from "../base/exchange.js";
import { completedHead, contentRangeOf, fragmentHead, missingRange, selectFromFragment } from "./partial-content.js";

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

describe("RFC 9111 §3.4 completing a stored beginning", () => {
  const head = (contentRange: string, ...fields: string[]): ResponseHead => ({
    status: 206,
    statusText: "Partial Content",
    rawHeaders: ["Content-Range", contentRange, ...fields],
  });
  const complete = (ours: ResponseHead, theirs: ResponseHead, storedBytes = 4) =>
    completedHead(ours, storedBytes, theirs, 0);

  it("gives the whole the fields of the later part, and its own length", () => {
    const whole = complete(
      head("bytes 0-3/10", "A", "1", "B", "1", "ETag", '"v"', "Content-MD5", "x", "Content-Length", "4"),
      head("bytes 4-9/10", "A", "2", "ETag", '"v"', "Date", "Sat, 01 Jun 2024 12:00:00 GMT"),
    );
    expect(whole).toEqual({
      status: 200,
      statusText: "OK",
      rawHeaders: ["A", "2", "B", "1", "ETag", '"v"', "Date", "Sat, 01 Jun 2024 12:00:00 GMT", "Content-Length", "10"],
    });
  });

  const VERSION = ["ETag", '"v"'];
  it.each([
    { case: "no validators at all", ours: head("bytes 0-3/10"), theirs: head("bytes 4-9/10"), joined: true },
    { case: "a length told by the rest", ours: head("bytes 0-3/*"), theirs: head("bytes 4-9/10"), joined: true },
    {
      case: "the same strong tag",
      ours: head("bytes 0-3/10", ...VERSION),
      theirs: head("bytes 4-9/10", ...VERSION),
      joined: true,
    },
    {
      case: "another tag",
      ours: head("bytes 0-3/10", ...VERSION),
      theirs: head("bytes 4-9/10", "ETag", '"w"'),
      joined: false,
    },
    { case: "a tag on one side", ours: head("bytes 0-3/10", ...VERSION), theirs: head("bytes 4-9/10"), joined: false },
    {
      case: "weak tags",
      ours: head("bytes 0-3/10", "ETag", 'W/"v"'),
      theirs: head("bytes 4-9/10", "ETag", 'W/"v"'),
      joined: false,
    },
    {
      case: "another date",
      ours: head("bytes 0-3/10", "Last-Modified", "a"),
      theirs: head("bytes 4-9/10", "Last-Modified", "b"),
      joined: false,
    },
    {
      case: "another coding",
      ours: head("bytes 0-3/10", "Content-Encoding", "br"),
      theirs: head("bytes 4-9/10"),
      joined: false,
    },
    { case: "a gap", ours: head("bytes 0-3/10"), theirs: head("bytes 5-9/10"), joined: false },
    { case: "an overlap", ours: head("bytes 0-3/10"), theirs: head("bytes 3-9/10"), joined: false },
    { case: "an end still missing", ours: head("bytes 0-3/10"), theirs: head("bytes 4-8/10"), joined: false },
    { case: "another length", ours: head("bytes 0-3/11"), theirs: head("bytes 4-9/10"), joined: false },
    { case: "a beginning that is none", ours: head("bytes 1-3/10"), theirs: head("bytes 4-9/10"), joined: false },
    {
      case: "a beginning longer than what is stored of it",
      ours: head("bytes 0-4/10"),
      theirs: head("bytes 5-9/10"),
      joined: false,
    },
  ])("joins $case: $joined", ({ ours, theirs, joined }) => {
    expect(complete(ours, theirs) !== undefined).toBe(joined);
  });
});
