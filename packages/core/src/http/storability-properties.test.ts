import fc from "fast-check";
import { describe, it } from "vitest";
import { reusability } from "./reusability.js";
import { GET, NOW, date, decide, verdict } from "./storability.test.support.js";

const DIRECTIVES = [
  "max-age=60",
  "max-age=0",
  "s-maxage=30",
  "public",
  "private",
  "no-store",
  "no-cache",
  "must-revalidate",
  "proxy-revalidate",
  "must-understand",
  "stale-while-revalidate=9",
  "stale-if-error=9",
  "immutable",
  "x; y",
];

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const fields = fc
  .record({
    cacheControl: optional(fc.subarray(DIRECTIVES).map((directives) => `Cache-Control: ${directives.join(", ")}`)),
    targeted: optional(
      fc.constantFrom("max-age=60", "no-store", "private", "???").map((v) => `CDN-Cache-Control: ${v}`),
    ),
    age: optional(fc.constantFrom("0", "59", "61", "x").map((value) => `Age: ${value}`)),
    expires: optional(fc.constantFrom("0", date(50)).map((value) => `Expires: ${value}`)),
    vary: optional(fc.constantFrom("*", "accept", "a b").map((value) => `Vary: ${value}`)),
    etag: optional(fc.constant('ETag: "a"')),
    cookie: optional(fc.constant("Set-Cookie: a=b")),
  })
  .map((lines) => Object.values(lines).filter((line) => line !== undefined));
const exchanges = fc.record({
  request: fc.record({
    method: fc.constantFrom("GET", "HEAD", "POST"),
    authorization: fc.boolean(),
    cookies: fc.boolean(),
  }),
  status: fc.constantFrom(200, 204, 206, 301, 304, 404, 429, 500, 599),
  fields,
  policy: fc.record({
    ttl: fc.constantFrom(undefined, 0, 60),
    handlerTtl: fc.constantFrom(undefined, 0, 60),
    grace: fc.constantFrom(0, 10),
    keep: fc.constantFrom(0, 10),
    heuristic: fc.boolean(),
  }),
});

const expectAlways = fc.assert;

describe("storing and reusing agree", () => {
  it("answers nobody with what could not be stored for them, had they come without cookies", () => {
    const clients = fc.record({ method: fc.constant("GET"), authorization: fc.boolean(), cookies: fc.boolean() });
    expectAlways(
      fc.property(exchanges, clients, fc.integer({ min: -100, max: 200 }), (exchange, client, elapsed) => {
        const outcome = decide(exchange);
        if (!outcome.store) return true;
        const { reuse } = reusability(outcome.policy, client, undefined, NOW + elapsed * 1000, false);
        const answered = reuse === "fresh" || reuse === "stale";
        return !answered || verdict({ ...exchange, request: { ...client, cookies: false } }) === "stored";
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    { whose: "a cookie's owner", facts: { cookies: true, authorization: false }, word: /public|s-maxage/ },
    { whose: "an account", facts: { cookies: false, authorization: true }, word: /public|s-maxage|must-revalidate/ },
  ])("stores nothing that was made for $whose without a word from the response", ({ facts, word }) => {
    expectAlways(
      fc.property(exchanges, (exchange) => {
        const stored = verdict({ ...exchange, request: { ...GET, ...facts } }) === "stored";
        return !stored || word.test(exchange.fields.join("\n"));
      }),
      { numRuns: 1000 },
    );
  });

  it("keeps what must not be kept under no circumstances", () => {
    expectAlways(
      fc.property(exchanges, (exchange) => {
        const outcome = decide(exchange);
        const forbidden = /set-cookie|vary: (\*|a b)/i.test(exchange.fields.join("\n"));
        return !outcome.store || !(forbidden || [206, 304, 429].includes(exchange.status));
      }),
      { numRuns: 1000 },
    );
  });

  it("never throws on fields from anywhere", () => {
    const name = fc.constantFrom(
      "Cache-Control",
      "CDN-Cache-Control",
      "Vary",
      "Age",
      "Expires",
      "Date",
      "Last-Modified",
      "ETag",
    );
    const value = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
    const line = fc.tuple(name, value).map((parts) => parts.join(":"));
    expectAlways(
      fc.property(fc.array(line), fc.integer({ min: 100, max: 999 }), (lines, status) => {
        decide({ fields: lines, status, policy: { ttl: 60, heuristic: true } });
      }),
    );
  });
});
