import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RequestDirectives } from "./request-directives.js";
import { currentAgeSeconds, remainingSeconds, reusability, staleOnError } from "./reusability.js";
import type { Reusability } from "./reusability.js";
import { expiresAt } from "./stored-policy.js";
import type { RequestFacts, StoredPolicy } from "./stored-policy.js";

const expectAlways = fc.assert;
const STORED_AT = Date.UTC(2024, 5, 1, 12);
const GET: RequestFacts = { method: "GET", authorization: false, cookies: false };
const STORED: StoredPolicy = {
  storedAt: STORED_AT,
  initialAge: 0,
  lifetime: 60,
  staleWhileRevalidate: 0,
  staleIfError: 0,
  grace: 0,
  keep: 3600,
  noCache: false,
  mustRevalidate: false,
  authorizationAllowed: false,
  cookiesAllowed: false,
};
const ASKED: RequestDirectives = {
  noCache: false,
  noStore: false,
  onlyIfCached: false,
  maxAge: undefined,
  minFresh: undefined,
  maxStale: undefined,
};

interface Situation {
  readonly stored?: Partial<StoredPolicy>;
  readonly request?: Partial<RequestFacts>;
  readonly asked?: Partial<RequestDirectives>;
  readonly at?: number;
  readonly softPurged?: boolean;
}

function decide({ stored, request, asked, at = 0, softPurged = false }: Situation): Reusability {
  const directives = asked === undefined ? undefined : { ...ASKED, ...asked };
  return reusability({ ...STORED, ...stored }, { ...GET, ...request }, directives, STORED_AT + at * 1000, softPurged);
}

/** "fresh", or what is to be done and why. */
function verdict(situation: Situation): string {
  const outcome = decide(situation);
  if (outcome.reuse === "fresh") return "fresh";
  return `${outcome.reuse} ${outcome.reuse === "stale" ? outcome.window : outcome.reason}`;
}

describe("RFC 9111 §4.2 freshness", () => {
  it.each([
    { at: 0, initialAge: 0, outcome: "fresh" },
    { at: 59, initialAge: 0, outcome: "fresh" },
    { at: 59.999, initialAge: 0, outcome: "fresh" },
    { at: 60, initialAge: 0, outcome: "validate stale" },
    { at: 29, initialAge: 30, outcome: "fresh" },
    { at: 30, initialAge: 30, outcome: "validate stale" },
    { at: 0, initialAge: 60, outcome: "validate stale" },
    { at: -1000, initialAge: 0, outcome: "fresh" },
    { at: -1000, initialAge: 60, outcome: "validate stale" },
  ])("$at s after it came $initialAge s old: $outcome", ({ at, initialAge, outcome }) => {
    expect(verdict({ at, stored: { initialAge } })).toBe(outcome);
  });

  it("says how much of its lifetime is left, and its age", () => {
    const stored = { ...STORED, initialAge: 10 };
    expect(remainingSeconds(stored, STORED_AT + 20_500)).toBe(30);
    expect(remainingSeconds(stored, STORED_AT + 80_000)).toBe(-30);
    expect(currentAgeSeconds(stored, STORED_AT + 20_500)).toBe(30);
  });

  it("makes nothing younger when the clock goes back", () => {
    fc.assert(
      fc.property(
        fc.nat(1e6),
        fc.nat(1e6),
        fc.integer({ min: -1e12, max: 1e12 }),
        (initialAge, lifetime, elapsedMs) => {
          const stored = { ...STORED, initialAge, lifetime };
          expect(remainingSeconds(stored, STORED_AT + elapsedMs)).toBeLessThanOrEqual(lifetime - initialAge);
          expect(currentAgeSeconds(stored, STORED_AT + elapsedMs)).toBeGreaterThanOrEqual(initialAge);
        },
      ),
    );
  });

  it("allocates nothing for a hit", () => {
    expect(decide({})).toBe(decide({ at: 30 }));
    expect(Object.isFrozen(decide({}))).toBe(true);
  });
});

describe("RFC 9111 §3.5 requests with credentials", () => {
  it.each([
    { request: { authorization: true }, stored: {}, outcome: "never authorization" },
    { request: { authorization: true }, stored: { authorizationAllowed: true }, outcome: "fresh" },
    { request: { cookies: true }, stored: {}, outcome: "never cookie" },
    { request: { cookies: true }, stored: { cookiesAllowed: true }, outcome: "fresh" },
    {
      request: { authorization: true, cookies: true },
      stored: { cookiesAllowed: true },
      outcome: "never authorization",
    },
    {
      request: { authorization: true, cookies: true },
      stored: { authorizationAllowed: true },
      outcome: "never cookie",
    },
  ])("$request with $stored: $outcome", ({ request, stored, outcome }) => {
    expect(verdict({ request, stored })).toBe(outcome);
  });

  it("withholds a stale response from them just as well", () => {
    expect(verdict({ request: { cookies: true }, stored: { grace: 60 }, at: 70 })).toBe("never cookie");
  });
});

describe("RFC 9111 §5.2.2.4 no-cache", () => {
  it.each([0, 59, 60, 3000])("is validated before each reuse, %d s on", (at) => {
    expect(verdict({ stored: { noCache: true }, at })).toBe("validate no-cache");
  });
});

describe("RFC 9111 §4.2.4, RFC 5861 §3 stale reuse", () => {
  it.each<{ outcome: string } & Situation>([
    { stored: { staleWhileRevalidate: 10 }, at: 60, outcome: "stale stale-while-revalidate" },
    { stored: { staleWhileRevalidate: 10 }, at: 69, outcome: "stale stale-while-revalidate" },
    { stored: { staleWhileRevalidate: 10 }, at: 70, outcome: "validate stale" },
    { stored: { grace: 10 }, at: 69, outcome: "stale grace" },
    { stored: { grace: 10 }, at: 70, outcome: "validate stale" },
    { stored: { staleWhileRevalidate: 5, grace: 10 }, at: 64, outcome: "stale stale-while-revalidate" },
    { stored: { staleWhileRevalidate: 5, grace: 10 }, at: 65, outcome: "stale grace" },
    { stored: { staleIfError: 1000 }, at: 60, outcome: "validate stale" },
    { stored: { keep: 100 }, at: 159, outcome: "validate stale" },
    { stored: { keep: 100 }, at: 160, outcome: "never expired" },
    { stored: { keep: 0, staleIfError: 100 }, at: 159, outcome: "validate stale" },
    { stored: { keep: 0, staleIfError: 100 }, at: 160, outcome: "never expired" },
    { stored: { lifetime: 0, staleWhileRevalidate: 10 }, at: 0, outcome: "stale stale-while-revalidate" },
  ])("$stored after $at s: $outcome", ({ outcome, ...situation }) => {
    expect(verdict(situation)).toBe(outcome);
  });
});

describe("soft purge", () => {
  it.each<{ outcome: string } & Situation>([
    { stored: {}, outcome: "validate stale" },
    { stored: { keep: 0 }, outcome: "validate stale" },
    { stored: { grace: 10 }, outcome: "stale grace" },
    { stored: { staleWhileRevalidate: 10 }, outcome: "stale stale-while-revalidate" },
    { stored: { noCache: true }, outcome: "validate no-cache" },
    { stored: { grace: 10 }, at: 75, outcome: "validate stale" },
    { stored: { grace: 10 }, request: { cookies: true }, outcome: "never cookie" },
  ])("$stored at $at: $outcome", ({ outcome, ...situation }) => {
    expect(verdict({ ...situation, softPurged: true })).toBe(outcome);
  });
});

describe("RFC 9111 §5.2.1 what the request asks for", () => {
  it.each<{ outcome: string } & Situation>([
    { asked: {}, outcome: "fresh" },
    { asked: { noStore: true, onlyIfCached: true }, outcome: "fresh" },
    { asked: { noCache: true }, outcome: "validate request-no-cache" },
    { asked: { noCache: true }, at: 65, stored: { grace: 10 }, outcome: "validate request-no-cache" },
    { asked: { noCache: true, maxStale: 100 }, at: 65, outcome: "validate request-no-cache" },
    { asked: { maxAge: 10 }, at: 10, outcome: "fresh" },
    { asked: { maxAge: 10 }, at: 11, outcome: "validate request-max-age" },
    { asked: { maxAge: 0 }, at: 0, outcome: "fresh" },
    { asked: { maxAge: 600 }, stored: { initialAge: 1800, lifetime: 3600 }, outcome: "validate request-max-age" },
    { asked: { maxAge: 10 }, at: 65, stored: { grace: 10 }, outcome: "validate request-max-age" },
    { asked: { maxAge: 0 }, at: 30, stored: { immutable: true }, outcome: "fresh" },
    { asked: { noCache: true }, at: 30, stored: { immutable: true }, outcome: "validate request-no-cache" },
    { asked: { maxAge: 0 }, at: 65, stored: { immutable: true, grace: 10 }, outcome: "validate request-max-age" },
    { asked: { maxAge: 0 }, at: 60, stored: { immutable: true, grace: 10 }, outcome: "validate request-max-age" },
    { asked: { minFresh: 60 }, at: 0, outcome: "fresh" },
    { asked: { minFresh: 60 }, at: 1, outcome: "validate request-min-fresh" },
    { asked: { minFresh: 1 }, at: 65, stored: { grace: 10 }, outcome: "validate request-min-fresh" },
    { asked: { maxStale: 10 }, at: 70, outcome: "stale max-stale" },
    { asked: { maxStale: 10 }, at: 71, outcome: "validate stale" },
    { asked: { maxStale: Infinity }, at: 3000, outcome: "stale max-stale" },
    { asked: { maxStale: 10, maxAge: 5 }, at: 65, outcome: "stale max-stale" },
    { asked: { maxStale: 10 }, at: 65, stored: { mustRevalidate: true }, outcome: "validate stale" },
    { asked: { maxStale: 10 }, at: 65, stored: { noCache: true }, outcome: "validate no-cache" },
    { asked: { maxAge: 10 }, at: 30, stored: { noCache: true }, outcome: "validate no-cache" },
  ])("$asked with $stored after $at s: $outcome", ({ outcome, ...situation }) => {
    expect(verdict(situation)).toBe(outcome);
  });

  it("is not asked where requests are not honoured", () => {
    expect(verdict({})).toBe("fresh");
  });
});

describe("RFC 5861 §4 stale-if-error", () => {
  const STALE_IF_ERROR = { ...STORED, staleIfError: 100 };
  const onError = (stored: StoredPolicy, at: number, status: number | "thrown" | "timeout") =>
    staleOnError(stored, STORED_AT + at * 1000, status);

  it.each([500, 502, 503, 504, "thrown", "timeout"] as const)("hides %s", (status) => {
    expect(onError(STALE_IF_ERROR, 100, status)).toBe(true);
  });

  it.each([200, 304, 400, 404, 429, 501, 505, 599])("does not hide %d", (status) => {
    expect(onError(STALE_IF_ERROR, 100, status)).toBe(false);
  });

  it.each([
    { stored: {}, at: 60, hides: false },
    { stored: { staleIfError: 100 }, at: 159, hides: true },
    { stored: { staleIfError: 100 }, at: 160, hides: false },
    { stored: { grace: 100 }, at: 159, hides: true },
    { stored: { staleWhileRevalidate: 100 }, at: 159, hides: true },
    { stored: { staleIfError: 100, noCache: true }, at: 100, hides: false },
    { stored: { staleIfError: 100 }, at: 10, hides: true },
    { stored: { mustRevalidate: true }, at: 10, hides: false },
  ])("$stored after $at s: $hides", ({ stored, at, hides }) => {
    expect(onError({ ...STORED, ...stored }, at, 503)).toBe(hides);
  });
});

describe("the end of a stored response", () => {
  it.each([
    { stored: { keep: 0 }, validator: true, seconds: 60 },
    { stored: { keep: 100 }, validator: true, seconds: 160 },
    { stored: { keep: 100 }, validator: false, seconds: 60 },
    { stored: { staleIfError: 30, keep: 100 }, validator: false, seconds: 90 },
    { stored: { staleIfError: 30, grace: 40, staleWhileRevalidate: 50 }, validator: false, seconds: 110 },
    { stored: { initialAge: 20 }, validator: false, seconds: 40 },
    { stored: { initialAge: 100 }, validator: false, seconds: -40 },
  ])("of $stored, validator $validator, is $seconds s after it came", ({ stored, validator, seconds }) => {
    expect(expiresAt({ ...STORED, ...stored }, validator)).toBe(STORED_AT + seconds * 1000);
  });

  it("comes when nothing can be done with it any more, not before", () => {
    const policies = fc.record({
      lifetime: fc.nat(100),
      initialAge: fc.nat(100),
      staleWhileRevalidate: fc.nat(50),
      staleIfError: fc.nat(50),
      grace: fc.nat(50),
      keep: fc.nat(50),
    });
    expectAlways(
      fc.property(policies, fc.nat(400), (policy, at) => {
        const stored = { ...STORED, ...policy };
        const now = STORED_AT + at * 1000;
        const { reuse } = reusability(stored, GET, undefined, now, false);
        const useful = reuse !== "never" || staleOnError(stored, now, 500);
        const end = expiresAt(stored, true);
        // In its last second it is not yet past anything.
        return now < end ? useful : !useful || remainingSeconds(stored, now) >= 0;
      }),
    );
  });
});
