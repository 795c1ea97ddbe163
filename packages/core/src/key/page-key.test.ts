import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RequestHead } from "../base/exchange.js";
import type { CachePolicy } from "../options/policy-options.js";
import { resolvePolicy } from "../options/resolve-policy.js";
import type { CookieRules } from "./cookies.js";
import { pageKey } from "./page-key.js";

const NO_COOKIES: CookieRules = { ignore: [], key: [] };
const PLAIN = { cookies: NO_COOKIES, version: undefined };

function request(target: string, fields: readonly string[] = [], rest: Partial<RequestHead> = {}): RequestHead {
  const rawHeaders = ["Host", "a.example", ...fields];
  const headers: Record<string, string> = {};
  for (const [at, name] of rawHeaders.entries()) {
    if (at % 2 === 0) headers[name.toLowerCase()] ??= rawHeaders.at(at + 1) ?? "";
  }
  return { method: "GET", target, scheme: "http", headers, rawHeaders, ...rest };
}

function keyOf(
  head: RequestHead,
  policy: CachePolicy = {},
  cookies = NO_COOKIES,
  native?: unknown,
  version?: string,
): string {
  return pageKey(head, resolvePolicy(policy), { cookies, version }, native).key;
}

describe("the key of a page", () => {
  it("is the same for HEAD as for GET", () => {
    expect(keyOf(request("/", [], { method: "HEAD" }))).toBe(keyOf(request("/")));
  });

  it.each([
    { part: "the target", other: request("/b") },
    { part: "the scheme", other: request("/", [], { scheme: "https" }) },
    { part: "the host", other: request("/", [], { headers: { host: "b.example" } }) },
    { part: "X-Forwarded-Host", other: request("/", ["X-Forwarded-Host", "b"]) },
    { part: "an empty X-Forwarded-Host", other: request("/", ["X-Forwarded-Host", ""]) },
    { part: "X-Forwarded-Scheme", other: request("/", ["X-Forwarded-Scheme", "https"]) },
  ])("is another for another value of $part", ({ other }) => {
    expect(keyOf(other)).not.toBe(keyOf(request("/")));
  });

  it("is another for each version of the application, and for none", () => {
    const keys = [undefined, "1", "2", "2 ", "22"].map((version) =>
      keyOf(request("/"), {}, NO_COOKIES, undefined, version),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("tells one line with a comma from two lines", () => {
    const one = request("/", ["X-Forwarded-Host", "a, b"]);
    const two = request("/", ["X-Forwarded-Host", "a", "X-Forwarded-Host", "b"]);
    expect(keyOf(one)).not.toBe(keyOf(two));
  });

  it.each([
    { one: "for=192.0.2.1;host=a;proto=https", other: "for=192.0.2.9; host=a;proto=https", same: false },
    { one: "for=192.0.2.1;host=a", other: "for=192.0.2.9;host=a", same: true },
    { one: 'for="[2001:db8::1]:80";by=x', other: 'For="a\\"b;c";by=y', same: true },
    { one: "for=1, for=2;host=a", other: "for=3, for=4;host=a", same: true },
    { one: "for=1;host=a", other: "for=1;host=b", same: false },
    { one: "proto=http;for=1", other: "proto=https;for=1", same: false },
    { one: 'host="for=1;by=2"', other: 'host="for=3;by=4"', same: false },
    { one: "for=1", other: "for=1, for=2", same: false },
  ])("takes host and scheme from Forwarded, not who is connected: $one, $other", ({ one, other, same }) => {
    expect(keyOf(request("/", ["Forwarded", one])) === keyOf(request("/", ["Forwarded", other]))).toBe(same);
  });

  it("does not hold what a client sent in the clear, except its address", () => {
    const secretive = request("/", ["X-Plan", "s3cret", "Cookie", "theme=s3cret", "X-Forwarded-Host", "s3cret"]);
    const rules = { ignore: [], key: ["theme"] };
    const key = keyOf(secretive, { key: { headers: ["x-plan"] }, partition: () => "s3cret" }, rules);
    expect(key).not.toContain("s3cret");
  });

  it("has a partition that cannot be imitated by any other part", () => {
    const imitated = keyOf(request("/"), { partition: () => "ann" }).slice(keyOf(request("/")).length);
    expect(keyOf(request(`/${imitated}`))).not.toBe(keyOf(request("/"), { partition: () => "ann" }));
  });

  it("is one string for one list of parts, whatever is in them", () => {
    const text = fc.string({ maxLength: 12, unit: fc.constantFrom("a", ":", " ", "1", "2", "/", "?", "\u00e9") });
    const parts = fc.record({ target: text, host: text, scheme: fc.constantFrom("http", "https") });
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        const [first, second] = [one, other].map(({ target, host, scheme }) =>
          keyOf(request(`/${target}`, [], { headers: { host }, scheme })),
        );
        expect(first === second).toBe(
          one.target === other.target && one.host === other.host && one.scheme === other.scheme,
        );
      }),
    );
  });

  it.each([{ answer: 7 }, { answer: null }, { answer: {} }])(
    "does not come from a function that answers $answer",
    ({ answer }) => {
      const wrong = () => answer as unknown as string;
      expect(() => keyOf(request("/"), { key: wrong })).toThrow(TypeError);
      expect(() => keyOf(request("/"), { partition: wrong })).toThrow(TypeError);
    },
  );

  it("is everybody's where the partition is undefined, and nobody else's where it is empty", () => {
    const everybody = pageKey(request("/"), resolvePolicy({ partition: () => undefined }), PLAIN, undefined);
    const empty = pageKey(request("/"), resolvePolicy({ partition: () => "" }), PLAIN, undefined);
    expect([everybody.partitioned, empty.partitioned, everybody.key === empty.key]).toEqual([false, true, false]);
  });

  it("says by which words a purge finds the page", () => {
    const rules = { key: { query: { ignore: ["utm_*"] } } };
    const { scope, name } = pageKey(
      request("/a?utm_x=1&b=2", [], { headers: { host: "A.Example:8080" } }),
      resolvePolicy(rules),
      PLAIN,
      undefined,
    );
    expect([scope, name]).toEqual(["a.example:8080", "/a?b=2"]);
  });
});
