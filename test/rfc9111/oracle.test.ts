import CachePolicy from "http-cache-semantics";
import { describe, expect, it } from "vitest";
import { fieldLines } from "../../packages/core/src/http/fields.js";
import { formatHttpDate } from "../../packages/core/src/http/http-date.js";
import { reusability } from "../../packages/core/src/http/reusability.js";
import { storability } from "../../packages/core/src/http/storability.js";
import type { StoragePolicy } from "../../packages/core/src/http/storability.js";

/* Every combination of what is listed below is put to this cache's policy and to http-cache-semantics. Where the two differ,
 * one of the named reasons must hold; a reason that explains no difference any more is a fault, too. */

const NOW = Date.UTC(2024, 5, 1, 12);
const date = (seconds: number) => formatHttpDate(NOW + seconds * 1000);

const CACHE_CONTROL = [
  undefined,
  "public",
  "max-age=60",
  "max-age=0",
  "max-age=60, public",
  "s-maxage=30, max-age=60",
  "s-maxage=60, max-age=0",
  "max-age=60, private",
  "max-age=60, no-store",
  "max-age=60, no-cache",
  "max-age=60, must-revalidate",
  "max-age=60, proxy-revalidate",
  "max-age=60, immutable",
  "immutable",
  "max-age=60, stale-while-revalidate=30",
  "s-maxage=60, stale-while-revalidate=30",
  "must-understand, no-store, max-age=60",
  "No-Store, max-age=60",
  "max-age=60, max-age=10",
  'ext="no-store, private", max-age=60',
  'ext=", max-age=60',
  "max-age=60s",
  "max-age=abc",
  "max-age=60; no-store",
];
const STATUSES = [200, 204, 206, 301, 302, 404, 500, 503];
const OTHER_FIELDS = [
  [],
  ["Expires", date(60), "Date", date(0)],
  ["Expires", date(-60), "Date", date(0)],
  ["Expires", "0"],
  ["Expires", "2050-01-01T00:00:00Z"],
  ["Date", date(-40)],
  ["Age", "40"],
  ["Age", "40, 0"],
  ["Age", "40.5"],
  ["Set-Cookie", "a=b"],
  ["Vary", "*"],
  ["Vary", "accept, *"],
  ["Pragma", "no-cache"],
];
const AUTHORIZATION = [false, true];
const ELAPSED = [0, 29, 30, 59, 60, 89, 90];

interface Case {
  readonly cacheControl: string;
  readonly status: number;
  readonly fields: readonly string[];
  readonly authorization: boolean;
  readonly elapsed: number;
}

type Answer = "fresh" | "stale" | "no";

const POLICY: StoragePolicy = {
  ttl: undefined,
  handlerTtl: undefined,
  statusTtl: new Map(),
  staleWhileRevalidate: undefined,
  staleIfError: undefined,
  grace: 0,
  keep: 3600,
  heuristic: false,
  targetedFields: [],
  methods: ["GET"],
};

/** Whether a later client without credentials is answered without asking the handler first. */
function ours({ cacheControl, status, fields, authorization, elapsed }: Case): Answer {
  const request = { method: "GET", authorization, cookies: false };
  const rawHeaders = cacheControl === "" ? fields : [...fields, "Cache-Control", cacheControl];
  const times = { requestAt: NOW, responseAt: NOW };
  const outcome = storability(request, { status, statusText: "", rawHeaders }, POLICY, times);
  if (!outcome.store) return "no";
  const visitor = { ...request, authorization: false };
  const { reuse } = reusability(outcome.policy, visitor, undefined, NOW + elapsed * 1000, false);
  return reuse === "fresh" || reuse === "stale" ? reuse : "no";
}

function theirs({ cacheControl, status, fields, authorization, elapsed }: Case): Answer {
  let now = NOW;
  class MovedPolicy extends CachePolicy {
    // Theirs to replace, though not in their types.
    now(): number {
      return now;
    }
  }
  const headers: Record<string, string> = cacheControl === "" ? {} : { "cache-control": cacheControl };
  for (const name of new Set(fields.filter((_, index) => index % 2 === 0))) {
    headers[name.toLowerCase()] = fieldLines(fields, name.toLowerCase()).join(", ");
  }
  const request = { url: "/", method: "GET", headers: authorization ? { authorization: "x" } : {} };
  const policy = new MovedPolicy(request, { status, headers }, { shared: true, cacheHeuristic: 0 });
  if (!policy.storable()) return "no";
  now += elapsed * 1000;
  const { response, revalidation } = policy.evaluateRequest({ ...request, headers: {} });
  if (response === undefined) return "no";
  return revalidation === undefined ? "fresh" : "stale";
}

/** Why the two may differ, and which of them is the more careful. */
const DISAGREEMENTS: readonly { readonly because: string; readonly holds: (given: Case) => boolean }[] = [
  {
    because: "they ask again for each reuse of a must-revalidate response; §5.2.2.2 asks for that once it is stale",
    holds: ({ cacheControl }) => cacheControl.includes("must-revalidate"),
  },
  {
    because: "they give proxy-revalidate no lifetime; §5.2.2.8 is about stale responses",
    holds: ({ cacheControl }) => cacheControl.includes("proxy-revalidate"),
  },
  {
    because: "they do not know must-understand (§5.2.2.3)",
    holds: ({ cacheControl }) => cacheControl.includes("must-understand"),
  },
  {
    because: "they store explicitly fresh responses of some status codes only; §3 asks to understand 206 and 304 alone",
    holds: ({ status }) => status === 500 || status === 503,
  },
  {
    because: "they give immutable alone a day; RFC 8246 §2 names no lifetime",
    holds: ({ cacheControl }) => cacheControl.includes("immutable"),
  },
  {
    because: "they take names of directives for case-sensitive (§5.2)",
    holds: ({ cacheControl }) => cacheControl.includes("No-Store"),
  },
  {
    because: "they read directives out of quoted strings (§5.2)",
    holds: ({ cacheControl }) => cacheControl.includes('ext="'),
  },
  {
    because: "they take the last of several values; §4.2.1 names the first or stale",
    holds: ({ cacheControl }) => cacheControl.includes("max-age=60, max-age=10"),
  },
  {
    because: "they take the digits of a value that is not digits; §4.2.1 calls it stale",
    holds: ({ cacheControl }) => cacheControl.includes("60s") || cacheControl.includes("60;"),
  },
  {
    because: "they take Age for what its digits say, §5.1 ignores a value that is no delta-seconds",
    holds: ({ fields }) => fields.includes("40.5"),
  },
  {
    because: "they leave the apparent age out (§4.2.3)",
    holds: ({ fields }) => fields.includes(date(-40)),
  },
  {
    because: "they take any date that JavaScript reads for an Expires (§5.3)",
    holds: ({ fields }) => fields.includes("2050-01-01T00:00:00Z"),
  },
  {
    because: "they replay Set-Cookie when public or immutable; here it is never stored",
    holds: ({ fields }) => fields.includes("Set-Cookie"),
  },
];

const cases: Case[] = CACHE_CONTROL.flatMap((cacheControl = "") =>
  STATUSES.flatMap((status) =>
    OTHER_FIELDS.flatMap((fields) =>
      AUTHORIZATION.flatMap((authorization) =>
        ELAPSED.map((elapsed) => ({ cacheControl, status, fields, authorization, elapsed })),
      ),
    ),
  ),
);
const differences = cases.filter((given) => ours(given) !== theirs(given));

describe("RFC 9111 beside http-cache-semantics", () => {
  it("differs only where there is a reason", () => {
    const unexplained = differences.filter((given) => !DISAGREEMENTS.some(({ holds }) => holds(given)));
    expect(unexplained.map((given) => ({ ...given, ours: ours(given), theirs: theirs(given) }))).toEqual([]);
  });

  it.each(DISAGREEMENTS)("differs because $because", ({ holds }) => {
    expect(
      differences.some((given) => DISAGREEMENTS.filter((reason) => reason.holds(given)).length === 1 && holds(given)),
    ).toBe(true);
  });

  it("compares enough to mean something", () => {
    const answers = cases.map(ours);
    for (const answer of ["fresh", "stale", "no"])
      expect(answers.filter((given) => given === answer).length).toBeGreaterThan(50);
  });
});
