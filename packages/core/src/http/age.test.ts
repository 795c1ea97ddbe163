import { describe, expect, it } from "vitest";
import type { ResponseHead } from "../base/exchange.js";
import { ageValue, apparentAge, correctedInitialAge, currentAge } from "./freshness.js";
import { formatHttpDate } from "./http-date.js";

const NOW = Date.UTC(2024, 5, 1, 12);
const date = (seconds: number) => formatHttpDate(NOW + seconds * 1000);
const head = (...rawHeaders: string[]): ResponseHead => ({ status: 200, statusText: "", rawHeaders });

describe("RFC 9111 §5.1 a received Age", () => {
  it.each([
    { lines: [], seconds: 0 },
    { lines: ["30"], seconds: 30 },
    { lines: ["7200, 0"], seconds: 7200 },
    { lines: ["0, 7200"], seconds: 0 },
    { lines: ["7200", "0"], seconds: 7200 },
    { lines: ["0", "7200"], seconds: 0 },
    { lines: ["0, 0"], seconds: 0 },
    { lines: ["3600", "3600"], seconds: 3600 },
    { lines: [" 30 "], seconds: 30 },
    { lines: ["abc"], seconds: 0 },
    { lines: ["abc, 30"], seconds: 0 },
    { lines: ["-7200"], seconds: 0 },
    { lines: ["7200.0"], seconds: 0 },
    { lines: ["7200;foo=bar"], seconds: 0 },
    { lines: [""], seconds: 0 },
    { lines: ["2147483647"], seconds: 2 ** 31 - 1 },
    { lines: ["2147483649"], seconds: 2 ** 31 },
  ])("of $lines is $seconds", ({ lines, seconds }) => {
    expect(ageValue(head(...lines.flatMap((line) => ["Age", line])))).toBe(seconds);
  });
});

describe("RFC 9111 §4.2.3 age", () => {
  it.each([
    { given: "a Date in the past", fields: ["Date", date(-10)], seconds: 10 },
    { given: "a Date ahead of the clock", fields: ["Date", date(10)], seconds: 0 },
    { given: "no Date", fields: [], seconds: 0 },
    { given: "a Date that does not parse", fields: ["Date", "foo"], seconds: 0 },
  ])("apparent_age of $given is $seconds", ({ fields, seconds }) => {
    expect(apparentAge(head(...fields), NOW)).toBe(seconds);
  });

  it("counts no fraction of a second as age: Date has none", () => {
    expect(apparentAge(head("Date", date(0)), NOW + 999)).toBe(0);
    expect(apparentAge(head("Date", date(0)), NOW + 1000)).toBe(1);
  });

  it.each([
    { given: "only the response delay", fields: [], delayMs: 5000, seconds: 5 },
    { given: "less than a second of delay", fields: [], delayMs: 999, seconds: 0 },
    { given: "Age and delay", fields: ["Age", "30"], delayMs: 5000, seconds: 35 },
    { given: "an apparent age above them", fields: ["Age", "30", "Date", date(-100)], delayMs: 5000, seconds: 100 },
    { given: "an apparent age below them", fields: ["Age", "25", "Date", date(-10)], delayMs: 0, seconds: 25 },
    { given: "a clock that went back meanwhile", fields: [], delayMs: -5000, seconds: 0 },
  ])("corrected_initial_age with $given is $seconds", ({ fields, delayMs, seconds }) => {
    expect(correctedInitialAge(head(...fields), { requestAt: NOW - delayMs, responseAt: NOW })).toBe(seconds);
  });

  it.each([
    { elapsedMs: 0, seconds: 30 },
    { elapsedMs: 1999, seconds: 31 },
    { elapsedMs: 60_000, seconds: 90 },
    { elapsedMs: -60_000, seconds: 30 },
  ])("current_age $elapsedMs ms after a response 30 s old is $seconds", ({ elapsedMs, seconds }) => {
    expect(currentAge(30, NOW, NOW + elapsedMs)).toBe(seconds);
  });
});
