import { describe, expect, it } from "vitest";
import { Recent } from "./recent.js";

const LEAST = 4;

describe("a memory of what was met lately", () => {
  it("never holds more than it is to, and always what was set last", () => {
    const recent = new Recent<number, string>(LEAST);
    for (let n = 0; n < 100; n++) {
      recent.set(n, `value ${n}`);
      expect(recent.size).toBeLessThan(2 * LEAST);
      for (let back = 0; back < Math.min(n + 1, LEAST); back++) expect(recent.get(n - back)).toBe(`value ${n - back}`);
    }
    expect(recent.has(100 - 2 * LEAST)).toBe(false);
  });

  it("gives what was set last under a key, however often that was", () => {
    const recent = new Recent<string, number>(LEAST);
    for (let n = 0; n < 2 * LEAST; n++) {
      recent.set("a", n);
      recent.set(`other ${n}`, n);
      expect(recent.get("a")).toBe(n);
    }
  });

  it("forgets what is taken out of it, new or old", () => {
    const recent = new Recent<string, number>(2);
    recent.set("old", 1);
    recent.set("new", 2);
    recent.delete("old");
    recent.delete("new");
    expect([recent.has("old"), recent.has("new"), recent.size]).toEqual([false, false, 0]);
  });

  it("keeps what was set to nothing apart from what is not there", () => {
    const recent = new Recent<string, undefined>(4);
    recent.set("a", undefined);
    expect([recent.has("a"), recent.has("b")]).toEqual([true, false]);
  });
});
