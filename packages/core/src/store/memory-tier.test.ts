import { describe, expect, it } from "vitest";
import { MemoryTier } from "./memory-tier.js";

describe("MemoryTier", () => {
  it("never holds more than its bound", () => {
    const tier = new MemoryTier<number>(1000);
    for (let index = 0; index < 500; index++) {
      tier.set(`key ${index % 70}`, index, 1 + (index % 100));
      expect(tier.cost).toBeLessThanOrEqual(1000);
    }
    expect(tier.size).toBeGreaterThan(0);
  });

  it("keeps nothing with a bound of 0, nor what is too dear for it", () => {
    expect(new MemoryTier<number>(0).set("a", 1, 1)).toBe(false);
    const tier = new MemoryTier<number>(1000);
    tier.set("a", 1, 10);
    expect(tier.set("a", 2, 900)).toBe(false);
    expect(tier.get("a")).toBeUndefined();
  });

  it("keeps what is asked for through a crawl over what nobody asks for again", () => {
    const tier = new MemoryTier<number>(1000);
    for (let round = 0; round < 3; round++) {
      for (let hot = 0; hot < 50; hot++) if (tier.get(`hot ${hot}`) === undefined) tier.set(`hot ${hot}`, hot, 10);
    }
    for (let cold = 0; cold < 10_000; cold++) tier.set(`cold ${cold}`, cold, 10);
    let kept = 0;
    for (let hot = 0; hot < 50; hot++) if (tier.get(`hot ${hot}`) !== undefined) kept++;
    expect(kept).toBe(50);
  });

  it("forgets what is deleted, and everything when cleared", () => {
    const tier = new MemoryTier<number>(1000);
    tier.set("a", 1, 10);
    tier.set("b", 2, 10);
    tier.delete("a");
    expect(tier.get("a")).toBeUndefined();
    expect(tier.cost).toBe(10);
    tier.clear();
    expect(tier.size + tier.cost).toBe(0);
  });
});
