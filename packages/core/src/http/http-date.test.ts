import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatHttpDate, parseHttpDate } from "./http-date.js";

const NOW = Date.UTC(2024, 5, 1);
const MOMENT = Date.UTC(2050, 7, 18, 2, 1, 18);

const expectAlways = fc.assert;

describe("RFC 9110 §5.6.7 HTTP-date", () => {
  it.each([
    { format: "IMF-fixdate", value: "Thu, 18 Aug 2050 02:01:18 GMT", ms: MOMENT },
    { format: "RFC 850", value: "Thursday, 18-Aug-50 02:01:18 GMT", ms: MOMENT },
    { format: "asctime", value: "Thu Aug 18 02:01:18 2050", ms: MOMENT },
    { format: "asctime with a one-digit day", value: "Thu Aug  8 02:01:18 2050", ms: Date.UTC(2050, 7, 8, 2, 1, 18) },
    { format: "a weekday in capitals", value: "THU, 18 Aug 2050 02:01:18 GMT", ms: MOMENT },
    { format: "a month in capitals", value: "Thu, 18 AUG 2050 02:01:18 GMT", ms: MOMENT },
    { format: "a zone in mixed case", value: "Thu, 18 Aug 2050 02:01:18 gMT", ms: MOMENT },
    { format: "a moment past 32 bits", value: "Sun, 21 Nov 2286 04:46:39 GMT", ms: Date.UTC(2286, 10, 21, 4, 46, 39) },
    { format: "a leap day", value: "Thu, 29 Feb 2024 00:00:00 GMT", ms: Date.UTC(2024, 1, 29) },
    { format: "a leap second", value: "Sat, 31 Dec 2016 23:59:60 GMT", ms: Date.UTC(2017, 0, 1) },
    {
      format: "a year below 100",
      value: "Mon, 01 Jan 0050 00:00:00 GMT",
      ms: new Date("0050-01-01T00:00:00Z").getTime(),
    },
    { format: "a weekday that does not fit", value: "Mon, 18 Aug 2050 02:01:18 GMT", ms: MOMENT },
  ])("reads $format", ({ value, ms }) => {
    expect(parseHttpDate(value, NOW)).toBe(ms);
  });

  it.each([
    { fault: "another zone", value: "Thu, 18 Aug 2050 02:01:18 UTC" },
    { fault: "a zone beyond GMT", value: "Thu, 18 Aug 2050 02:01:18 AEST" },
    { fault: "an offset", value: "Thu, 18 Aug 2050 02:01:18 +0000" },
    { fault: "a two-digit year outside RFC 850", value: "Thu, 18 Aug 50 02:01:18 GMT" },
    { fault: "a four-digit year in RFC 850", value: "Thursday, 18-Aug-2050 02:01:18 GMT" },
    { fault: "no comma", value: "Thu 18 Aug 2050 02:01:18 GMT" },
    { fault: "two spaces", value: "Thu, 18  Aug  2050 02:01:18 GMT" },
    { fault: "dashes", value: "Thu, 18-Aug-2050 02:01:18 GMT" },
    { fault: "periods in the time", value: "Thu, 18 Aug 2050 02.01.18 GMT" },
    { fault: "a one-digit hour", value: "Thu, 18 Aug 2050 2:01:18 GMT" },
    { fault: "no weekday", value: "18 Aug 2050 02:01:18 GMT" },
    { fault: "a day that the month has not", value: "Thu, 30 Feb 2050 02:01:18 GMT" },
    { fault: "day 0", value: "Thu, 00 Aug 2050 02:01:18 GMT" },
    { fault: "hour 24", value: "Thu, 18 Aug 2050 24:00:00 GMT" },
    { fault: "minute 60", value: "Thu, 18 Aug 2050 02:60:18 GMT" },
    { fault: "second 61", value: "Thu, 18 Aug 2050 02:01:61 GMT" },
    { fault: "space around it", value: " Thu, 18 Aug 2050 02:01:18 GMT " },
    { fault: "two dates in one", value: "Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:18 GMT" },
    { fault: "ISO 8601", value: "2050-08-18T02:01:18Z" },
    { fault: "a number", value: "0" },
    { fault: "nothing", value: "" },
  ])("refuses $fault", ({ value }) => {
    expect(parseHttpDate(value, NOW)).toBeUndefined();
  });

  it.each([
    { now: Date.UTC(2024, 5, 1), value: "Thursday, 18-Aug-50 02:01:18 GMT", year: 2050 },
    { now: Date.UTC(2024, 5, 1), value: "Thursday, 18-Aug-73 02:01:18 GMT", year: 2073 },
    { now: Date.UTC(2024, 5, 1), value: "Thursday, 18-Aug-75 02:01:18 GMT", year: 1975 },
    { now: Date.UTC(2024, 5, 1), value: "Saturday, 01-Jun-74 00:00:00 GMT", year: 2074 },
    { now: Date.UTC(2024, 5, 1), value: "Saturday, 01-Jun-74 00:00:01 GMT", year: 1974 },
    { now: Date.UTC(2024, 5, 1), value: "Sunday, 06-Nov-94 08:49:37 GMT", year: 1994 },
    { now: Date.UTC(2099, 11, 31), value: "Thursday, 18-Aug-01 02:01:18 GMT", year: 2101 },
  ])("gives $value the year $year by the 50-year rule", ({ now, value, year }) => {
    expect(new Date(parseHttpDate(value, now)!).getUTCFullYear()).toBe(year);
  });

  it("refuses a two-digit year when nobody knows what time it is", () => {
    expect(parseHttpDate("Thursday, 18-Aug-50 02:01:18 GMT", Number.NaN)).toBeUndefined();
  });

  it("writes what it reads, to the second", () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), (seconds) => {
        expect(parseHttpDate(formatHttpDate(seconds * 1000), NOW)).toBe(seconds * 1000);
      }),
    );
  });

  it("never throws", () => {
    expectAlways(
      fc.property(fc.string(), (text) => {
        parseHttpDate(text, NOW);
      }),
    );
  });
});
