import { describe, expect, it } from "vitest";
import { areFew, atMostHalf, bookkeepingBytes, excess, fits, isOver, mayStayUnseen, relief } from "./limits.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const BOUNDS = { maxSize: 100 * MIB, maxEntries: 1000 };
const UNBOUNDED = { maxSize: Infinity, maxEntries: Infinity };
const amount = (bytes: number, entries = 0) => ({ bytes, entries });

describe("what lies beside the entries", () => {
  it.each([
    { given: "one process and an empty log", writers: 1, log: 0, bytes: 72 * KIB },
    { given: "four processes and a log", writers: 4, log: 1000, bytes: 96 * KIB + 1000 },
    { given: "a log longer than a quarter of the bound: that quarter", writers: 1, log: 200 * MIB, bytes: 25 * MIB },
  ])("is counted for $given", ({ writers, log, bytes }) => {
    expect(bookkeepingBytes(BOUNDS, writers, log)).toBe(bytes);
  });
});

describe("what fits", () => {
  it.each([
    { given: "bytes up to the bound", held: amount(90 * MIB), more: amount(10 * MIB), is: true },
    { given: "one byte more", held: amount(90 * MIB), more: amount(10 * MIB + 1), is: false },
    { given: "entries up to the bound", held: amount(0, 999), more: amount(0, 1), is: true },
    { given: "one entry more", held: amount(0, 1000), more: amount(0, 1), is: false },
    { given: "5 % before an old directory is counted", held: amount(0), more: amount(MIB), added: 4 * MIB, is: true },
    { given: "more before it is", held: amount(0), more: amount(MIB + 1), added: 4 * MIB, is: false },
  ])("$given: $is", ({ held, more, added, is }) => {
    expect(fits(BOUNDS, held, more, added)).toBe(is);
  });

  it("is anything where there is no bound", () => {
    expect(fits(UNBOUNDED, amount(2 ** 50, 2 ** 40), amount(2 ** 50, 1), 2 ** 50)).toBe(true);
  });
});

describe("eviction", () => {
  it.each([
    { given: "at 95 % of the bytes", held: amount(95 * MIB), wanted: amount(0), is: false },
    { given: "above", held: amount(95 * MIB + 1), wanted: amount(0), is: true },
    { given: "above 95 % of the entries", held: amount(0, 951), wanted: amount(0), is: true },
    { given: "above the share that was given", held: amount(0, 501), wanted: amount(0), above: 0.5, is: true },
    { given: "for what does not fit", held: amount(60 * MIB), wanted: amount(41 * MIB, 1), is: true },
    { given: "for what is longer than half of the bound", held: amount(50 * MIB), wanted: amount(80 * MIB), is: false },
  ])("begins $given: $is", ({ held, wanted, above, is }) => {
    expect(isOver({ ...BOUNDS, evictAbove: above }, held, wanted)).toBe(is);
  });

  it.each([
    { given: "to nine tenths", held: amount(95 * MIB, 950), wanted: amount(0), left: amount(5 * MIB, 50) },
    { given: "to make room for what waits", held: amount(90 * MIB, 900), wanted: amount(MIB, 1), left: amount(MIB, 1) },
    {
      given: "to the share that was given",
      held: amount(95 * MIB, 0),
      wanted: amount(0),
      to: 0.5,
      left: amount(45 * MIB),
    },
    {
      given: "to no more than nine tenths",
      held: amount(95 * MIB, 0),
      wanted: amount(0),
      to: 1,
      left: amount(5 * MIB),
    },
    { given: "not at all below", held: amount(MIB, 1), wanted: amount(0), left: amount(0) },
    { given: "for half a bound at most", held: amount(90 * MIB), wanted: amount(80 * MIB), left: amount(50 * MIB) },
  ])("goes on $given", ({ held, wanted, to, left }) => {
    expect(excess({ ...BOUNDS, evictTo: to }, held, wanted)).toEqual(left);
  });

  it("gives half of what there is for one entry at most", () => {
    expect(atMostHalf(amount(80, 1), amount(100, 1))).toEqual(amount(50, 0.5));
  });
});

describe("what other processes need not know yet", () => {
  it.each([
    { given: "half a hundredth of a bound", unseen: amount(MIB / 2, 5), writers: 1, is: true },
    { given: "more bytes", unseen: amount(MIB / 2 + 1, 0), writers: 1, is: false },
    { given: "more entries", unseen: amount(0, 6), writers: 1, is: false },
    { given: "as much, where four write", unseen: amount(MIB / 2, 0), writers: 4, is: false },
    { given: "a quarter of that, where four write", unseen: amount(MIB / 8, 1), writers: 4, is: true },
  ])("$given: $is", ({ unseen, writers, is }) => {
    expect(mayStayUnseen(BOUNDS, unseen, writers)).toBe(is);
  });
});

describe("what goes for a disk that refuses a write", () => {
  it.each([
    { given: "as much as was written", held: amount(100, 40), refused: amount(20, 1), goes: amount(20, 2) },
    { given: "a twentieth at least", held: amount(100, 40), refused: amount(1, 1), goes: amount(5, 2) },
    { given: "half at most", held: amount(100, 40), refused: amount(500, 1), goes: amount(50, 2) },
  ])("is $given", ({ held, refused, goes }) => {
    expect(relief(held, refused)).toEqual(goes);
  });

  it("waits for a second refusal where fewer than twenty are held", () => {
    expect([areFew(amount(0, 19)), areFew(amount(0, 20))]).toEqual([true, false]);
  });
});
