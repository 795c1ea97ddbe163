import { describe, expect, it, vi } from "vitest";
import { hookError } from "../errors.js";
import { Observer } from "./observer.js";

describe("the observer", () => {
  it("counts whether anybody listens or not", () => {
    const observer = new Observer();
    observer.hit("/", true);
    observer.hit("/", false);
    observer.forward("/", "uri-miss", undefined);
    observer.collapsed("/");
    observer.stored("/", 1);
    observer.notStored("/", "private");
    observer.compressed("/", "br", 2000, 900);
    observer.compressed("/", "br", 2000, undefined);
    for (const saved of [1100, 0]) observer.codedHit(saved);
    observer.purged("everything", false);
    observer.error(hookError("tags", "x"));
    expect(observer.counters).toEqual({
      hits: 2,
      staleHits: 1,
      forwards: 1,
      collapsed: 1,
      compressed: 1,
      codedHits: 2,
      savedBytes: 1100,
      stored: 1,
      notStored: 1,
      purges: 1,
      errors: 1,
    });
  });

  it("throws nothing when an error has no listener", () => {
    const observer = new Observer();
    observer.on("hit", () => {});
    expect(() => observer.error(hookError("tags", "x"))).not.toThrow();
  });

  it("tells every listener, in order, until he has had enough", () => {
    const observer = new Observer();
    const one = vi.fn<(event: { url: string }) => void>();
    const other = vi.fn<(event: { url: string }) => void>();
    observer.on("hit", one);
    observer.on("hit", other);
    observer.hit("/a", false);
    observer.off("hit", one);
    observer.hit("/b", false);
    expect([one.mock.calls.length, other.mock.calls.length]).toEqual([1, 2]);
    expect(other).toHaveBeenLastCalledWith({ url: "/b", stale: false });
  });
});
