import { describe, expect, it } from "vitest";
import { prefersLanguageOf } from "./negotiation.js";

describe("RFC 9110 §12.5.4 the language a client wants most", () => {
  it.each([
    { accept: ["fr;q=0.5, de;q=1.0"], language: "de", is: true },
    { accept: ["fr;q=0.5", "DE"], language: "de-AT", is: true },
    { accept: ["de"], language: "den", is: false },
    { accept: ["fr, de;q=0.9"], language: "de", is: false },
    { accept: ["fr, de"], language: "de", is: false },
    { accept: ["*"], language: "de", is: false },
    { accept: ["de;q=0"], language: "de", is: false },
    { accept: ["de;q=high"], language: "de", is: false },
    { accept: [], language: "de", is: false },
    { accept: ["de"], language: "de, en", is: false },
  ])("$accept: $language $is", ({ accept, language, is }) => {
    const response = { status: 200, statusText: "", rawHeaders: ["Content-Language", language] };
    expect(prefersLanguageOf(accept, response)).toBe(is);
  });
});
