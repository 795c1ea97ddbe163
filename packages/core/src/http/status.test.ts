import { describe, expect, it } from "vitest";
import { isCoveredByTtl, isNeverStored, isUnderstood } from "./status.js";

describe("RFC 9110 §15 what a status means to a cache", () => {
  it.each([
    { status: 200, understood: true, covered: true, never: false },
    { status: 206, understood: false, covered: false, never: false },
    { status: 304, understood: false, covered: false, never: false },
    { status: 404, understood: true, covered: false, never: false },
    { status: 429, understood: false, covered: false, never: true },
    { status: 599, understood: false, covered: false, never: false },
  ])("$status", ({ status, understood, covered, never }) => {
    expect([isUnderstood(status), isCoveredByTtl(status), isNeverStored(status)]).toEqual([understood, covered, never]);
  });
});
