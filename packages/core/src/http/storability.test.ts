import { describe, expect, it } from "vitest";
import { date, decide, storedPolicy, verdict } from "./storability.test.support.js";
import type { Exchange } from "./storability.test.support.js";

const FRESH = "Cache-Control: max-age=60";
const PUBLIC = "Cache-Control: public, max-age=60";

describe("RFC 9111 §3 storing", () => {
  it.each([
    { given: "explicit freshness", fields: FRESH },
    { given: "Expires in the future", fields: [`Expires: ${date(60)}`, `Date: ${date(0)}`] },
    { given: "s-maxage", fields: "Cache-Control: s-maxage=60" },
    { given: "an unknown directive", fields: "Cache-Control: foobar, max-age=60" },
    { given: "Set-Cookie2, which nobody reads", fields: [FRESH, "Set-Cookie2: a=b"] },
    { given: "Content-Range on a 200", fields: [FRESH, "Content-Range: x"] },
  ])("stores with $given", ({ fields }) => {
    expect(verdict({ fields })).toBe("stored");
  });

  it.each<Exchange & { reason: string; because: string }>([
    { reason: "no-freshness", because: "nothing says for how long" },
    { reason: "no-freshness", because: "a validator says nothing about time", fields: 'ETag: "a"' },
    { reason: "no-freshness", because: "nor does Last-Modified", fields: `Last-Modified: ${date(-9)}` },
    { reason: "set-cookie", because: "a cookie is for one client", fields: [PUBLIC, "set-cookie: a=b"] },
    { reason: "no-store", because: "it says so", fields: "Cache-Control: max-age=60, No-StOrE" },
    { reason: "private", because: "it says so", fields: "Cache-Control: private, max-age=60" },
    { reason: "private", because: "a field of it is", fields: 'Cache-Control: private="x-user", max-age=60' },
    { reason: "private", because: "no field of it is named", fields: 'Cache-Control: private="", max-age=60' },
    { reason: "malformed", because: "anything may be meant", fields: "Cache-Control: max-age=60, x; no-store" },
    { reason: "vary-star", because: "no request is known to match", fields: [FRESH, "Vary: accept, *"] },
    { reason: "vary-star", because: "Vary names no field", fields: [FRESH, "Vary: accept language"] },
    { reason: "method", because: "HEAD has no content", request: { method: "HEAD" }, fields: FRESH },
    { reason: "method", because: "POST is not listed", request: { method: "POST" }, fields: FRESH },
    { reason: "method", because: "methods are case-sensitive", request: { method: "get" }, fields: FRESH },
    { reason: "interim", because: "103 is not final", status: 103, fields: FRESH },
    { reason: "partial", because: "206 is not complete", status: 206, fields: FRESH },
    { reason: "not-modified", because: "304 has no content", status: 304, fields: FRESH },
    { reason: "status", because: "600 is no status", status: 600, fields: FRESH },
    { reason: "expired-no-validator", because: "max-age is 0", fields: "Cache-Control: max-age=0" },
    { reason: "expired-no-validator", because: "max-age is bad", fields: "Cache-Control: max-age=abc" },
    { reason: "expired-no-validator", because: "Expires is past", fields: `Expires: ${date(-60)}` },
    { reason: "expired-no-validator", because: "Age is above", fields: ["Cache-Control: max-age=3600", "Age: 7200"] },
    { reason: "no-cache", because: "nothing could validate it", fields: "Cache-Control: no-cache, max-age=60" },
    { reason: "no-cache", because: "qualified counts the same", fields: 'Cache-Control: no-cache="a", max-age=60' },
  ])("refuses as $reason when $because", ({ reason, ...exchange }) => {
    expect(verdict(exchange)).toBe(reason);
  });

  it("stores no HEAD even when it is listed", () => {
    const policy = { methods: ["GET", "HEAD"] };
    expect(verdict({ request: { method: "HEAD" }, fields: FRESH, policy })).toBe("method");
  });

  it("stores a listed method", () => {
    expect(verdict({ request: { method: "QUERY" }, fields: FRESH, policy: { methods: ["QUERY"] } })).toBe("stored");
  });

  it("names the request fields that select it", () => {
    expect(decide({ fields: [FRESH, "Vary: Foo, accept", "Vary: foo"] })).toMatchObject({ vary: ["accept", "foo"] });
  });
});

describe("RFC 9110 §15 status codes", () => {
  const STATUSES = [
    200, 203, 204, 299, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410, 414, 451, 499, 500, 501, 502, 503,
    504, 599,
  ];

  it.each(STATUSES)("stores an explicitly fresh %d", (status) => {
    expect(verdict({ status, fields: FRESH })).toBe("stored");
  });

  it.each(STATUSES)("covers %d by ttl only when it is complete and lasting", (status) => {
    const covered = [200, 203, 204, 300, 301, 308].includes(status);
    expect(verdict({ status, policy: { ttl: 60 } })).toBe(covered ? "stored" : "no-freshness");
  });

  it.each([428, 429, 431, 511])("never stores %d (RFC 6585)", (status) => {
    const policy = { statusTtl: new Map([[String(status), 60]]), handlerTtl: 60 };
    expect(verdict({ status, fields: PUBLIC, policy })).toBe("status");
  });
});

describe("RFC 9111 §5.2.2.3 must-understand", () => {
  it.each([
    { status: 200, cacheControl: "max-age=60, no-store, must-understand", outcome: "stored" },
    { status: 404, cacheControl: "max-age=60, no-store, must-understand", outcome: "stored" },
    { status: 599, cacheControl: "max-age=60, no-store, must-understand", outcome: "status" },
    { status: 599, cacheControl: "max-age=60, must-understand", outcome: "status" },
    { status: 200, cacheControl: "max-age=60, no-store, must-understand, private", outcome: "private" },
    { status: 200, cacheControl: "no-store, must-understand", outcome: "no-freshness" },
    { status: 200, cacheControl: 'max-age=60, no-store, must-understand="x"', outcome: "no-store" },
  ])("$status with $cacheControl: $outcome", ({ status, cacheControl, outcome }) => {
    expect(verdict({ status, fields: `Cache-Control: ${cacheControl}` })).toBe(outcome);
  });
});

describe("RFC 9111 §3.5 requests with credentials", () => {
  it.each([
    { cacheControl: "max-age=60", authorization: "authorization", cookies: "cookie" },
    { cacheControl: "max-age=60, proxy-revalidate", authorization: "authorization", cookies: "cookie" },
    { cacheControl: "max-age=60, must-revalidate", authorization: "stored", cookies: "cookie" },
    { cacheControl: "max-age=60, public", authorization: "stored", cookies: "stored" },
    { cacheControl: "s-maxage=60", authorization: "stored", cookies: "stored" },
    { cacheControl: "s-maxage=60, private", authorization: "private", cookies: "private" },
  ])("$cacheControl: $authorization, $cookies", ({ cacheControl, authorization, cookies }) => {
    const fields = `Cache-Control: ${cacheControl}`;
    expect(verdict({ request: { authorization: true }, fields })).toBe(authorization);
    expect(verdict({ request: { cookies: true }, fields })).toBe(cookies);
  });

  it.each([{ ttl: 60 }, { handlerTtl: 60 }, { statusTtl: new Map([["200", 60]]) }])("needs more than %o", (policy) => {
    expect(verdict({ request: { authorization: true }, policy })).toBe("authorization");
    expect(verdict({ request: { cookies: true }, policy })).toBe("cookie");
  });

  it.each<{ given: string; authorization: boolean; cookies: boolean } & Exchange>([
    { given: "public", fields: PUBLIC, authorization: true, cookies: true },
    {
      given: "public and no time of its own",
      fields: "Cache-Control: public",
      policy: { ttl: 60 },
      authorization: true,
      cookies: true,
    },
    {
      given: "public, made for cookies",
      request: { cookies: true },
      fields: PUBLIC,
      authorization: true,
      cookies: true,
    },
    { given: "s-maxage", fields: "Cache-Control: s-maxage=60", authorization: true, cookies: true },
    { given: "max-age of its own", fields: FRESH, authorization: false, cookies: true },
    { given: "Expires of its own", fields: `Expires: ${date(60)}`, authorization: false, cookies: true },
    {
      given: "no lifetime, but a stale window",
      fields: "Cache-Control: max-age=0, stale-while-revalidate=9",
      authorization: false,
      cookies: false,
    },
    { given: "the operator's ttl", policy: { ttl: 60 }, authorization: false, cookies: false },
    { given: "the handler's ttl", policy: { handlerTtl: 60 }, authorization: false, cookies: false },
    { given: "a status ttl", policy: { statusTtl: new Map([["200", 60]]) }, authorization: false, cookies: false },
  ])("remembers whom a response with $given may answer", ({ authorization, cookies, ...exchange }) => {
    expect(storedPolicy(exchange)).toMatchObject({
      authorizationAllowed: authorization,
      cookiesAllowed: cookies,
    });
  });

  it("lets must-revalidate answer for Authorization, not for cookies that ttl alone stores", () => {
    const stored = storedPolicy({ fields: "Cache-Control: must-revalidate", policy: { ttl: 60 } });
    expect(stored).toMatchObject({ authorizationAllowed: true, cookiesAllowed: false });
  });
});

describe("what an operator can allow at their own risk", () => {
  it("replays Set-Cookie", () => {
    expect(verdict({ fields: [FRESH, "Set-Cookie: a=b"], policy: { replaySetCookie: true } })).toBe("stored");
  });

  it("stores fragments, on explicit freshness", () => {
    expect(verdict({ status: 206, fields: FRESH, policy: { partialContent: true } })).toBe("stored");
    expect(verdict({ status: 206, policy: { partialContent: true, ttl: 60 } })).toBe("no-freshness");
  });
});
