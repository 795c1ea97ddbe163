/** Keys that cannot collide and cannot be cloaked: whatever a client puts into the parts, two requests that differ in
 * one of them have two keys. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RequestHead } from "../base/exchange.js";
import type { CachePolicy } from "../options/policy-options.js";
import { resolvePolicy } from "../options/resolve-policy.js";
import { pageKey, variantDigest } from "./page-key.js";
import { FORWARDED_FIELDS } from "./request-fields.js";

const PLAIN = { cookies: { ignore: [], key: [] }, version: undefined };

/** What separates parts in the key, in targets, in lists and in files. */
const CRAFTED = fc.string({
  maxLength: 16,
  unit: fc.constantFrom(
    ...Array.from("0123:;,&=?/%.\\ \t\"'#@-abAB*"),
    "%2f",
    "%00",
    "%0a",
    "%23",
    "\u00e9",
    "field:",
    "cookie:",
  ),
});
const LINES = fc.array(CRAFTED, { maxLength: 3 });

interface Asked {
  readonly target: string;
  readonly host: string;
  readonly scheme: string;
  readonly fields: readonly (readonly string[])[];
  readonly cookie: string;
  readonly partition: string | undefined;
}

const ASKED: fc.Arbitrary<Asked> = fc.record({
  target: CRAFTED.map((text) => `/${text}`),
  host: CRAFTED,
  scheme: fc.constantFrom("http", "https"),
  fields: fc.tuple(...FORWARDED_FIELDS.map(() => LINES)),
  cookie: fc.string({ maxLength: 4, unit: fc.constantFrom(...Array.from("01:ab ")) }),
  partition: fc.option(CRAFTED, { nil: undefined }),
});

function keyOf({ target, host, scheme, fields, cookie, partition }: Asked): string {
  const rawHeaders = ["Host", host];
  for (const [at, lines] of fields.entries())
    for (const line of lines) rawHeaders.push(FORWARDED_FIELDS[at] ?? "", line);
  rawHeaders.push("Cookie", `theme=${cookie}`);
  const policy = resolvePolicy({ partition: () => partition });
  return pageKey(
    head(target, rawHeaders, scheme),
    policy,
    { cookies: { ignore: [], key: ["theme"] }, version: undefined },
    undefined,
  ).key;
}

function head(target: string, rawHeaders: readonly string[], scheme = "http"): RequestHead {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let at = 0; at < rawHeaders.length; at += 2)
    headers[(rawHeaders[at] ?? "").toLowerCase()] ??= rawHeaders[at + 1] ?? "";
  return { method: "GET", target, scheme, headers, rawHeaders };
}

describe("a key", () => {
  it("is that of one list of parts only", () => {
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(ASKED, (asked) => {
        const same = JSON.stringify({ ...asked, host: asked.host.toLowerCase(), cookie: asked.cookie.trim() });
        const before = seen.get(keyOf(asked)) ?? same;
        seen.set(keyOf(asked), same);
        expect(before).toBe(same);
      }),
      { numRuns: 1000 },
    );
  });

  it("is another one after any change to a part", () => {
    const change = fc.constantFrom<keyof Asked>("target", "scheme", "fields", "partition");
    fc.assert(
      fc.property(ASKED, ASKED, change, (one, other, part) => {
        const changed = { ...one, [part]: other[part] };
        expect(keyOf(changed) === keyOf(one)).toBe(JSON.stringify(changed) === JSON.stringify(one));
      }),
      { numRuns: 1000 },
    );
  });

  it.each(["\ud800", "a\udc00", "\udc00\ud800"])("is not made from half a character: %j", (half) => {
    for (const policy of [{ key: () => half }, { partition: () => half }] as const)
      expect(() => pageKey(head("/", ["Host", "a"]), resolvePolicy(policy), PLAIN, undefined)).toThrow(TypeError);
  });
});

describe("an ignored parameter hides nothing", () => {
  const IGNORING: CachePolicy = { key: { query: { ignore: ["utm_*"] } } };
  const POLICIES: readonly CachePolicy[] = [
    IGNORING,
    { key: { query: { only: ["id"] } } },
    { key: { query: { only: ["id"], sort: true } } },
  ];
  const name = (target: string, policy: CachePolicy) =>
    pageKey(head(target, ["Host", "a"]), resolvePolicy(policy), PLAIN, undefined).key;

  it.each([
    ["behind a semicolon", "/?id=1&utm_x=1;id=2", "/?id=1"],
    ["in front of a semicolon", "/?utm_x=1;id=2", "/"],
    ["behind an encoded name", "/?%69d=2", "/"],
    ["as a repeat", "/?id=1&utm_x=1&id=2", "/?id=1"],
    ["as an empty value", "/?id=", "/?id"],
    ["as another letter case", "/?ID=2&id=1", "/?id=1&id=1"],
    ["as a list", "/?id[]=2", "/"],
    ["in brackets", "/?[id]=2", "/"],
    ["as a prototype", "/?id=1&id[__proto__]=x", "/?id=1&id[__proto__]=y"],
  ])("%s: %s is not %s", (where, one, other) => {
    expect(POLICIES.map((policy) => name(one, policy) !== name(other, policy))).toEqual([true, true, true]);
  });

  it("and what is left in the key tells all else apart", () => {
    const parameter = fc.tuple(
      fc.constantFrom("id", "utm_a", "x"),
      CRAFTED.map((text) => text.replaceAll(/[&#]/g, "")),
    );
    const query = fc.array(
      parameter.map((pair) => pair.join("=")),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(query, query, (one, other) => {
        const kept = (query_: readonly string[]) =>
          query_.filter((pair) => pair.includes(";") || !/^utm_a(?==|$)/.test(pair)).join("&");
        const [first, second] = [one, other].map((all) =>
          name(all.length === 0 ? "/" : `/?${all.join("&")}`, IGNORING),
        );
        expect(first === second).toBe(kept(one) === kept(other));
      }),
    );
  });
});

describe("a variant", () => {
  it("is that of one list of field lines only, absent and empty apart", () => {
    const lines = fc.array(fc.constantFrom("", "a", "b", "-", "1:a", "x-a", "x-b-"), { maxLength: 2 });
    fc.assert(
      fc.property(lines, lines, lines, lines, (a, b, c, d) => {
        const digest = (one: readonly string[], other: readonly string[]) =>
          variantDigest(
            head("/", [...one.flatMap((line) => ["x-a", line]), ...other.flatMap((line) => ["x-b", line])]),
            ["x-a", "x-b"],
          );
        // Lines of one field are a list, and mean what the joined line means (RFC 9110 §5.3).
        const meaning = (one: readonly string[]) => (one.length === 0 ? undefined : one.join(", "));
        const same = meaning(a) === meaning(c) && meaning(b) === meaning(d);
        expect(digest(a, b) === digest(c, d)).toBe(same);
      }),
      { numRuns: 1000 },
    );
  });
});
