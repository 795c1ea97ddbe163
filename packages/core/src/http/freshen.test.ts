import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ResponseHead } from "../base/exchange.js";
import { freshen, validates } from "./freshen.js";

const DATE = "Sat, 01 Jun 2024 12:00:00 GMT";
const LATER = "Sat, 01 Jun 2024 13:00:00 GMT";
const stored = (...rawHeaders: string[]): ResponseHead => ({ status: 200, statusText: "OK", rawHeaders });
const notModified = (...rawHeaders: string[]): ResponseHead => ({
  status: 304,
  statusText: "Not Modified",
  rawHeaders,
});

describe("RFC 9111 §3.2 updating stored fields", () => {
  const update = (ours: readonly string[], theirs: readonly string[]) =>
    freshen(stored(...ours, "Date", DATE), notModified(...theirs, "Date", DATE)).rawHeaders.slice(0, -2);

  it.each([
    { given: "a field the 304 omits", ours: ["A", "1"], theirs: [], result: ["A", "1"] },
    { given: "a field the 304 brings", ours: ["A", "1", "B", "2"], theirs: ["a", "3"], result: ["a", "3", "B", "2"] },
    {
      given: "several lines for one",
      ours: ["A", "1"],
      theirs: ["A", "2", "B", "9", "A", "3"],
      result: ["A", "2", "A", "3"],
    },
    {
      given: "one line for several",
      ours: ["A", "1", "B", "2", "A", "3"],
      theirs: ["A", "4"],
      result: ["A", "4", "B", "2"],
    },
    {
      given: "Cache-Control",
      ours: ["Cache-Control", "max-age=1"],
      theirs: ["Cache-Control", "max-age=9"],
      result: ["Cache-Control", "max-age=9"],
    },
    {
      given: "a Vary that names fewer fields",
      ours: ["Vary", "Accept-Language", "Vary", "Accept-Encoding"],
      theirs: ["Vary", "accept-language"],
      result: ["Vary", "accept-language, Accept-Encoding"],
    },
    {
      given: "a Vary that names more fields",
      ours: ["Vary", "Accept-Language"],
      theirs: ["Vary", "Accept-Language, Accept-Encoding"],
      result: ["Vary", "Accept-Language, Accept-Encoding"],
    },
    {
      given: "Content-Type",
      ours: ["Content-Type", "a/b"],
      theirs: ["Content-Type", "c/d"],
      result: ["Content-Type", "c/d"],
    },
    {
      given: "Content-Location",
      ours: ["Content-Location", "/a"],
      theirs: ["Content-Location", "/b"],
      result: ["Content-Location", "/b"],
    },
    {
      given: "Content-Length, never",
      ours: ["Content-Length", "5"],
      theirs: ["Content-Length", "0"],
      result: ["Content-Length", "5"],
    },
    {
      given: "Content-MD5, never: the bytes stay",
      ours: ["Content-MD5", "rL0Y20zC+Fzt72VPzMSk2A=="],
      theirs: ["Content-MD5", "N7UdGUp1E+RbVvZSTy1R8g=="],
      result: ["Content-MD5", "rL0Y20zC+Fzt72VPzMSk2A=="],
    },
    {
      given: "Content-Encoding, never: the bytes stay",
      ours: ["Content-Encoding", "br"],
      theirs: ["Content-Encoding", "gzip"],
      result: ["Content-Encoding", "br"],
    },
    {
      given: "Content-Range, never",
      ours: ["Content-Range", "x"],
      theirs: ["Content-Range", "y"],
      result: ["Content-Range", "x"],
    },
    {
      given: "hop-by-hop fields, never",
      ours: ["A", "1"],
      theirs: ["Connection", "a, x", "A", "2", "X", "3", "Keep-Alive", "4"],
      result: ["A", "1"],
    },
  ])("updates $given", ({ ours, theirs, result }) => {
    const fields = update(ours, theirs);
    expect(fields.slice(0, result.length)).toEqual(result);
  });

  it("appends a field that was not stored", () => {
    expect(freshen(stored("A", "1", "Date", DATE), notModified("Date", LATER, "B", "2"))).toEqual(
      stored("A", "1", "Date", LATER, "B", "2"),
    );
  });

  it("stores no cookie that came with the 304", () => {
    expect(update([], ["Set-Cookie", "a=b"])).toEqual([]);
  });

  it("replaces the cookie of a response that was stored with one", () => {
    expect(update(["Set-Cookie", "a=1"], ["Set-Cookie", "a=2"])).toEqual(["Set-Cookie", "a=2"]);
  });

  it("drops the Age and Date of the earlier exchange", () => {
    const ours = stored("Age", "500", "Date", DATE, "A", "1");
    expect(freshen(ours, notModified()).rawHeaders).toEqual(["A", "1"]);
    expect(freshen(ours, notModified("Age", "3", "Date", LATER)).rawHeaders).toEqual([
      "Age",
      "3",
      "Date",
      LATER,
      "A",
      "1",
    ]);
  });

  it("dates a 304 without Date when told when it came (RFC 9110 §6.6.1)", () => {
    expect(freshen(stored("Date", DATE), notModified(), Date.parse(LATER)).rawHeaders).toEqual(["Date", LATER]);
  });

  it("keeps status and reason, and leaves both heads as they were", () => {
    const ours = Object.freeze(["A", "1"]);
    const theirs = Object.freeze(["A", "2"]);
    expect(
      freshen({ status: 404, statusText: "No", rawHeaders: ours }, { status: 304, statusText: "", rawHeaders: theirs }),
    ).toEqual({
      status: 404,
      statusText: "No",
      rawHeaders: ["A", "2"],
    });
  });

  it("changes nothing the second time", () => {
    const fields = fc.array(
      fc.tuple(fc.constantFrom("A", "a", "B", "Date", "Age", "ETag", "Content-Length"), fc.constantFrom("1", "2")),
    );
    fc.assert(
      fc.property(fields, fields, (ours, theirs) => {
        const once = freshen(stored(...ours.flat()), notModified(...theirs.flat()));
        expect(freshen(once, notModified(...theirs.flat()))).toEqual(once);
      }),
    );
  });
});

describe("RFC 9111 §4.3.4 is the 304 about this response", () => {
  it.each([
    { ours: ["ETag", '"a"'], theirs: ["ETag", '"a"'], about: true },
    { ours: ["ETag", '"a"'], theirs: ["ETag", '"b"'], about: false },
    { ours: ["ETag", '"a"'], theirs: ["ETag", 'W/"a"'], about: true },
    { ours: ["ETag", 'W/"a"'], theirs: ["ETag", 'W/"a"'], about: true },
    { ours: ["ETag", 'W/"a"'], theirs: ["ETag", 'W/"b"'], about: false },
    { ours: ["ETag", 'W/"a"'], theirs: ["ETag", '"a"'], about: false },
    { ours: ["Last-Modified", DATE], theirs: ["ETag", '"a"'], about: false },
    { ours: ["Last-Modified", DATE], theirs: ["Last-Modified", DATE], about: true },
    { ours: ["Last-Modified", DATE], theirs: ["Last-Modified", LATER], about: false },
    { ours: ["ETag", '"a"', "Last-Modified", DATE], theirs: ["ETag", '"a"', "Last-Modified", LATER], about: true },
    { ours: ["ETag", '"a"'], theirs: [], about: true },
    { ours: [], theirs: [], about: true },
  ])("$ours and $theirs: $about", ({ ours, theirs, about }) => {
    expect(validates(stored(...ours), notModified(...theirs))).toBe(about);
  });
});
