import { describe, expect, it } from "vitest";
import { parseCacheControl } from "./cache-control.js";
import { fieldLines } from "./fields.js";
import { freshnessLifetime, heuristicLifetime } from "./freshness.js";
import { formatHttpDate } from "./http-date.js";

const NOW = Date.UTC(2024, 5, 1, 12);
const DAY = 86_400;
const date = (seconds: number) => formatHttpDate(NOW + seconds * 1000);

function lifetime(fields: readonly string[], targeted = false): number | undefined {
  const cc = parseCacheControl(fieldLines(fields, "cache-control"));
  return freshnessLifetime({ status: 200, statusText: "", rawHeaders: fields }, cc, targeted, NOW);
}

describe("RFC 9111 §4.2.1 freshness lifetime", () => {
  it.each([
    { given: "s-maxage over max-age", fields: ["Cache-Control", "max-age=60, s-maxage=10"], seconds: 10 },
    {
      given: "s-maxage over a longer max-age, whatever their order",
      fields: ["Cache-Control", "s-maxage=1, max-age=3600"],
      seconds: 1,
    },
    {
      given: "max-age over Expires",
      fields: ["Cache-Control", "max-age=60", "Expires", date(-10_000), "Date", date(0)],
      seconds: 60,
    },
    {
      given: "max-age over an Expires that does not parse",
      fields: ["Cache-Control", "max-age=60", "Expires", "0"],
      seconds: 60,
    },
    { given: "max-age=0 as a lifetime", fields: ["Cache-Control", "max-age=0", "Expires", date(10_000)], seconds: 0 },
    {
      given: "a bad max-age as 0, not as absent",
      fields: ["Cache-Control", "max-age=a", "Expires", date(10_000)],
      seconds: 0,
    },
    { given: "Expires less Date", fields: ["Expires", date(300), "Date", date(100)], seconds: 200 },
    {
      given: "an Expires before a Date ahead of the clock as 0",
      fields: ["Expires", date(300), "Date", date(400)],
      seconds: 0,
    },
    { given: "an Expires equal to Date as 0", fields: ["Expires", date(0), "Date", date(0)], seconds: 0 },
    { given: "the time of receipt for a missing Date", fields: ["Expires", date(10)], seconds: 10 },
    {
      given: "the time of receipt for a Date that does not parse",
      fields: ["Date", "foo", "Expires", date(10)],
      seconds: 10,
    },
    { given: "an Expires of 0 as expired (§5.3)", fields: ["Expires", "0"], seconds: 0 },
    { given: "an empty Expires as expired", fields: ["Expires", ""], seconds: 0 },
    { given: "an Expires given twice as expired", fields: ["Expires", date(300), "Expires", date(300)], seconds: 0 },
    { given: "two Expires on one line as expired", fields: ["Expires", `${date(300)}, ${date(300)}`], seconds: 0 },
    {
      given: "an Expires in RFC 850 format",
      fields: ["Expires", "Thursday, 18-Aug-50 02:01:18 GMT", "Date", "Thu, 18 Aug 2050 02:01:08 GMT"],
      seconds: 10,
    },
    {
      given: "an Expires far away as 2³¹ (§1.2.2)",
      fields: ["Expires", "Sun, 21 Nov 2286 04:46:39 GMT", "Date", date(0)],
      seconds: 2 ** 31,
    },
    {
      given: "nothing from nothing",
      fields: ["Cache-Control", "public", "Last-Modified", date(-DAY)],
      seconds: undefined,
    },
  ])("takes $given", ({ fields, seconds }) => {
    expect(lifetime(fields)).toBe(seconds);
  });

  it("leaves Expires out where a targeted field governs (RFC 9213 §2.2)", () => {
    expect(lifetime(["Expires", date(300)], true)).toBeUndefined();
    expect(lifetime(["Cache-Control", "max-age=7", "Expires", date(300)], true)).toBe(7);
  });
});

describe("RFC 9111 §4.2.2 heuristic freshness", () => {
  const MODIFIED = ["Last-Modified", date(-DAY), "Date", date(0)];
  const guess = (status: number, fields: readonly string[]) => {
    const cc = parseCacheControl(fieldLines(fields, "cache-control"));
    return heuristicLifetime({ status, statusText: "", rawHeaders: fields }, cc, NOW);
  };

  it.each([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])("guesses for %d (RFC 9110 §15.1)", (status) => {
    expect(guess(status, MODIFIED)).toBe(8640);
  });

  it.each([201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599])("does not guess for %d", (status) => {
    expect(guess(status, MODIFIED)).toBeUndefined();
  });

  it.each([201, 599])("guesses for %d when it is public", (status) => {
    expect(guess(status, [...MODIFIED, "Cache-Control", "public"])).toBe(8640);
  });

  it.each([
    { given: "no Last-Modified", fields: ["Date", date(0)], seconds: undefined },
    {
      given: "a Last-Modified that does not parse",
      fields: ["Last-Modified", "yesterday", "Date", date(0)],
      seconds: undefined,
    },
    { given: "a Last-Modified after Date", fields: ["Last-Modified", date(50), "Date", date(0)], seconds: 0 },
    { given: "a Last-Modified long ago", fields: ["Last-Modified", date(-3650 * DAY), "Date", date(0)], seconds: DAY },
    { given: "no Date", fields: ["Last-Modified", date(-100)], seconds: 10 },
    { given: "less than a second", fields: ["Last-Modified", date(-9), "Date", date(0)], seconds: 0 },
  ])("gives $seconds for $given", ({ fields, seconds }) => {
    expect(guess(200, fields)).toBe(seconds);
  });
});
