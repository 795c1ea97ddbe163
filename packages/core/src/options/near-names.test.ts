import { describe, expect, it } from "vitest";
import { nearNames, refuseUnknown } from "./option-checks.js";

const KNOWN = ["dir", "keep", "key", "maxBody", "maxSize", "soft", "staleIfError", "tags", "ttl"];

describe("a misspelt name", () => {
  it.each([
    { given: "tll", near: ["ttl"] },
    { given: "tlt", near: ["ttl"] },
    { given: "TTL", near: ["ttl"] },
    { given: "sotf", near: ["soft"] },
    { given: "maxsize", near: ["maxSize"] },
    { given: "maxSizes", near: ["maxSize"] },
    { given: "staleIfErr", near: ["staleIfError"] },
    { given: "staleFailure", near: [] },
    { given: "staleOnError", near: ["staleIfError"] },
    { given: "tag", near: ["tags"] },
    { given: "kep", near: ["keep", "key"] },
    { given: "memory", near: [] },
    { given: "di", near: ["dir"] },
    { given: "no", near: [] },
    { given: "", near: [] },
    { given: "t".repeat(10_000), near: [] },
  ])("$given is taken for $near", ({ given, near }) => {
    expect(nearNames(given, KNOWN)).toEqual(near);
  });
});

describe("a word of another cache", () => {
  const OURS = new Set([
    "dir",
    "ttl",
    "staleWhileRevalidate",
    "staleIfError",
    "skip",
    "rules",
    "store",
    "tier",
    "partition",
  ]);

  it.each([
    { given: "swr", ours: "`staleWhileRevalidate`", of: "Nitro" },
    { given: "maxAge", ours: "`ttl`", of: "koa-cash" },
    { given: "duration", ours: "`ttl`", of: "apicache" },
    { given: "stdTTL", ours: "`ttl`", of: "node-cache" },
    { given: "std_ttl", ours: "`ttl`", of: "a file of settings" },
    { given: "expire", ours: "`ttl`", of: "Next.js" },
    { given: "proxy_cache_valid", ours: "`ttl`", of: "nginx" },
    { given: "bypass", ours: "`skip`", of: "nginx" },
    { given: "exclude", ours: "`rules`", of: "many" },
    { given: "redis", ours: "`tier`", of: "many" },
    { given: "memcached", ours: "`store`", of: "many" },
    { given: "private", ours: "`partition`", of: "HTTP" },
    { given: "cacheDir", ours: "`dir`", of: "many" },
  ])("$given ($of) is answered with $ours", ({ given, ours }) => {
    expect(() => refuseUnknown("", { [given]: 1 }, OURS)).toThrow(`option \`${given}\`: expected in its place ${ours}`);
  });

  it.each([
    { given: "redis", known: new Set(["ttl", "skip"]), as: "where there is no such option" },
    { given: "toString", known: OURS, as: "that is none, whatever objects have" },
  ])("$given gets the list, $as", ({ given, known }) => {
    expect(() => refuseUnknown("", { [given]: 1 }, known)).toThrow("expected one of ");
  });
});
