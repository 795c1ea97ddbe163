import { describe, expect, it } from "vitest";
import { nearNames } from "./option-checks.js";

const KNOWN = ["dir", "keep", "key", "maxBody", "maxSize", "soft", "staleIfError", "tags", "ttl"];

describe("a misspelt name", () => {
  it.each([
    { given: "tll", near: ["ttl"] },
    { given: "tlt", near: ["ttl"] },
    { given: "TTL", near: ["ttl"] },
    { given: "sotf", near: ["soft"] },
    { given: "maxsize", near: ["maxSize"] },
    { given: "maxSizes", near: ["maxSize"] },
    { given: "staleIfErr", near: ["staleIfError"] },
    { given: "staleFailure", near: [] },
    { given: "staleOnError", near: ["staleIfError"] },
    { given: "tag", near: ["tags"] },
    { given: "kep", near: ["keep", "key"] },
    { given: "memory", near: [] },
    { given: "di", near: ["dir"] },
    { given: "no", near: [] },
    { given: "", near: [] },
    { given: "t".repeat(10_000), near: [] },
  ])("$given is taken for $near", ({ given, near }) => {
    expect(nearNames(given, KNOWN)).toEqual(near);
  });
});
