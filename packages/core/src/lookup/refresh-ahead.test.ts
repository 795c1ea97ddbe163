import { describe, expect, it, vi } from "vitest";
import type { StoredResponse } from "../stored/stored-response.js";
import { drawDueAhead } from "./refresh-ahead.js";

const STORED_AT = 1_000_000;

/** Kept for 100 seconds, of which it had spent ten elsewhere. */
function stored(): StoredResponse {
  return { policy: { storedAt: STORED_AT, lifetime: 110, initialAge: 10 } } as StoredResponse;
}

/** After how many seconds a page that is asked for again and again is rendered again, as the dice fall. */
function dueAfter(dice: number, part = 0.1): number {
  vi.spyOn(Math, "random").mockReturnValue(dice);
  const page = stored();
  for (let seconds = 0; ; seconds++) if (drawDueAhead(page, part, STORED_AT + seconds * 1000)) return seconds;
}

describe("a page that is rendered again ahead of time", () => {
  it("is so in the last part of its lifetime, each at a moment of its own", () => {
    expect([dueAfter(0), dueAfter(0.5), dueAfter(1)]).toEqual([100, 95, 89]);
  });

  it("is one that was asked for more than once", () => {
    const page = stored();
    expect([1, 2].map(() => drawDueAhead(page, 0.1, STORED_AT + 99_999))).toEqual([false, expect.any(Boolean)]);
    expect(drawDueAhead(stored(), 0.1, STORED_AT + 99_999)).toBe(false);
  });
});
