import { describe, expect, it } from "vitest";
import { codingsNamed } from "../../base/codings.js";
import { Negotiation } from "./coded-bodies.js";

const OFFERED = codingsNamed("br,gzip");

describe("what is sent to a client", () => {
  it("is worked out once for what his browser says, offer by offer", () => {
    const negotiation = new Negotiation();
    const first = negotiation.of("gzip, br", OFFERED);
    expect(first).toEqual({ codings: ["br", "gzip"], identity: true });
    expect(negotiation.of("gzip, br", OFFERED)).toBe(first);
    expect(negotiation.of("gzip, br", codingsNamed("gzip")).codings).toEqual(["gzip"]);
  });

  it("is right however many say something else each, and however much they say", () => {
    const negotiation = new Negotiation();
    const fields = Array.from({ length: 600 }, (_, n) => `br;q=0.${n}, gzip`);
    for (const field of [...fields, `${"x, ".repeat(1000)}gzip`])
      expect(negotiation.of(field, OFFERED).codings[0]).toBe("gzip");
  });
});

describe("a list of codings", () => {
  it("is the same for the same names, and knows no others", () => {
    expect(codingsNamed("br,lzma,gzip")).toBe(OFFERED);
    expect([codingsNamed(""), codingsNamed("lzma")]).toEqual([[], []]);
  });
});
