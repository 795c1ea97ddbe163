import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Paths, SHARD_COUNT, isEntryName, shardIndex, tempOwner } from "./paths.js";
import { ownIdentity } from "./process-identity.js";

const ROOT = "/cache";
const RUNS = { numRuns: 300, seed: 20_260_101 };

describe("a name on disk", () => {
  // What folds case, or Unicode forms, keeps such names apart too.
  it("is lower-case hex alone, as long for every key, and never a part of it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (key) => {
        const path = new Paths(ROOT).entry(key);
        expect(path.file).toMatch(/^\/cache\/[0-9a-f]{2}\/[0-9a-f]{62}$/);
        expect(path.file.startsWith(`${path.shard}/`)).toBe(true);
        expect(shardIndex(path)).toBeLessThan(SHARD_COUNT);
      }),
      RUNS,
    );
  });

  it.each(["/A", "/a", "/\u00e4", "/a\u0308", "/%61", "/a/../b", "/b", "\0"])("of %j is that of no other", (key) => {
    const others = ["/A", "/a", "/\u00e4", "/a\u0308", "/%61", "/a/../b", "/b", "\0"].filter((other) => other !== key);
    const paths = new Paths(ROOT);
    for (const other of others)
      expect(paths.entry(other).file.toLowerCase()).not.toBe(paths.entry(key).file.toLowerCase());
  });

  it.each(["A".repeat(62), "a".repeat(61), "a".repeat(63), "..", `${"a".repeat(61)}g`, `${"a".repeat(62)}.txt`])(
    "%s is none of ours",
    (name) => expect([isEntryName(name), tempOwner(name)]).toEqual([false, undefined]),
  );

  it("of a temporary file says who made it, and is given once", () => {
    const paths = new Paths(ROOT);
    const names = [paths.temp("/x"), paths.temp("/x"), new Paths(ROOT).temp("/x")].map((path) => path.slice(3));
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(tempOwner(name)).toEqual(ownIdentity);
  });
});
