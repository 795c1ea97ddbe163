import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchesPath, pathPattern, pathReadings } from "./path-pattern.js";

function matches(pattern: string, path: string): boolean {
  return pathReadings(path)!.some((segments) => matchesPath(pathPattern(pattern)!, segments));
}

describe("a pattern of paths", () => {
  it.each([
    { pattern: "/", path: "/", fits: true },
    { pattern: "/", path: "/a", fits: false },
    { pattern: "/a", path: "/a", fits: true },
    { pattern: "/a", path: "/a?b=/c", fits: true },
    { pattern: "/a", path: "/ab", fits: false },
    { pattern: "/a", path: "/x/a", fits: false },
    { pattern: "/a", path: "/a/b", fits: false },
    { pattern: "/*", path: "/a", fits: true },
    { pattern: "/*", path: "/", fits: false },
    { pattern: "/*", path: "/a/b", fits: false },
    { pattern: "/reports/*", path: "/reports/7", fits: true },
    { pattern: "/reports/*", path: "/reports", fits: false },
    { pattern: "/reports/*/print", path: "/reports/7/print", fits: true },
    { pattern: "/reports/20*-q*.html", path: "/reports/2026-q1.html", fits: true },
    { pattern: "/reports/20*-q*.html", path: "/reports/2026-q1.htm", fits: false },
    { pattern: "/a*a", path: "/a", fits: false },
    { pattern: "/a*a", path: "/aa", fits: true },
    { pattern: "/*b*", path: "/abc", fits: true },
    { pattern: "/admin/**", path: "/admin", fits: true },
    { pattern: "/admin/**", path: "/admin/", fits: true },
    { pattern: "/admin/**", path: "/admin/users/7", fits: true },
    { pattern: "/admin/**", path: "/administrators", fits: false },
    { pattern: "/**", path: "/", fits: true },
    { pattern: "/**/edit", path: "/edit", fits: true },
    { pattern: "/**/edit", path: "/a/edit/b/edit", fits: true },
    { pattern: "/**/edit", path: "/a/edit/b", fits: false },
    { pattern: "/a/**/b/**/c", path: "/a/b/x/b/y/c", fits: true },
    { pattern: "/a/**/b/**/c", path: "/a/x/c", fits: false },
    { pattern: "/Admin", path: "/aDMIN", fits: true },
    { pattern: "/café", path: "/caf%C3%A9", fits: true },
    { pattern: "/caf%c3%a9", path: "/caf%C3%A9", fits: true },
    { pattern: "/café", path: "/caf\u00c3\u00a9", fits: true },
    { pattern: "/a b", path: "/a%20b", fits: true },
  ])("$pattern fits $path: $fits", ({ pattern, path, fits }) => {
    expect(matches(pattern, path)).toBe(fits);
  });

  it.each([
    "",
    "a",
    "admin/**",
    "/a?b",
    "/a#b",
    "/a**",
    "/**a",
    "/***",
    "/a/../b",
    "/./a",
    "/a//b",
    "/a\\b",
    "/a%2fb",
    "/:id",
    "/a/:id/b",
    "/a{/b}",
  ])("is not %j", (text) => {
    expect(pathPattern(text)).toBeUndefined();
  });

  it("is answered at once by what makes others take for ever", () => {
    const path = `/${"a".repeat(5000)}/${"a/".repeat(2000)}b`;
    expect(matches("/*a*a*a*a*a*a*a*a*c/**/*a*/**/*a*/**/*a*/**/c", path)).toBe(false);
  });

  it("says the same as a slow and simple reading of its rules", () => {
    const segment = fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom("a", "b") });
    const part = fc.oneof(segment, fc.constantFrom("*", "**", "a*", "*b", "a*b"));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), fc.array(segment, { maxLength: 6 }), (parts, path) => {
        const pattern = pathPattern(`/${parts.join("/")}`)!;
        expect(matchesPath(pattern, path)).toBe(simply(parts, path));
      }),
    );
  });
});

function simply([part, ...parts]: readonly string[], path: readonly string[]): boolean {
  if (part === undefined) return path.length === 0;
  if (part === "**") return simply(parts, path) || (path.length > 0 && simply([part, ...parts], path.slice(1)));
  const [segment, ...rest] = path;
  const fits = new RegExp(`^${part.replace("*", ".*")}$`);
  return segment !== undefined && fits.test(segment) && simply(parts, rest);
}

describe("the readings of a path", () => {
  it.each([
    { path: "/", readings: [[]] },
    { path: "/a/b", readings: [["a", "b"]] },
    { path: "//A///b/", readings: [["a", "b"]] },
    { path: "/%61%2D%7e/b%20c", readings: [["a-~", "b%20c"]] },
    { path: "/a..b/.c/d.", readings: [["a..b", ".c", "d."]] },
    { path: "/%zz/%4/%", readings: [["%zz", "%4", "%"]] },
    { path: "/a/../b", readings: [["a", "..", "b"], ["b"]] },
    { path: "/a/%2e%2E/b", readings: [["a", "..", "b"], ["b"]] },
    { path: "/a%2Fb", readings: [["a%2fb"], ["a", "b"]] },
    { path: "/a\\b", readings: [["a\\b"], ["a", "b"]] },
    { path: "/a%5c..%5cb", readings: [["a%5c..%5cb"], ["a", "..", "b"], ["b"]] },
    { path: "/%2561", readings: [["%2561"], ["a"]] },
    { path: "/a/%252e%252e", readings: [["a", "%252e%252e"], ["a", ".."], []] },
    { path: "/../../a", readings: [["..", "..", "a"], ["a"]] },
  ])("$path are $readings", ({ path, readings }) => {
    const found = pathReadings(path)!.map((segments) => JSON.stringify(segments));
    expect(new Set(found)).toEqual(new Set(readings.map((segments) => JSON.stringify(segments))));
  });

  it("are unknown when it is encoded over and over", () => {
    expect(pathReadings(`/%${"25".repeat(5)}61`)).toBeUndefined();
  });
});
