import fc from "fast-check";
import { parseList, Token } from "structured-headers";
import { describe, expect, it } from "vitest";
import { formatCacheStatus, parseCacheStatus } from "../../packages/core/src/http/cache-status.js";
import type { CacheStatus, ForwardReason } from "../../packages/core/src/http/cache-status.js";

/** Name and parameters of the one member, as another implementation of structured fields reads them. */
function read(outcome: CacheStatus): { readonly name: unknown; readonly parameters: Record<string, unknown> } {
  const members = parseList(formatCacheStatus(outcome));
  expect(members).toHaveLength(1);
  const [name, parameters] = members[0]!;
  return {
    name: plain(name),
    parameters: Object.fromEntries([...parameters].map(([key, value]) => [key, plain(value)])),
  };
}

function plain(value: unknown): unknown {
  return value instanceof Token ? value.toString() : value;
}

const REASONS: readonly ForwardReason[] = [
  "bypass",
  "method",
  "uri-miss",
  "vary-miss",
  "miss",
  "request",
  "stale",
  "partial",
];

describe("RFC 9211 §2 Cache-Status, as another parser reads it", () => {
  it.each<{ outcome: CacheStatus; parameters: Record<string, unknown> }>([
    { outcome: { hit: true, ttl: 298 }, parameters: { hit: true, ttl: 298 } },
    { outcome: { hit: true, ttl: -3 }, parameters: { hit: true, ttl: -3 } },
    {
      outcome: { fwd: "stale", fwdStatus: 304, stored: true },
      parameters: { fwd: "stale", "fwd-status": 304, stored: true },
    },
    { outcome: { fwd: "uri-miss", collapsed: true }, parameters: { fwd: "uri-miss", collapsed: true } },
    {
      outcome: { fwd: "uri-miss", stored: false, detail: "set-cookie" },
      parameters: { fwd: "uri-miss", detail: "set-cookie" },
    },
    { outcome: { fwd: "bypass", detail: 'my "own" reason' }, parameters: { fwd: "bypass", detail: 'my "own" reason' } },
    { outcome: { detail: "only-if-cached" }, parameters: { detail: "only-if-cached" } },
  ])("$outcome", ({ outcome, parameters }) => {
    expect(read(outcome)).toEqual({ name: "diskcache", parameters });
  });

  it("says what was put into it, whatever that is", () => {
    const text = fc.string({ unit: "binary-ascii" });
    const outcomes = fc.record({
      fwd: fc.constantFrom(...REASONS),
      fwdStatus: fc.integer({ min: 100, max: 599 }),
      ttl: fc.maxSafeInteger(),
      stored: fc.boolean(),
      collapsed: fc.boolean(),
      key: text,
      detail: text,
    });
    fc.assert(
      fc.property(outcomes, (outcome) => {
        const { parameters } = read(outcome);
        expect(parameters["fwd"]).toBe(outcome.fwd);
        expect(parameters["fwd-status"]).toBe(outcome.fwdStatus);
        expect(parameters["ttl"]).toBe(Math.max(-(10 ** 15) + 1, Math.min(10 ** 15 - 1, outcome.ttl)));
        expect(parameters["stored"] ?? false).toBe(outcome.stored);
        expect(parameters["collapsed"] ?? false).toBe(outcome.collapsed);
        expect(parameters["key"]).toBe(outcome.key.replaceAll(/[^ -~]/g, "?"));
        expect(parameters["detail"]).toBe(outcome.detail.replaceAll(/[^ -~]/g, "?"));
      }),
    );
  });

  it("stands in a list beside the members of other caches (§2)", () => {
    const members = parseList(`OriginCache; hit; ttl=1100, ${formatCacheStatus({ fwd: "uri-miss", detail: "a, b" })}`);
    expect(members.map(([name]) => plain(name))).toEqual(["OriginCache", "diskcache"]);
  });
});

describe("RFC 9211 §2 Cache-Status, read back", () => {
  it.each([
    {
      field: "diskcache; fwd=uri-miss; fwd-status=200; storing; detail=set-cookie",
      read: { fwd: "uri-miss", fwdStatus: 200, storing: true, detail: "set-cookie" },
    },
    { field: "diskcache; hit; ttl=-3", read: { hit: true, ttl: -3 } },
    {
      field: 'diskcache; fwd=bypass; detail="my \\"own\\" reason"',
      read: { fwd: "bypass", detail: 'my "own" reason' },
    },
    { field: "diskcache; fwd=stale; stored=?0; collapsed; key=a", read: { fwd: "stale", collapsed: true, key: "a" } },
    { field: "diskcache; hit=1; ttl=1.5; fwd-status=abc", read: {} },
  ])("$field", ({ field, read: expected }) => {
    const nothing = { hit: false, stored: false, storing: false, collapsed: false };
    expect(parseCacheStatus(field)).toEqual([{ cache: "diskcache", ...nothing, ...expected }]);
  });

  it("has each cache on the way, the nearest to the origin first, whatever lines they stand in", () => {
    const lines = ['"Origin Cache"; hit; ttl=1100, (a b)', "diskcache; fwd=uri-miss; stored"];
    expect(parseCacheStatus(lines).map(({ cache, hit, stored }) => [cache, hit, stored])).toEqual([
      ["Origin Cache", true, false],
      ["diskcache", false, true],
    ]);
  });

  it.each(["", "diskcache; hit; ttl=", "diskcache hit", "ä"])("is nothing where it is no such field: %j", (field) => {
    expect(parseCacheStatus(field)).toEqual([]);
  });
});
