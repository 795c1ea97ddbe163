import { describe, expect, it } from "vitest";
import { HitForMiss } from "./hit-for-miss.js";

function place() {
  let now = 1_000_000;
  let elapsedMs = 0;
  return {
    misses: new HitForMiss({ now: () => now }, () => elapsedMs),
    advance: (ms: number) => void (now += ms),
    elapse: (ms: number) => void (elapsedMs += ms),
  };
}

describe("a key whose response could not be shared", () => {
  it("is remembered for a minute", () => {
    const { misses, advance } = place();
    misses.remember("k");
    expect([misses.has("k"), misses.has("other")]).toEqual([true, false]);
    advance(60_000);
    expect(misses.has("k")).toBe(false);
  });

  it("is remembered for a second when it was the application that failed", () => {
    const { misses, advance } = place();
    misses.remember("k", true);
    advance(999);
    expect(misses.has("k")).toBe(true);
    advance(1);
    expect(misses.has("k")).toBe(false);
  });

  it("is forgotten when the clock was set back, or a response was shareable after all", () => {
    const { misses, advance } = place();
    misses.remember("k");
    advance(-3_600_000);
    expect(misses.has("k")).toBe(false);
    misses.remember("k");
    misses.forget("k");
    expect(misses.has("k")).toBe(false);
  });

  it("is one of a bounded number, the newest", () => {
    const { misses } = place();
    for (let n = 0; n <= 20_000; n++) misses.remember(String(n));
    expect([misses.has("0"), misses.has("10001"), misses.has("20000")]).toEqual([false, true, true]);
  });

  it("is looked up again a moment after nothing was found there, and no earlier", () => {
    const { misses, elapse } = place();
    misses.absent("k");
    expect(misses.isAbsent("k")).toBe(false);
    misses.remember("k");
    expect(misses.isAbsent("k")).toBe(false);
    misses.absent("k");
    misses.remember("k");
    elapse(49);
    expect([misses.isAbsent("k"), misses.isAbsent("other")]).toEqual([true, false]);
    elapse(1);
    expect(misses.isAbsent("k")).toBe(false);
  });

  it("is looked up again as soon as a response could be shared, or nobody remembers it any more", () => {
    const { misses, advance } = place();
    for (const end of [() => misses.forget("k"), () => advance(60_000)]) {
      misses.remember("k");
      misses.absent("k");
      expect(misses.isAbsent("k")).toBe(true);
      end();
      expect(misses.isAbsent("k")).toBe(false);
    }
  });
});
