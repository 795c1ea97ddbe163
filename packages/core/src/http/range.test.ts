import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ResponseHead } from "../base/exchange.js";
import { fieldValue } from "./fields.js";
import { multipartBody, partialHead, selectRanges, unsatisfiableHead } from "./range.js";
import type { RangeSelection } from "./range.js";

const expectAlways = fc.assert;
const DATE = "Sat, 01 Jun 2024 12:00:00 GMT";
const EARLIER = "Sat, 01 Jun 2024 11:00:00 GMT";
const head = (...rawHeaders: string[]): ResponseHead => ({ status: 200, statusText: "OK", rawHeaders });
const WHOLE: RangeSelection = { kind: "whole" };
const part = (start: number, end: number) => ({ start, end });

describe("RFC 9110 §14.2 Range", () => {
  const select = (range: string | readonly string[], length = 10) => selectRanges(range, undefined, head(), length);

  it.each([
    { range: "bytes=0-1", parts: [part(0, 2)] },
    { range: "bytes=0-0", parts: [part(0, 1)] },
    { range: "bytes=1-", parts: [part(1, 10)] },
    { range: "bytes=0-", parts: [part(0, 10)] },
    { range: "bytes=-1", parts: [part(9, 10)] },
    { range: "bytes=-100", parts: [part(0, 10)] },
    { range: "bytes=5-100", parts: [part(5, 10)] },
    { range: "bytes=9-9", parts: [part(9, 10)] },
    { range: "Bytes=0-1", parts: [part(0, 2)] },
    { range: "bytes= 0-1 ,\t4-5", parts: [part(0, 2), part(4, 6)] },
    { range: "bytes=,0-1,,", parts: [part(0, 2)] },
    { range: "bytes=8-9,0-1", parts: [part(8, 10), part(0, 2)] },
    { range: "bytes=0-1,2-3", parts: [part(0, 2), part(2, 4)] },
    { range: "bytes=0-1,50-60", parts: [part(0, 2)] },
    { range: "bytes=0-99999999999999999999", parts: [part(0, 10)] },
    {
      range: `bytes=${[0, 1, 2, 3, 4, 5, 6, 7].map((at) => `${at}-${at}`).join()}`,
      parts: [0, 1, 2, 3, 4, 5, 6, 7].map((at) => part(at, at + 1)),
    },
  ])("$range selects $parts", ({ range, parts }) => {
    expect(select(range)).toEqual({ kind: "parts", parts });
  });

  it.each([
    { why: "another unit", range: "items=0-1" },
    { why: "no unit", range: "0-1" },
    { why: "no members", range: "bytes=" },
    { why: "only commas", range: "bytes=,," },
    { why: "only a dash", range: "bytes=-" },
    { why: "an end before its start", range: "bytes=5-1" },
    { why: "one bad member among good ones", range: "bytes=0-1,5-1" },
    { why: "letters", range: "bytes=a-b" },
    { why: "a sign", range: "bytes=+1-2" },
    { why: "a decimal", range: "bytes=1.0-2" },
    { why: "white space inside a member", range: "bytes=0 - 1" },
    { why: "white space before =", range: "bytes =0-1" },
    { why: "overlap", range: "bytes=0-5,4-9" },
    { why: "overlap with a suffix", range: "bytes=0-5,-6" },
    { why: "the same part twice", range: "bytes=0-1,0-1" },
    { why: "more than 8 parts", range: `bytes=${[0, 1, 2, 3, 4, 5, 6, 7, 8].map((at) => `${at}-${at}`).join()}` },
    { why: "two lines", range: ["bytes=0-1", "bytes=2-3"] },
    { why: "nothing", range: "" },
  ])("gives the whole for $why", ({ range }) => {
    expect(select(range)).toEqual(WHOLE);
  });

  it.each(["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99-100,50-"])("cannot satisfy %s of 10 bytes", (range) => {
    expect(select(range)).toEqual({ kind: "unsatisfiable" });
  });

  it.each([
    { range: "bytes=0-0", kind: "unsatisfiable" },
    { range: "bytes=-5", kind: "whole" },
  ])("$range of nothing: $kind", ({ range, kind }) => {
    expect(select(range, 0)).toEqual({ kind });
  });

  it.each([203, 206, 301, 404])("gives the whole of a stored %d", (status) => {
    expect(selectRanges("bytes=0-1", undefined, { ...head(), status }, 10)).toEqual(WHOLE);
  });

  it("gives the whole where the application takes no ranges", () => {
    expect(selectRanges("bytes=0-1", undefined, head("Accept-Ranges", "none"), 10)).toEqual(WHOLE);
  });

  it("selects only what is there, and never throws", () => {
    const texts = fc.string({ unit: fc.constantFrom("0", "1", "2", "5", "9", "-", ",", " ") });
    expectAlways(
      fc.property(texts, fc.nat(50), (text, length) => {
        const selection = select(`bytes=${text}`, length);
        if (selection.kind !== "parts") return true;
        const bytes = selection.parts.reduce((sum, { start, end }) => sum + end - start, 0);
        const inside = selection.parts.every(({ start, end }) => 0 <= start && start < end && end <= length);
        return selection.parts.length > 0 && inside && bytes <= length;
      }),
      { numRuns: 1000 },
    );
  });
});

describe("RFC 9110 §13.1.5 If-Range", () => {
  it.each([
    { ifRange: '"a"', fields: ["ETag", '"a"'], kind: "parts" },
    { ifRange: ' "a" ', fields: ["ETag", '"a"'], kind: "parts" },
    { ifRange: '"b"', fields: ["ETag", '"a"'], kind: "whole" },
    { ifRange: 'W/"a"', fields: ["ETag", 'W/"a"'], kind: "whole" },
    { ifRange: '"a"', fields: ["ETag", 'W/"a"'], kind: "whole" },
    { ifRange: '"a"', fields: [], kind: "whole" },
    { ifRange: EARLIER, fields: ["Last-Modified", EARLIER, "Date", DATE], kind: "parts" },
    { ifRange: "Sat Jun  1 11:00:00 2024", fields: ["Last-Modified", EARLIER, "Date", DATE], kind: "parts" },
    { ifRange: DATE, fields: ["Last-Modified", EARLIER, "Date", DATE], kind: "whole" },
    { ifRange: DATE, fields: ["Last-Modified", DATE, "Date", DATE], kind: "whole" },
    { ifRange: EARLIER, fields: ["Last-Modified", EARLIER], kind: "whole" },
    { ifRange: "nonsense", fields: ["Last-Modified", EARLIER, "Date", DATE], kind: "whole" },
    { ifRange: "", fields: ["ETag", '"a"', "Last-Modified", EARLIER, "Date", DATE], kind: "whole" },
  ])("$ifRange of $fields: $kind", ({ ifRange, fields, kind }) => {
    expect(selectRanges("bytes=0-1", ifRange, head(...fields), 10).kind).toBe(kind);
  });

  it("does not make the unsatisfiable of another version", () => {
    expect(selectRanges("bytes=99-", '"b"', head("ETag", '"a"'), 10)).toEqual(WHOLE);
  });
});

describe("RFC 9110 §15.3.7 206", () => {
  it("with one part says which, and how long it is", () => {
    const response = head(
      "Content-Type",
      "text/plain",
      "Content-Length",
      "10",
      "ETag",
      '"a"',
      "Cache-Control",
      "max-age=60",
    );
    expect(partialHead(response, part(2, 5), 10)).toEqual({
      status: 206,
      statusText: "Partial Content",
      rawHeaders: [
        "Content-Type",
        "text/plain",
        "Content-Length",
        "3",
        "ETag",
        '"a"',
        "Cache-Control",
        "max-age=60",
        "Content-Range",
        "bytes 2-4/10",
      ],
    });
  });

  it("promises nothing about the whole of the content", () => {
    const response = head("Content-Digest", "x", "Content-MD5", "y", "Repr-Digest", "z");
    expect(partialHead(response, part(0, 1), 10).rawHeaders.filter((_, index) => index % 2 === 0)).toEqual([
      "Repr-Digest",
      "Content-Range",
      "Content-Length",
    ]);
    expect(fieldValue(multipartBody(response, [part(0, 1), part(2, 3)], 10).head.rawHeaders, "content-digest")).toBe(
      undefined,
    );
  });

  it("with several parts frames each", () => {
    const content = "0123456789";
    const { head: multipart, pieces } = multipartBody(
      head("Content-Type", "text/plain", "Content-Length", "10"),
      [part(8, 10), part(0, 1)],
      10,
      "B",
    );
    const body = pieces
      .map((piece) => (Buffer.isBuffer(piece) ? piece.toString() : content.slice(piece.start, piece.end)))
      .join("");
    expect(body).toBe(
      [
        "--B",
        "Content-Type: text/plain",
        "Content-Range: bytes 8-9/10",
        "",
        "89",
        "--B",
        "Content-Type: text/plain",
        "Content-Range: bytes 0-0/10",
        "",
        "0",
        "--B--",
        "",
      ].join("\r\n"),
    );
    expect(multipart).toEqual({
      status: 206,
      statusText: "Partial Content",
      rawHeaders: ["Content-Type", "multipart/byteranges; boundary=B", "Content-Length", String(body.length)],
    });
  });

  it("names no type for parts of a response without one, and no range for the whole of them", () => {
    const { head: multipart, pieces } = multipartBody(head("Content-Range", "x"), [part(0, 1), part(2, 3)], 10, "B");
    expect((pieces[0] as Buffer).toString()).toBe("--B\r\nContent-Range: bytes 0-0/10\r\n\r\n");
    expect(fieldValue(multipart.rawHeaders, "content-range")).toBeUndefined();
  });

  it("separates parts by something that depends on the version and the parts", () => {
    const boundary = (response: ResponseHead, end: number) =>
      fieldValue(multipartBody(response, [part(0, 1), part(2, end)], 10).head.rawHeaders, "content-type");
    expect(boundary(head("ETag", '"a"'), 3)).toMatch(/^multipart\/byteranges; boundary=diskcache-[0-9a-f]{16}$/);
    expect(boundary(head("ETag", '"a"'), 3)).toBe(boundary(head("ETag", '"a"'), 3));
    expect(boundary(head("ETag", '"a"'), 3)).not.toBe(boundary(head("ETag", '"b"'), 3));
    expect(boundary(head("ETag", '"a"'), 3)).not.toBe(boundary(head("ETag", '"a"'), 4));
  });
});

describe("RFC 9110 §15.5.17 416", () => {
  it("says how long the content is, and leaves nothing to be kept", () => {
    const response = head(
      "Content-Type",
      "a/b",
      "Content-Length",
      "10",
      "Cache-Control",
      "max-age=60",
      "ETag",
      '"a"',
      "Date",
      DATE,
      "X-Own",
      "1",
    );
    expect(unsatisfiableHead(response, 10)).toEqual({
      status: 416,
      statusText: "Range Not Satisfiable",
      rawHeaders: ["Date", DATE, "X-Own", "1", "Content-Range", "bytes */10", "Content-Length", "0"],
    });
  });
});
