import { describe, expect, it } from "vitest";
import type { StoragePolicy } from "./storability.js";
import { NOW, date, storedPolicy, verdict } from "./storability.test.support.js";
import type { Exchange } from "./storability.test.support.js";

const FRESH = "Cache-Control: max-age=60";
const ttls = (...entries: [string, number][]): Partial<StoragePolicy> => ({ statusTtl: new Map(entries) });

describe("whose lifetime counts", () => {
  it.each<{ given: string; lifetime: number } & Exchange>([
    { given: "max-age over ttl", fields: FRESH, policy: { ttl: 300 }, lifetime: 60 },
    { given: "a shorter max-age over ttl", fields: "Cache-Control: max-age=1", policy: { ttl: 300 }, lifetime: 1 },
    { given: "ttl when nothing is named", policy: { ttl: 300 }, lifetime: 300 },
    { given: "ttl when no time is named", fields: "Cache-Control: public", policy: { ttl: 300 }, lifetime: 300 },
    { given: "the handler's over max-age", fields: FRESH, policy: { ttl: 300, handlerTtl: 7 }, lifetime: 7 },
    { given: "the handler's over 0", fields: "Cache-Control: max-age=0", policy: { handlerTtl: 7 }, lifetime: 7 },
    { given: "the handler's for any status", status: 500, policy: { handlerTtl: 7 }, lifetime: 7 },
    { given: "a status ttl over ttl", policy: { ttl: 300, ...ttls(["200", 5]) }, lifetime: 5 },
    { given: "a status ttl where ttl does not reach", status: 404, policy: ttls(["404", 5]), lifetime: 5 },
    { given: "a class ttl", status: 503, policy: ttls(["5xx", 5]), lifetime: 5 },
    { given: "a status ttl over a class ttl", status: 503, policy: ttls(["5xx", 5], ["503", 2]), lifetime: 2 },
    { given: "max-age over a status ttl", status: 404, fields: FRESH, policy: ttls(["404", 5]), lifetime: 60 },
    { given: "a guess", fields: `Last-Modified: ${date(-1000)}`, policy: { heuristic: true }, lifetime: 100 },
    {
      given: "ttl over a guess",
      fields: `Last-Modified: ${date(-9)}`,
      policy: { heuristic: true, ttl: 7 },
      lifetime: 7,
    },
  ])("$given", ({ lifetime, ...exchange }) => {
    expect(storedPolicy(exchange).lifetime).toBe(lifetime);
  });

  it.each<{ given: string; reason: string } & Exchange>([
    { given: "a status ttl of 0, whatever is named", fields: FRESH, policy: ttls(["200", 0]), reason: "status" },
    { given: "a class ttl of 0", status: 404, fields: FRESH, policy: ttls(["4xx", 0]), reason: "status" },
    { given: "a handler's ttl of 0", fields: FRESH, policy: { handlerTtl: 0 }, reason: "no-freshness" },
    { given: "no-store", fields: "Cache-Control: no-store", policy: { handlerTtl: 60 }, reason: "no-store" },
    { given: "private", fields: "Cache-Control: private", policy: { handlerTtl: 60 }, reason: "private" },
    { given: "Set-Cookie", fields: "Set-Cookie: a=b", policy: { handlerTtl: 60 }, reason: "set-cookie" },
    { given: "no-cache", fields: "Cache-Control: no-cache", policy: { handlerTtl: 60 }, reason: "no-cache" },
    { given: "max-age=0", fields: "Cache-Control: max-age=0", policy: { ttl: 300 }, reason: "expired-no-validator" },
    { given: "an Expires of 0", fields: "Expires: 0", policy: { ttl: 300 }, reason: "expired-no-validator" },
    { given: "Pragma: no-cache (§5.4)", fields: "Pragma: x, No-Cache", policy: { ttl: 300 }, reason: "no-cache" },
  ])("no ttl overrides $given", ({ reason, ...exchange }) => {
    expect(verdict(exchange)).toBe(reason);
  });

  it("does not guess where Pragma says no-cache, nor lets it weaken what is named (§5.4)", () => {
    const modified = `Last-Modified: ${date(-1000)}`;
    expect(storedPolicy({ fields: ["Pragma: no-cache", modified], policy: { heuristic: true } }).noCache).toBe(true);
    expect(storedPolicy({ fields: ["Pragma: no-cache", FRESH] }).noCache).toBe(false);
  });

  it.each<Partial<StoragePolicy>>([{ ttl: 5 }, { handlerTtl: 5 }, ttls(["200", 5])])(
    "counts %o from the moment of storing, however long the page took to make",
    (policy) => {
      const stored = storedPolicy({ policy, took: 10 });
      expect(stored.lifetime - stored.initialAge).toBe(5);
    },
  );

  it("counts max-age from when the page was asked for (§4.2.3)", () => {
    expect(storedPolicy({ fields: FRESH, took: 10 })).toMatchObject({ storedAt: NOW, initialAge: 10, lifetime: 60 });
  });
});

describe("RFC 9213 §2.2 a targeted field in place of Cache-Control and Expires", () => {
  const EXPIRES = `Expires: ${date(60)}`;

  it.each<{ given: string; outcome: string; cdn: string; fields: string | string[] }>([
    { given: "max-age over no-store", cdn: "max-age=60", fields: "Cache-Control: no-store", outcome: "stored" },
    { given: "max-age over private", cdn: "max-age=60", fields: "Cache-Control: private", outcome: "stored" },
    { given: "max-age over a malformed field", cdn: "max-age=60", fields: "Cache-Control: a b", outcome: "stored" },
    { given: "no-store over max-age", cdn: "no-store", fields: [FRESH, EXPIRES], outcome: "no-store" },
    { given: "private over max-age", cdn: "private", fields: [FRESH, EXPIRES], outcome: "private" },
    { given: "no-cache over max-age", cdn: "no-cache", fields: [FRESH, EXPIRES], outcome: "no-cache" },
    { given: "max-age=0 over Expires", cdn: "max-age=0", fields: EXPIRES, outcome: "expired-no-validator" },
    { given: "no time over any", cdn: "none", fields: [FRESH, EXPIRES], outcome: "no-freshness" },
    { given: "not what is invalid", cdn: "max-age=60, &", fields: "Cache-Control: no-store", outcome: "no-store" },
    { given: "not a wrong type", cdn: 'max-age="60"', fields: "Cache-Control: no-store", outcome: "no-store" },
    { given: "nothing over Set-Cookie", cdn: "max-age=60", fields: "Set-Cookie: a=b", outcome: "set-cookie" },
    { given: "Age into account", cdn: "max-age=3600", fields: "Age: 7200", outcome: "expired-no-validator" },
  ])("takes $given", ({ outcome, cdn, fields }) => {
    expect(verdict({ fields: [`CDN-Cache-Control: ${cdn}`, ...[fields].flat()] })).toBe(outcome);
  });

  it.each([
    { cdn: "max-age=3600", cacheControl: "max-age=1", lifetime: 3600 },
    { cdn: "max-age=1", cacheControl: "max-age=3600", lifetime: 1 },
  ])("gives $cdn the say over $cacheControl", ({ cdn, cacheControl, lifetime }) => {
    const fields = [`Cache-Control: ${cacheControl}`, `CDN-Cache-Control: ${cdn}`];
    expect(storedPolicy({ fields }).lifetime).toBe(lifetime);
  });

  it("passes over a field that is not listed", () => {
    expect(verdict({ fields: "CDN-Cache-Control: max-age=60", policy: { targetedFields: [] } })).toBe("no-freshness");
  });
});

describe("what is worth storing", () => {
  const STALE = "Cache-Control: max-age=0";

  it.each<{ given: string; outcome: string } & Exchange>([
    { given: "stale, with an ETag", fields: [STALE, 'ETag: "a"'], outcome: "stored" },
    { given: "stale, with Last-Modified", fields: [STALE, `Last-Modified: ${date(-9)}`], outcome: "stored" },
    {
      given: "stale, with an ETag nobody keeps",
      fields: [STALE, 'ETag: "a"'],
      policy: { keep: 0 },
      outcome: "expired-no-validator",
    },
    { given: "no-cache with an ETag", fields: ["Cache-Control: no-cache", 'ETag: "a"'], outcome: "stored" },
    {
      given: "no-cache with an ETag on an error",
      status: 500,
      fields: ["Cache-Control: no-cache", 'ETag: "a"'],
      outcome: "no-freshness",
    },
    { given: "stale-while-revalidate at once", fields: `${STALE}, stale-while-revalidate=60`, outcome: "stored" },
    { given: "stale-if-error at once", fields: `${STALE}, stale-if-error=60`, outcome: "stored" },
    { given: "the operator's grace at once", fields: STALE, policy: { grace: 60 }, outcome: "stored" },
    {
      given: "an Age past every window",
      fields: ["Cache-Control: max-age=10, stale-if-error=60", "Age: 100"],
      outcome: "expired-no-validator",
    },
  ])("$given: $outcome", ({ outcome, ...exchange }) => {
    expect(verdict(exchange)).toBe(outcome);
  });
});

describe("RFC 9111 §4.2.4 stale windows", () => {
  // In this order: stale-while-revalidate, stale-if-error, grace.
  const OPERATOR = { staleWhileRevalidate: 10, staleIfError: 20, grace: 30 };

  it.each([
    { cacheControl: "max-age=60", windows: [10, 20, 30], mustRevalidate: false },
    { cacheControl: "max-age=60, stale-while-revalidate=1", windows: [1, 20, 30], mustRevalidate: false },
    { cacheControl: "max-age=60, stale-while-revalidate=0", windows: [0, 20, 30], mustRevalidate: false },
    { cacheControl: "max-age=60, stale-if-error=2", windows: [10, 2, 30], mustRevalidate: false },
    { cacheControl: "max-age=60, stale-if-error=x", windows: [10, 0, 30], mustRevalidate: false },
    { cacheControl: "max-age=60, must-revalidate, stale-if-error=2", windows: [0, 0, 0], mustRevalidate: true },
    { cacheControl: "max-age=60, proxy-revalidate", windows: [0, 0, 0], mustRevalidate: true },
    { cacheControl: "max-age=60, no-cache", windows: [0, 0, 0], mustRevalidate: false },
    { cacheControl: "s-maxage=60", windows: [0, 0, 0], mustRevalidate: true },
    { cacheControl: "s-maxage=1, stale-while-revalidate=59", windows: [59, 0, 0], mustRevalidate: true },
  ])("of $cacheControl are $windows", ({ cacheControl, windows, mustRevalidate }) => {
    const stored = storedPolicy({ fields: [`Cache-Control: ${cacheControl}`, 'ETag: "a"'], policy: OPERATOR });
    expect([stored.staleWhileRevalidate, stored.staleIfError, stored.grace]).toEqual(windows);
    expect(stored.mustRevalidate).toBe(mustRevalidate);
  });
});
