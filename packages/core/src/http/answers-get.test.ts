import { describe, expect, it } from "vitest";
import { answersGet } from "./invalidation.js";

describe("RFC 9110 §9.3.3 a POST response that answers GETs", () => {
  it.each([
    { locations: ["/a?b"], status: 200, does: true },
    { locations: [""], status: 200, does: true },
    { locations: ["https://example.com/a?b"], status: 200, does: true },
    { locations: ["/other"], status: 200, does: false },
    { locations: ["https://example.org/a?b"], status: 200, does: false },
    { locations: ["http://["], status: 200, does: false },
    { locations: [], status: 200, does: false },
    { locations: ["/a?b", "/a?b"], status: 200, does: false },
    { locations: ["/a?b"], status: 201, does: false },
    { locations: ["/a?b"], status: 500, does: false },
  ])("$status with $locations: $does", ({ locations, status, does }) => {
    const rawHeaders = locations.flatMap((location) => ["Content-Location", location]);
    expect(answersGet("https://example.com/a?b", { status, statusText: "", rawHeaders })).toBe(does);
  });
});
