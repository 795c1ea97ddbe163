import { describe, expect, it } from "vitest";
import type { RequestHead, ResponseHead } from "../base/exchange.js";
import { fieldValue } from "./fields.js";
import { evaluatePreconditions, notModifiedHead } from "./preconditions.js";

const DATE = "Sat, 01 Jun 2024 12:00:00 GMT";
const EARLIER = "Sat, 01 Jun 2024 11:00:00 GMT";
const LATER = "Sat, 01 Jun 2024 13:00:00 GMT";

/** As node:http gives it: lower-case names, repeated lines joined. */
function request(rawHeaders: readonly string[], method = "GET"): RequestHead {
  const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const headers = Object.fromEntries(names.map((name) => [name, fieldValue(rawHeaders, name)]));
  return { method, target: "/", scheme: "http", headers, rawHeaders };
}

const response = (rawHeaders: readonly string[], status = 200): ResponseHead => ({
  status,
  statusText: "OK",
  rawHeaders,
});
const evaluate = (conditions: readonly string[], fields: readonly string[]) =>
  evaluatePreconditions(request(conditions), response(fields));

describe("RFC 9110 §13.1.2 If-None-Match", () => {
  it.each([
    { condition: '"a"', etag: '"a"' },
    { condition: '"a", "b"', etag: '"a"' },
    { condition: '"b", "a", "c"', etag: '"a"' },
    { condition: '"b","a"', etag: '"a"' },
    { condition: 'W/"a"', etag: '"a"' },
    { condition: '"a"', etag: 'W/"a"' },
    { condition: 'W/"a"', etag: 'W/"a"' },
    { condition: "*", etag: '"a"' },
    { condition: " * ", etag: '"a"' },
    { condition: '"a,b"', etag: '"a,b"' },
    { condition: '"x\\", "a"', etag: '"a"' },
    { condition: '""', etag: '""' },
    { condition: '"abcdefü"', etag: '"abcdefü"' },
    { condition: "abc", etag: "abc" },
  ])("$condition matches $etag", ({ condition, etag }) => {
    expect(evaluate(["If-None-Match", condition], ["ETag", etag])).toBe("not-modified");
  });

  it.each([
    { condition: '"b"', etag: '"a"' },
    { condition: '"A"', etag: '"a"' },
    { condition: "a", etag: '"a"' },
    { condition: '"a', etag: '"a"' },
    { condition: '"xa"', etag: '"a"' },
    { condition: '"*"', etag: '"a"' },
    { condition: "", etag: '"a"' },
  ])("$condition does not match $etag", ({ condition, etag }) => {
    expect(evaluate(["If-None-Match", condition], ["ETag", etag])).toBe("full");
  });

  it("matches any of several lines", () => {
    expect(evaluate(["If-None-Match", '"b"', "If-None-Match", '"a"'], ["ETag", '"a"'])).toBe("not-modified");
    expect(evaluate(["If-None-Match", '"b"', "If-None-Match", "*"], [])).toBe("not-modified");
  });

  it("* matches a response without an entity tag, a list does not", () => {
    expect(evaluate(["If-None-Match", "*"], [])).toBe("not-modified");
    expect(evaluate(["If-None-Match", '"a"'], [])).toBe("full");
  });
});

describe("RFC 9110 §13.1.3 If-Modified-Since", () => {
  it.each([
    { given: "the same Last-Modified", since: DATE, fields: ["Last-Modified", DATE], outcome: "not-modified" },
    { given: "an earlier Last-Modified", since: DATE, fields: ["Last-Modified", EARLIER], outcome: "not-modified" },
    { given: "a later Last-Modified", since: DATE, fields: ["Last-Modified", LATER], outcome: "full" },
    {
      given: "the same moment in RFC 850 format",
      since: "Saturday, 01-Jun-24 12:00:00 GMT",
      fields: ["Last-Modified", DATE, "Date", LATER],
      outcome: "not-modified",
    },
    {
      given: "the same moment in asctime format",
      since: "Sat Jun  1 12:00:00 2024",
      fields: ["Last-Modified", DATE],
      outcome: "not-modified",
    },
    {
      given: "no Last-Modified and an earlier Date (RFC 9111 §4.3.2)",
      since: DATE,
      fields: ["Date", EARLIER],
      outcome: "not-modified",
    },
    { given: "no Last-Modified and a later Date", since: DATE, fields: ["Date", LATER], outcome: "full" },
    { given: "neither", since: DATE, fields: [], outcome: "full" },
    {
      given: "a condition that does not parse",
      since: "yesterday",
      fields: ["Last-Modified", EARLIER],
      outcome: "full",
    },
    {
      given: "a Last-Modified that does not parse",
      since: DATE,
      fields: ["Last-Modified", "yesterday"],
      outcome: "full",
    },
  ])("with $given: $outcome", ({ since, fields, outcome }) => {
    expect(evaluate(["If-Modified-Since", since], fields)).toBe(outcome);
  });

  it("takes two of them for none", () => {
    expect(evaluate(["If-Modified-Since", DATE, "If-Modified-Since", DATE], ["Last-Modified", DATE])).toBe("full");
  });

  it("reads two-digit years by the time it is given", () => {
    const conditional = request(["If-Modified-Since", "Saturday, 01-Jun-24 12:00:00 GMT"]);
    const stored = response(["Last-Modified", DATE]);
    expect(evaluatePreconditions(conditional, stored, Date.parse(DATE))).toBe("not-modified");
    expect(evaluatePreconditions(conditional, stored)).toBe("full");
  });
});

describe("RFC 9110 §13.2 which conditions count", () => {
  it.each([
    { given: "a match over a later Last-Modified", tag: '"a"', since: EARLIER, outcome: "not-modified" },
    { given: "no match over an equal Last-Modified", tag: '"b"', since: DATE, outcome: "full" },
  ])("lets If-None-Match decide alone: $given", ({ tag, since, outcome }) => {
    expect(evaluate(["If-None-Match", tag, "If-Modified-Since", since], ["ETag", '"a"', "Last-Modified", DATE])).toBe(
      outcome,
    );
  });

  it("evaluates nothing without conditions", () => {
    expect(evaluate(["If-Match", '"b"', "If-Unmodified-Since", EARLIER], ["ETag", '"a"', "Last-Modified", DATE])).toBe(
      "full",
    );
  });

  it.each([200, 201, 203, 204, 206])("evaluates them for a stored %d", (status) => {
    expect(evaluatePreconditions(request(["If-None-Match", '"a"']), response(["ETag", '"a"'], status))).toBe(
      "not-modified",
    );
  });

  it.each([301, 404, 500])("evaluates nothing for a stored %d", (status) => {
    expect(evaluatePreconditions(request(["If-None-Match", '"a"']), response(["ETag", '"a"'], status))).toBe("full");
  });

  it.each([
    { method: "HEAD", outcome: "not-modified" },
    { method: "POST", outcome: "full" },
    { method: "QUERY", outcome: "full" },
  ])("$method gets $outcome", ({ method, outcome }) => {
    expect(evaluatePreconditions(request(["If-None-Match", "*"], method), response([]))).toBe(outcome);
  });
});

describe("RFC 9110 §15.4.5 304", () => {
  it("keeps what the client's copy is updated with, and drops what describes content", () => {
    const kept = [
      ["Cache-Control", "max-age=60"],
      ["Content-Location", "/a"],
      ["Date", DATE],
      ["ETag", '"a"'],
      ["Vary", "accept"],
      ["Expires", LATER],
      ["Last-Modified", EARLIER],
      ["Age", "5"],
      ["Cache-Status", "diskcache; hit"],
      ["Content-Security-Policy", "default-src 'self'"],
      ["Access-Control-Allow-Origin", "*"],
      ["X-Own", "1"],
    ];
    const dropped = [
      ["Content-Type", "text/html"],
      ["Content-Length", "5"],
      ["content-encoding", "br"],
      ["Content-Language", "en"],
      ["Content-Range", "bytes 0-4/5"],
      ["Accept-Ranges", "bytes"],
      ["Repr-Digest", "sha-256=:AA==:"],
    ];
    expect(notModifiedHead(response([...dropped, ...kept].flat()))).toEqual({
      status: 304,
      statusText: "Not Modified",
      rawHeaders: kept.flat(),
    });
  });
});
