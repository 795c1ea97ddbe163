import { describe, expect, it } from "vitest";
import { lateRefusal } from "./decide-storing.js";

describe("fields that come up while the head is sent", () => {
  it.each([
    { atFirst: [], sent: ["Set-Cookie", "a=1"], reason: "set-cookie" },
    { atFirst: ["Cache-Control", "max-age=60"], sent: ["Cache-Control", "max-age=60"], reason: undefined },
    { atFirst: ["Cache-Control", "max-age=60"], sent: ["Cache-Control", "NO-STORE"], reason: "no-store" },
    { atFirst: [], sent: ["cache-control", "private"], reason: "private" },
    { atFirst: ["Cache-Control", "max-age=60"], sent: ["Cache-Control", "max-age=9"], reason: undefined },
    { atFirst: [], sent: ["Cache-Control", 'x="no-store"'], reason: undefined },
    { atFirst: [], sent: ["Vary", "Accept-Language"], reason: "late-vary" },
    { atFirst: ["Vary", "Accept"], sent: ["Vary", "Accept, Cookie"], reason: "late-vary" },
    { atFirst: ["Vary", "Accept"], sent: ["vary", "accept"], reason: undefined },
    { atFirst: [], sent: ["Vary", "*"], reason: "late-vary" },
    { atFirst: ["Vary", "Accept"], sent: ["Vary", "Accept, Accept-Encoding", "Vary", "Origin"], reason: undefined },
    { atFirst: ["Cache-Control", "no-store"], sent: ["Cache-Control", "no-store"], reason: undefined },
  ])("$atFirst, then $sent: $reason", ({ atFirst, sent, reason }) => {
    expect(lateRefusal(atFirst, sent, false)).toBe(reason);
  });

  it("may be a cookie where cookies are replayed", () => {
    expect(lateRefusal([], ["Set-Cookie", "a=1"], true)).toBeUndefined();
  });
});
