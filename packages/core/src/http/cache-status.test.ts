import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatCacheStatus } from "./cache-status.js";
import type { CacheStatus, ForwardReason } from "./cache-status.js";
import { parseList } from "./structured-fields.js";

describe("RFC 9211 §2 Cache-Status", () => {
  it.each<{ outcome: CacheStatus; value: string }>([
    { outcome: { hit: true, ttl: 298 }, value: "diskcache; hit; ttl=298" },
    { outcome: { hit: true }, value: "diskcache; hit" },
    {
      outcome: { hit: true, ttl: -7, detail: "stale-while-revalidate" },
      value: "diskcache; hit; ttl=-7; detail=stale-while-revalidate",
    },
    { outcome: { fwd: "uri-miss" }, value: "diskcache; fwd=uri-miss" },
    {
      outcome: { fwd: "uri-miss", fwdStatus: 200, stored: true, collapsed: true, ttl: 60 },
      value: "diskcache; fwd=uri-miss; fwd-status=200; stored; collapsed; ttl=60",
    },
    {
      outcome: { fwd: "vary-miss", stored: false, collapsed: false, detail: "set-cookie" },
      value: "diskcache; fwd=vary-miss; detail=set-cookie",
    },
    { outcome: { detail: "only-if-cached" }, value: "diskcache; detail=only-if-cached" },
    {
      outcome: { fwd: "bypass", detail: 'say "no" \\ 1' },
      value: 'diskcache; fwd=bypass; detail="say \\"no\\" \\\\ 1"',
    },
    { outcome: { fwd: "bypass", detail: "" }, value: 'diskcache; fwd=bypass; detail=""' },
    { outcome: { fwd: "bypass", detail: "1st" }, value: 'diskcache; fwd=bypass; detail="1st"' },
    {
      outcome: { fwd: "bypass", detail: "é\r\nSet-Cookie: a" },
      value: 'diskcache; fwd=bypass; detail="???Set-Cookie: a"',
    },
    { outcome: { hit: true, key: "/a b" }, value: 'diskcache; hit; key="/a b"' },
    { outcome: { hit: true, ttl: 2.9 }, value: "diskcache; hit; ttl=2" },
    { outcome: { hit: true, ttl: Infinity }, value: "diskcache; hit; ttl=999999999999999" },
    { outcome: { hit: true, ttl: Number.NaN }, value: "diskcache; hit; ttl=0" },
  ])("$value", ({ outcome, value }) => {
    expect(formatCacheStatus(outcome)).toBe(value);
  });

  it("is one member with parameters, whatever is put into it", () => {
    const outcomes = fc.record({
      fwd: fc.constantFrom<ForwardReason>("stale", "request"),
      fwdStatus: fc.integer(),
      ttl: fc.double(),
      key: fc.string(),
      detail: fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) }),
    });
    fc.assert(
      fc.property(outcomes, (outcome) => {
        const members = parseList([formatCacheStatus(outcome)]) ?? [];
        const parameters = members.map((member) => [...member.parameters.keys()]);
        expect(parameters).toEqual([["fwd", "fwd-status", "ttl", "key", "detail"]]);
      }),
    );
  });
});
