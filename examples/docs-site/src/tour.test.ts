import { describe, expect, it } from "vitest";
import { stopOf } from "./tour.js";
import { isHit, type Visit } from "./visit.js";

const HIT = "diskcache; hit; ttl=1";
const MISS = "diskcache; fwd=uri-miss; stored";

function visit(cacheStatus: string, ms: number, body = "page", status = 200): Visit {
  return { status, body: Buffer.from(body), ms, cacheStatus };
}

describe("what the visits to a page amount to", () => {
  it("is the time of the first, and the median of the others", () => {
    const stop = stopOf("/a", visit(MISS, 90), [visit(HIT, 30), visit(HIT, 1), visit(HIT, 2)]);
    expect(stop).toEqual({ path: "/a", bytes: 4, renderedMs: 90, cachedMs: 2, problems: [] });
  });

  it("is no problem when a busy machine takes as long for a hit as it took to render", () => {
    expect(stopOf("/a", visit(MISS, 2), [visit(HIT, 3)]).problems).toEqual([]);
  });

  it("has no time of rendering when the first was a hit already", () => {
    expect(stopOf("/a", visit(HIT, 1), [visit(HIT, 1)])).toMatchObject({ renderedMs: undefined, problems: [] });
  });

  it.each([
    { when: "a page fails", cold: visit(MISS, 90, "page", 500), warm: [visit(HIT, 1)], problem: "answered 500" },
    {
      when: "a repeated visit is no hit",
      cold: visit(MISS, 90),
      warm: [visit(HIT, 1), visit(MISS, 1)],
      problem: `1 of 2 repeated visits were no hits, Cache-Status: ${MISS}`,
    },
    {
      when: "nothing says what the cache did",
      cold: visit("", 90),
      warm: [visit("", 1)],
      problem: "1 of 1 repeated visits were no hits, Cache-Status: (none)",
    },
    {
      when: "a hit has other bytes",
      cold: visit(HIT, 1),
      warm: [visit(HIT, 1), visit(HIT, 1, "pagE")],
      problem: "1 of 2 repeated visits got other bytes than the first",
    },
  ])("is a problem when $when", ({ cold, warm, problem }) => {
    expect(stopOf("/a", cold, warm).problems).toEqual([problem]);
  });
});

it.each([
  { cacheStatus: "diskcache; hit; ttl=3599", hit: true },
  { cacheStatus: "diskcache;hit", hit: true },
  { cacheStatus: "diskcache; fwd=uri-miss; stored", hit: false },
  { cacheStatus: 'diskcache; fwd=bypass; detail="hit"', hit: false },
  { cacheStatus: "proxy; hit", hit: false },
  { cacheStatus: "", hit: false },
])("reads `$cacheStatus` as a hit: $hit", ({ cacheStatus, hit }) => {
  expect(isHit(cacheStatus)).toBe(hit);
});
