import { describe, expect, it } from "vitest";
import { matchesAny } from "../base/path-pattern.js";
import { canonicalTarget } from "./query.js";
import { splitUrl } from "./spellings.js";
import { hasUndeclaredCookies, keyedCookies } from "./cookies.js";

const rules = (given: { ignore?: string[]; only?: string[]; sort?: boolean }) => ({
  ignore: [],
  only: undefined,
  sort: false,
  headers: [],
  ...given,
});

describe("the target as the key sees it", () => {
  it.each([
    { given: "no rules", target: "/a?b=2&a=1", by: rules({}), becomes: "/a?b=2&a=1" },
    { given: "no query", target: "/a", by: rules({ ignore: ["b"] }), becomes: "/a" },
    { given: "an ignored parameter", target: "/a?b=2&a=1", by: rules({ ignore: ["b"] }), becomes: "/a?a=1" },
    {
      given: "an ignored parameter without a value",
      target: "/a?b&a=1",
      by: rules({ ignore: ["b"] }),
      becomes: "/a?a=1",
    },
    { given: "nothing but ignored ones", target: "/a?b=1&b=2", by: rules({ ignore: ["b"] }), becomes: "/a" },
    { given: "a name that only begins alike", target: "/a?bb=1", by: rules({ ignore: ["b"] }), becomes: "/a?bb=1" },
    { given: "a name spelled in another way", target: "/a?%62=1", by: rules({ ignore: ["b"] }), becomes: "/a?%62=1" },
    {
      given: "a family of names",
      target: "/a?utm_a=1&utm=2&utm_=3",
      by: rules({ ignore: ["utm_*"] }),
      becomes: "/a?utm=2",
    },
    { given: "a list of those that count", target: "/a?x=1&id=7&y", by: rules({ only: ["id"] }), becomes: "/a?id=7" },
    { given: "none that counts", target: "/a?id=7", by: rules({ only: [] }), becomes: "/a" },
    { given: "sorting", target: "/a?b=1&a=2&b=0&a=1", by: rules({ sort: true }), becomes: "/a?a=2&a=1&b=1&b=0" },
    { given: "empty parameters", target: "/a?&&x=1&", by: rules({ ignore: ["y"] }), becomes: "/a?&&x=1&" },
    { given: "a second question mark", target: "/a?x=1?y=2", by: rules({ ignore: ["y"] }), becomes: "/a?x=1?y=2" },
  ])("with $given is $becomes", ({ target, by, becomes }) => {
    expect(canonicalTarget(target, by)).toBe(becomes);
  });
});

describe("a pattern", () => {
  it.each([
    { name: "utm_source", patterns: ["utm_*"], matches: true },
    { name: "utm_", patterns: ["utm_*"], matches: true },
    { name: "utm", patterns: ["utm_*"], matches: false },
    { name: "anything", patterns: ["*"], matches: true },
    { name: "a*b", patterns: ["a*b"], matches: true },
    { name: "axb", patterns: ["a*b"], matches: false },
    { name: "A", patterns: ["a"], matches: false },
    { name: "a", patterns: [], matches: false },
  ])("of $patterns matches $name: $matches", ({ name, patterns, matches }) => {
    expect(matchesAny(name, patterns)).toBe(matches);
  });
});

describe("a URL that names a page", () => {
  it.each([
    { url: "/a?b#c", scope: undefined, target: "/a?b" },
    { url: "http://A.example/a", scope: "a.example", target: "/a" },
    { url: "https://a.example:8443", scope: "a.example:8443", target: "/" },
    { url: "https://a.example?x=1", scope: "a.example", target: "/?x=1" },
    { url: "HTTP://a.example/../b//c", scope: "a.example", target: "/../b//c" },
    { url: "//a.example/b", scope: undefined, target: "//a.example/b" },
  ])("$url is $target on $scope, byte by byte", ({ url, scope, target }) => {
    expect(splitUrl(url)).toEqual({ scope, target });
  });

  it.each(["", "a", "ftp://a/", "http://", "http:///a", "?x", "*", " /a"])("%j is none", (url) => {
    expect(splitUrl(url)).toBeUndefined();
  });
});

describe("cookies", () => {
  it.each([
    { header: "", undeclared: false },
    { header: "_ga=1; _gat=2", undeclared: false },
    { header: "theme=dark", undeclared: false },
    { header: "_ga=1; session=2", undeclared: true },
    { header: "_ga=1, session=2", undeclared: true },
    { header: "_ga=1;session", undeclared: true },
    { header: "session", undeclared: true },
    { header: "=x", undeclared: true },
    { header: "THEME=dark", undeclared: true },
    { header: " ; ;", undeclared: false },
  ])("$header: somebody has to answer for them: $undeclared", ({ header, undeclared }) => {
    expect(hasUndeclaredCookies(header, { ignore: ["_ga*"], key: ["theme"] })).toBe(undeclared);
  });

  it("that are part of the key come in the order of their names, repeats in theirs, values as sent", () => {
    expect(keyedCookies('z=1; b="2 %20"; a=3; b=1; x=9', { ignore: [], key: ["a", "b", "z"] })).toEqual([
      ["a", "3"],
      ["b", '"2 %20"'],
      ["b", "1"],
      ["z", "1"],
    ]);
  });
});
