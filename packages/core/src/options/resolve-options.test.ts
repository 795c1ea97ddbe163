import { describe, expect, it, vi } from "vitest";
import type { DiskCacheOptions } from "./options.js";
import { analyticsCookies, campaignParameters, presets } from "./presets.js";
import { resolveOptions } from "./resolve-options.js";

const DIR = "cache";

/** Each names the option, the value and what was expected. */
const WRONG: readonly {
  readonly options: unknown;
  readonly option: string;
  readonly expected: string;
  readonly got: string;
}[] = [
  { options: {}, option: "dir", expected: "the path of a directory", got: "undefined" },
  { options: { dir: "" }, option: "dir", expected: "the path of a directory", got: '""' },
  { options: { dir: 7 }, option: "dir", expected: "the path of a directory", got: "7" },
  { options: undefined, option: "options", expected: "an object", got: "undefined" },
  { options: "cache", option: "options", expected: "an object", got: '"cache"' },
  { options: { dir: DIR, tll: "5m" }, option: "tll", expected: "a known name (did you mean `ttl`?)", got: '"tll"' },
  {
    options: { dir: DIR, cabinet: 1 },
    option: "cabinet",
    expected: "one of audit, clientCacheControl, ",
    got: '"cabinet"',
  },
  {
    options: { dir: DIR, admission: "often" },
    option: "admission",
    expected: '"always" or "second-request"',
    got: '"often"',
  },
  { options: { dir: DIR, ttl: "5 apples" }, option: "ttl", expected: "a duration", got: '"5 apples"' },
  { options: { dir: DIR, ttl: "5" }, option: "ttl", expected: "a duration", got: '"5"' },
  { options: { dir: DIR, ttl: -1 }, option: "ttl", expected: "a duration", got: "-1" },
  { options: { dir: DIR, timeout: "soon" }, option: "timeout", expected: "a duration", got: '"soon"' },
  { options: { dir: DIR, refreshAhead: 1.1 }, option: "refreshAhead", expected: "a number from 0 to 1", got: "1.1" },
  { options: { dir: DIR, statusTtl: { 700: 1 } }, option: "statusTtl", expected: "status codes", got: '"700"' },
  { options: { dir: DIR, statusTtl: { "4xx": "x" } }, option: "statusTtl.4xx", expected: "a duration", got: '"x"' },
  { options: { dir: DIR, statusTtl: 60 }, option: "statusTtl", expected: "an object", got: "60" },
  {
    options: { dir: DIR, staleWhileRevalidate: {} },
    option: "staleWhileRevalidate",
    expected: "a duration",
    got: "an object",
  },
  { options: { dir: DIR, staleIfError: "x" }, option: "staleIfError", expected: "a duration", got: '"x"' },
  { options: { dir: DIR, grace: true }, option: "grace", expected: "a duration", got: "true" },
  { options: { dir: DIR, keep: null }, option: "keep", expected: "a duration", got: "null" },
  {
    options: { dir: DIR, clientCacheControl: "max-age=1; public" },
    option: "clientCacheControl",
    expected: "the value of a Cache-Control field",
    got: '"max-age=1; public"',
  },
  { options: { dir: DIR, audit: "loud" }, option: "audit", expected: '"warn" or "enforce" or "off"', got: '"loud"' },
  { options: { dir: DIR, audit: null }, option: "audit", expected: '"warn" or "enforce" or "off"', got: "null" },
  {
    options: { dir: DIR, audit: { mode: 1 } },
    option: "audit.mode",
    expected: '"warn" or "enforce" or "off"',
    got: "1",
  },
  { options: { dir: DIR, audit: { only: [] } }, option: "audit.only", expected: "one of", got: '"only"' },
  {
    options: { dir: DIR, audit: { ignore: ["a b"] } },
    option: "audit.ignore",
    expected: "a list of field names",
    got: '"a b"',
  },
  { options: { dir: DIR, version: "" }, option: "version", expected: "a non-empty string", got: '""' },
  { options: { dir: DIR, version: 7 }, option: "version", expected: "a non-empty string", got: "7" },
  { options: { dir: DIR, memory: "lots" }, option: "memory", expected: "a size", got: '"lots"' },
  { options: { dir: DIR, maxSize: 1.5 }, option: "maxSize", expected: "a size", got: "1.5" },
  { options: { dir: DIR, maxSize: 0 }, option: "maxSize", expected: 'a size of "4kb" or more', got: "0" },
  { options: { dir: DIR, maxSize: "3kb" }, option: "maxSize", expected: 'a size of "4kb" or more', got: '"3kb"' },
  { options: { dir: DIR, maxBody: 0 }, option: "maxBody", expected: "a size above 0", got: "0" },
  { options: { dir: DIR, maxBody: "5 apples" }, option: "maxBody", expected: "a size", got: '"5 apples"' },
  { options: { dir: DIR, minFree: -1 }, option: "minFree", expected: "a size", got: "-1" },
  { options: { dir: DIR, maxEntries: 0 }, option: "maxEntries", expected: "a whole number above 0", got: "0" },
  {
    options: { dir: DIR, maxEntries: "many" },
    option: "maxEntries",
    expected: "a whole number above 0",
    got: '"many"',
  },
  { options: { dir: DIR, durability: "sync" }, option: "durability", expected: '"none" or "fsync"', got: '"sync"' },
  { options: { dir: DIR, strict: "yes" }, option: "strict", expected: "true or false", got: '"yes"' },
  { options: { dir: DIR, secret: "shorter" }, option: "secret", expected: "16 bytes or more", got: '"7 bytes"' },
  { options: { dir: DIR, secret: [] }, option: "secret", expected: "one secret at least", got: "an empty array" },
  {
    options: { dir: DIR, secret: 1234567890 },
    option: "secret",
    expected: "a string or Buffer",
    got: '"number"',
  },
  { options: { dir: DIR, encrypt: true }, option: "encrypt", expected: "a `secret` beside it", got: "true" },
  { options: { dir: DIR, encrypt: "yes" }, option: "encrypt", expected: "true or false", got: '"yes"' },
  { options: { dir: DIR, enabled: 1 }, option: "enabled", expected: "true or false", got: "1" },
  { options: { dir: DIR, heuristic: "no" }, option: "heuristic", expected: "true or false", got: '"no"' },
  { options: { dir: DIR, allowPublicDir: 0 }, option: "allowPublicDir", expected: "true or false", got: "0" },
  { options: { dir: DIR, clock: {} }, option: "clock", expected: "an object with a function now()", got: "an object" },
  { options: { dir: DIR, hosts: "a.example" }, option: "hosts", expected: "a list of strings", got: '"a.example"' },
  { options: { dir: DIR, hosts: ["x", "http://x"] }, option: "hosts", expected: "a list of hosts", got: '"http://x"' },
  { options: { dir: DIR, hosts: ["x/"] }, option: "hosts", expected: "with its port where one is sent", got: '"x/"' },
  { options: { dir: DIR, hosts: ["*"] }, option: "hosts", expected: "a list of hosts", got: '"*"' },
  { options: { dir: DIR, hosts: [""] }, option: "hosts", expected: "non-empty strings", got: '""' },
  {
    options: { dir: DIR, cookies: { names: [] } },
    option: "cookies.names",
    expected: "one of ignore, key",
    got: '"names"',
  },
  {
    options: { dir: DIR, cookies: { ignore: "_ga" } },
    option: "cookies.ignore",
    expected: "a list of strings",
    got: '"_ga"',
  },
  { options: { dir: DIR, cookies: [] }, option: "cookies", expected: "an object", got: "an empty array" },
  {
    options: { dir: DIR, credentials: { fields: ["x api key"] } },
    option: "credentials.fields",
    expected: "a list of field names, `*` at the end for any rest",
    got: '"x api key"',
  },
  {
    options: { dir: DIR, credentials: { user: "no" } },
    option: "credentials.user",
    expected: "true or false",
    got: '"no"',
  },
  {
    options: { dir: DIR, credentials: { names: [] } },
    option: "credentials.names",
    expected: "one of",
    got: '"names"',
  },
  { options: { dir: DIR, relaxed: true }, option: "relaxed", expected: "an object", got: "true" },
  {
    options: { dir: DIR, relaxed: { all: true } },
    option: "relaxed.all",
    expected: "one of guessLanguage, ",
    got: '"all"',
  },
  { options: { dir: DIR, relaxed: { partial: 1 } }, option: "relaxed.partial", expected: "true or false", got: "1" },
  { options: { dir: DIR, methods: ["PUT"] }, option: "methods", expected: '"QUERY", "POST"', got: '"PUT"' },
  { options: { dir: DIR, methods: ["HEAD"] }, option: "methods", expected: '"GET" beside "HEAD"', got: '"HEAD"' },
  { options: { dir: DIR, methods: ["BREW"] }, option: "methods", expected: '"GET", "HEAD"', got: '"BREW"' },
  {
    options: { dir: DIR, targetedFields: ["a b"] },
    option: "targetedFields",
    expected: "header field names",
    got: '"a b"',
  },
  {
    options: { dir: DIR, honourRequest: "staff" },
    option: "honourRequest",
    expected: 'true, false, "reload" or a function',
    got: '"staff"',
  },
  {
    options: { dir: DIR, flight: { wait: 1 } },
    option: "flight.wait",
    expected: "one of maxFollowers, timeout",
    got: '"wait"',
  },
  {
    options: { dir: DIR, flight: { maxFollowers: 0 } },
    option: "flight.maxFollowers",
    expected: "a whole number",
    got: "0",
  },
  {
    options: { dir: DIR, debugHeader: "X Cache" },
    option: "debugHeader",
    expected: "the name of a header field",
    got: '"X Cache"',
  },
  { options: { dir: DIR, tags: "a" }, option: "tags", expected: "a list of strings", got: '"a"' },
  { options: { dir: DIR, tags: [7] }, option: "tags", expected: "non-empty strings", got: "7" },
  { options: { dir: DIR, vary: ["accept", "a:b"] }, option: "vary", expected: "header field names", got: '"a:b"' },
  { options: { dir: DIR, key: "url" }, option: "key", expected: "an object", got: '"url"' },
  { options: { dir: DIR, key: { qurey: {} } }, option: "key.qurey", expected: "did you mean `query`?", got: '"qurey"' },
  {
    options: { dir: DIR, key: { query: { sort: "name" } } },
    option: "key.query.sort",
    expected: "true or false",
    got: '"name"',
  },
  {
    options: { dir: DIR, key: { query: { ignore: "utm" } } },
    option: "key.query.ignore",
    expected: "a list of strings",
    got: '"utm"',
  },
  { options: { dir: DIR, partition: "role" }, option: "partition", expected: "a function", got: '"role"' },
  { options: { dir: DIR, rules: {} }, option: "rules", expected: "a list of rules", got: "an object" },
  { options: { dir: DIR, rules: ["/a"] }, option: "rules[0]", expected: "an object", got: '"/a"' },
  { options: { dir: DIR, rules: [{ ttl: 1 }] }, option: "rules[0].path", expected: "a pattern", got: "undefined" },
  {
    options: { dir: DIR, rules: [{ path: [] }] },
    option: "rules[0].path",
    expected: "a pattern",
    got: "an empty array",
  },
  { options: { dir: DIR, rules: [{ path: "a" }] }, option: "rules[0].path", expected: '"/reports/*"', got: '"a"' },
  {
    options: { dir: DIR, rules: [{ path: "/" }, { path: "/a", ttl: "x" }] },
    option: "rules[1].ttl",
    expected: "a duration",
    got: '"x"',
  },
  {
    options: { dir: DIR, rules: [{ path: "/a", memory: 1 }] },
    option: "rules[0].memory",
    expected: "partition, path, ",
    got: '"memory"',
  },
  {
    options: { dir: DIR, rules: [{ path: "/a", never: 1 }] },
    option: "rules[0].never",
    expected: "true or false",
    got: "1",
  },
  {
    options: { dir: DIR, rules: [{ path: "/a", never: true, ttl: 1 }] },
    option: "rules[0].ttl",
    expected: "one of never, path",
    got: '"ttl"',
  },
  { options: { dir: DIR, skip: true }, option: "skip", expected: "a function", got: "true" },
  { options: { dir: DIR, shouldStore: {} }, option: "shouldStore", expected: "a function", got: "an object" },
];

describe("a wrong option", () => {
  it.each(WRONG)(
    "$option is named with its value, $got, and what was expected",
    ({ options, option, expected, got }) => {
      const resolve = () => resolveOptions(options as DiskCacheOptions);
      expect(resolve).toThrow(expect.objectContaining({ name: "DiskCacheError", code: "ERR_DISKCACHE_OPTION" }));
      expect(resolve).toThrow(`option \`${option}\`: expected `);
      expect(resolve).toThrow(expected);
      expect(resolve).toThrow(`got ${got}`);
    },
  );

  it("that is long is cut short in the message", () => {
    expect(() => resolveOptions({ dir: DIR, ttl: "x".repeat(10_000) })).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{1,300}$/) as string }),
    );
  });
});

describe("options", () => {
  it("are not changed, and frozen ones are welcome", () => {
    const given = Object.freeze({
      dir: DIR,
      ttl: "5m",
      tags: Object.freeze(["a"]),
      cookies: Object.freeze({ ignore: Object.freeze(["_ga"]) }),
    });
    const before = structuredClone(given);
    resolveOptions(given);
    expect(given).toEqual(before);
  });

  it("are complete where only the directory is given", () => {
    const options = resolveOptions({ dir: DIR });
    expect(options).toMatchObject({
      place: { dir: DIR },
      memoryBytes: 64 * 2 ** 20,
      maxSize: 2 ** 30,
      maxBody: 128 * 2 ** 20,
      maxEntries: 1_000_000,
      durability: "none",
      strict: false,
      enabled: true,
    });
    expect(options.policy).toMatchObject({ ttl: undefined, tags: [], vary: [], skip: [] });
    expect(Object.isFrozen(options)).toBe(true);
  });

  it("take the least that can hold something, hosts of all kinds, and HEAD beside GET", () => {
    const hosts = ["WWW.example.com", "localhost:3000", "[::1]:3000", "192.0.2.7"];
    const options = resolveOptions({ dir: DIR, maxSize: "64kb", maxBody: 1, hosts, methods: ["GET", "HEAD"] });
    expect(options).toMatchObject({ maxSize: 65_536, maxBody: 1, policy: { methods: ["GET", "HEAD"] } });
    expect([...options.hosts!]).toEqual(["www.example.com", ...hosts.slice(1)]);
  });

  it("take 0 for a value, and undefined for not given", () => {
    expect(resolveOptions({ dir: DIR, memory: 0, ttl: 0 })).toMatchObject({ memoryBytes: 0, policy: { ttl: 0 } });
    const notGiven: object = { dir: DIR, memory: undefined, ttl: undefined };
    expect(resolveOptions(notGiven as DiskCacheOptions)).toMatchObject({
      memoryBytes: 64 * 2 ** 20,
      policy: { ttl: undefined },
    });
  });

  it("are turned off by the environment, unless they say otherwise", () => {
    vi.stubEnv("DISKCACHE", "off");
    expect(resolveOptions({ dir: DIR }).enabled).toBe(false);
    expect(resolveOptions({ dir: DIR, enabled: true }).enabled).toBe(true);
    vi.unstubAllEnvs();
  });

  it("do not see what happens to a list afterwards", () => {
    const hosts = ["a.example"];
    const options = resolveOptions({ dir: DIR, hosts });
    hosts.push("b.example");
    expect([...options.hosts!]).toEqual(["a.example"]);
  });
});

describe("what is there to spread", () => {
  it.each(Object.entries(presets))("is a set of options that is right: %s", (_name, preset) => {
    expect(resolveOptions({ dir: DIR, ...preset }).policy.ttl).toBeGreaterThan(0);
  });

  it("has each name once, and no pattern that swallows another", () => {
    for (const names of [campaignParameters, analyticsCookies]) {
      const swallowed = names.filter((name) =>
        names.some((other) => other !== name && other.endsWith("*") && name.startsWith(other.slice(0, -1))),
      );
      expect([new Set(names).size, swallowed]).toEqual([names.length, []]);
    }
  });
});

describe("options that stand together", () => {
  const INSIDE = {
    limits: {
      memory: "1mb",
      maxSize: "2mb",
      maxEntries: 3,
      minFree: "4mb",
      maxBody: "5mb",
      admission: "second-request",
      durability: "fsync",
    },
    http: { heuristic: true, targetedFields: ["a"], honourRequest: true, relaxed: { partial: true } },
    safety: { hosts: ["a.example"], credentials: { user: false }, allowPublicDir: true },
    report: { debugHeader: "X-Cache", serverTiming: true },
    stale: { timeout: 2, grace: 3, keep: 4 },
  } as const;
  const KEYS = "0123456789abcdef";
  const steady = { clock: { now: () => 0 } };

  it("mean what they meant beside the others, which warns once for each with where it is now", async () => {
    // Other tests of this process may have been told.
    vi.resetModules();
    const { resolveOptions: resolveAnew } = await import("./resolve-options.js");
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const flat = Object.assign({}, ...Object.values(INSIDE)) as Partial<DiskCacheOptions>;
    const beside: DiskCacheOptions = { dir: DIR, ...steady, ...flat, secret: KEYS, encrypt: true };
    const resolved = resolveAnew({ dir: DIR, ...steady, ...INSIDE, secret: { keys: KEYS, encrypt: true } });
    expect(warned).not.toHaveBeenCalled();
    for (let i = 0; i < 2; i++) expect(resolveAnew(beside)).toEqual(resolved);
    const told = warned.mock.calls as unknown as readonly [string, { readonly type: string; readonly code: string }][];
    const paths = Object.entries({ ...INSIDE, secret: { encrypt: true } }).flatMap(([group, members]) =>
      Object.keys(members).map((name) => `${group}.${name}`),
    );
    expect(new Set(told.map(([text]) => /it is `(\S+)` now/.exec(text)?.[1]))).toEqual(new Set(paths));
    expect(told).toHaveLength(paths.length);
    for (const [, how] of told) expect(how).toEqual({ type: "DeprecationWarning", code: "DISKCACHE_DEPRECATED" });
  });

  it.each([
    { given: { limits: { memory: "lots" } }, message: "option `limits.memory`: expected a size" },
    { given: { limits: { maxEntries: 0 } }, message: "option `limits.maxEntries`: expected a whole number above 0" },
    { given: { http: { heuristic: 1 } }, message: "option `http.heuristic`: expected true or false" },
    { given: { http: { targetedFields: ["a b"] } }, message: "option `http.targetedFields`: expected a list" },
    { given: { http: { relaxed: { partial: 1 } } }, message: "option `http.relaxed.partial`: expected true or false" },
    { given: { http: { honourRequest: 1 } }, message: "option `http.honourRequest`: expected true, false" },
    { given: { limits: 5 }, message: "option `limits`: expected an object, got 5" },
    {
      given: { limits: { maxSise: 5 } },
      message: "option `limits.maxSise`: expected a known name (did you mean `maxSize`?)",
    },
    { given: { http: { ttl: 5 } }, message: "option `http.ttl`: expected one of heuristic, " },
    { given: { maxsize: 5 }, message: 'option `maxsize`: expected in its place `limits: { maxSize: "20gb" }`' },
    {
      given: { limits: { memory: 1 }, memory: 1 },
      message: "option `memory`: expected nothing beside `limits.memory`, which says the same",
    },
    { given: { dir: undefined, store: () => ({}), limits: { memory: 1 } }, message: "no `limits.memory` beside it" },
    { given: { safety: { hosts: "a" } }, message: "option `safety.hosts`: expected a list" },
    { given: { safety: { credentials: { user: 1 } } }, message: "option `safety.credentials.user`: expected true or" },
    { given: { report: { debugHeader: "a b" } }, message: "option `report.debugHeader`: expected the name of a" },
    { given: { debug: true }, message: 'option `debug`: expected in its place `report: { debugHeader: "X-Cache" }`' },
    { given: { stale: "soon" }, message: "option `stale`: expected a duration" },
    { given: { stale: { for: "soon" } }, message: "option `stale.for`: expected a duration" },
    { given: { stale: { keep: "soon" } }, message: "option `stale.keep`: expected a duration" },
    { given: { stale: { ttl: 5 } }, message: "option `stale.ttl`: expected one of for, grace, keep, timeout" },
    { given: { stale: { grace: 1 }, grace: 1 }, message: "option `grace`: expected nothing beside `stale.grace`" },
    { given: { stale: [1] }, message: "option `stale`: expected a duration" },
    { given: { secret: { keys: "short" } }, message: "option `secret.keys`: expected 16 bytes or more" },
    { given: { secret: {} }, message: "option `secret.keys`: expected a string or Buffer, or a list of them" },
    { given: { secret: { encrypt: true } }, message: "option `secret.keys`: expected a string or Buffer" },
    {
      given: { secret: { keys: KEYS, encrypt: 1 } },
      message: "option `secret.encrypt`: expected true or false",
    },
    {
      given: { dir: undefined, store: () => ({}), safety: { allowPublicDir: true } },
      message: "no `safety.allowPublicDir` beside it",
    },
    {
      given: { rules: [{ path: "/", stale: { keep: "soon" } }] },
      message: "option `rules[0].stale.keep`: expected a duration",
    },
    {
      given: { rules: [{ path: "/", stale: { keep: 1 }, keep: 1 }] },
      message: "option `rules[0].keep`: expected nothing beside `stale.keep`",
    },
  ])("are named in messages as they are given: $message", ({ given, message }) => {
    expect(() => resolveOptions({ dir: DIR, ...given } as never)).toThrow(message);
  });
});
