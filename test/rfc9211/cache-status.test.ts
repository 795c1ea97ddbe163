import fc from "fast-check";
import { parseList, Token } from "structured-headers";
import { describe, expect, it } from "vitest";
import { formatCacheStatus } from "../../packages/core/src/http/cache-status.js";
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
