import { describe, expect, it } from "vitest";
import type { CacheContext } from "../page-cache/context.js";
import { HandlerDirectives } from "./handler-directives.js";

const directives = () => new HandlerDirectives({} as CacheContext);

describe("what a handler says", () => {
  it("can be said in one breath, and the last lifetime and reason count", () => {
    const said = directives()
      .ttl(5)
      .ttl("1m")
      .tag("a")
      .tag("b", "c")
      .vary("Accept-Language")
      .vary("X-A", "X-B")
      .skip("once")
      .skip("twice");
    expect(said).toMatchObject({
      ttlSeconds: 60,
      tags: ["a", "b", "c"],
      varyFields: ["accept-language", "x-a", "x-b"],
      skipReason: "twice",
    });
  });

  it("is nothing to begin with", () => {
    expect(directives()).toMatchObject({
      ttlSeconds: undefined,
      skipReason: undefined,
      tags: [],
      varyFields: [],
      refresh: false,
    });
  });

  it("needs no reason to skip", () => {
    expect(directives().skip().skipReason).toBe("skip");
  });

  it("of a duration that is none is refused", () => {
    expect(() => directives().ttl("soon")).toThrow("option `ttl`");
  });
});
