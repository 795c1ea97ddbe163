/** What values of the low-level cache are called, what ends them, and what happens when the disk does not do its part. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileCache, PageCache } from "@diskcache/core";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { entryFiles, open } from "./open.js";

const MISSING = { code: "ERR_DISKCACHE_KEY_MISSING" };

describe("versions and prefixes", () => {
  it("keep values apart", async () => {
    const cache = open();
    await cache.set("k", "one");
    await cache.set("k", "two", { version: 2 });
    expect([await cache.get("k"), await cache.get("k", { version: 2 }), await cache.get("k", { version: 3 })]).toEqual([
      "one",
      "two",
      undefined,
    ]);
  });

  it("move with incrVersion and decrVersion, keeping the lifetime", async () => {
    const own = new ManualClock();
    const cache = open({ clock: own });
    await cache.set("k", 1, { ttl: 10 });
    expect([await cache.incrVersion("k"), await cache.get("k"), await cache.get("k", { version: 2 })]).toEqual([
      2,
      undefined,
      1,
    ]);
    expect([await cache.decrVersion("k", 1, { version: 2 }), await cache.get("k")]).toEqual([1, 1]);
    own.advance(10);
    await expect(cache.incrVersion("k")).rejects.toMatchObject(MISSING);
  });

  it("do not run into each other, nor into keys", async () => {
    const dir = temporaryDirectory();
    const [one, other] = [open({ dir, keyPrefix: "a:1" }), open({ dir, keyPrefix: "a", version: 1 })];
    await one.set("k", "one");
    await other.set("1:k", "other");
    expect([await one.get("k"), await other.get("1:k"), await other.get("k")]).toEqual(["one", "other", undefined]);
  });

  it("are what a keyFunction makes of them", async () => {
    const cache = open({ keyPrefix: "p", keyFunction: (key, prefix, version) => `${prefix}.${version}.${key}` });
    await cache.set("k", 1);
    expect([await cache.get("k"), await cache.get("k", { version: 2 })]).toEqual([1, undefined]);
    const same = open({ keyFunction: () => "same" });
    await same.set("a", 1);
    expect([await same.get("b"), await same.incrVersion("a"), await same.get("c")]).toEqual([1, 2, 1]);
    const failing = open({ keyFunction: () => 5 as unknown as string });
    await expect(failing.get("a")).rejects.toMatchObject({ code: "ERR_DISKCACHE_HOOK" });
  });
});

describe("keys", () => {
  it("of any text work; those that others would refuse are warned of once", async () => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    const cache = open();
    const keys = [
      "a b",
      "tab\t",
      "x".repeat(251),
      "x".repeat(40_000),
      "ü😀",
      "",
      "__proto__",
      "../../etc",
      "\ud800",
      "\udfff",
    ];
    for (const key of keys) await cache.set(key, key);
    expect([...(await cache.getMany(keys))]).toEqual(keys.map((key) => [key, key]));
    expect(warn.mock.calls.map(([, options]) => options)).toEqual([
      { type: "CacheKeyWarning", code: "DISKCACHE_KEY" },
      { type: "CacheKeyWarning", code: "DISKCACHE_KEY" },
    ]);
  });

  it.each([{}, null, undefined, Number.NaN, Symbol("k")])("of another kind are refused: %o", async (key) => {
    await expect(open().get(key as string)).rejects.toMatchObject({ code: "ERR_DISKCACHE_OPTION" });
  });

  it("can be listed", async () => {
    const cache = open();
    await cache.setMany({ a: 1, b: 2 });
    await cache.set("c", 3, { version: 2 });
    const keys: string[] = [];
    for await (const key of cache.keys()) keys.push(key);
    expect(keys.sort()).toEqual(["a", "b"]);
  });
});

describe("purging", () => {
  it("by tag ends values and pages together", async () => {
    const dir = temporaryDirectory();
    const cache = open({ dir, clock: { now: () => Date.now() } });
    const pages = new PageCache({ dir });
    onTestFinished(() => pages.close());
    await cache.set("fragment", "<b>", { tags: ["report:7", "reports"] });
    await cache.set("other", 1);
    await pages.purgeTag("report:7");
    expect([await cache.get("fragment"), await cache.get("other")]).toEqual([undefined, 1]);
    await cache.set("fragment", "<i>", { tags: ["reports"] });
    await cache.purge({ tags: ["nothing", "reports"] });
    expect(await cache.get("fragment")).toBeUndefined();
  });

  it("of pages by path, prefix or host leaves values alone", async () => {
    const dir = temporaryDirectory();
    const cache = open({ dir, clock: { now: () => Date.now() }, keyPrefix: "a.example" });
    const pages = new PageCache({ dir });
    onTestFinished(() => pages.close());
    await cache.set("/reports/7", 1);
    await pages.purge("/reports/7");
    await pages.purge({ prefix: "/" });
    await pages.purge({ host: "a.example" });
    await expect(pages.purge({ host: "Values a.example" })).rejects.toMatchObject({ code: "ERR_DISKCACHE_OPTION" });
    expect(await cache.get("/reports/7")).toBe(1);
    await pages.clear();
    expect(await cache.get("/reports/7")).toBeUndefined();
  });

  it("with clear() ends all versions under the prefix, and nothing else in the directory", async () => {
    const dir = temporaryDirectory();
    const [cache, other] = [open({ dir }), open({ dir, keyPrefix: "other" })];
    await cache.set("k", 1);
    await cache.set("k", 2, { version: 2 });
    await other.set("k", 3);
    writeFileSync(join(dir, "notes.txt"), "mine");
    mkdirSync(join(dir, "folder"));
    await cache.clear();
    expect([await cache.get("k"), await cache.get("k", { version: 2 }), await other.get("k")]).toEqual([
      undefined,
      undefined,
      3,
    ]);
    expect(readdirSync(dir)).toEqual(expect.arrayContaining(["notes.txt", "folder"]));
    await cache.set("k", 4);
    expect(await cache.get("k")).toBe(4);
  });

  it.each([
    { target: {}, message: "`purge`: expected an object with one of tag, tags, got an object" },
    { target: { tag: "a", tags: ["b"] }, message: 'with one of tag, tags, got "tag and tags"' },
    { target: { tag: "" }, message: '`purge.tag`: expected a non-empty string, got ""' },
    { target: { tags: "a" }, message: '`purge.tags`: expected a list of strings, got "a"' },
    { target: { url: "/" }, message: '`purge.url`: expected one of tag, tags, got "url"' },
    { target: { tg: "a" }, message: "`purge.tg`: expected a known name (did you mean `tag`?)" },
    { target: "a", message: '`purge`: expected an object with one of tag, tags, got "a"' },
  ])("needs tags to be named: $target", async ({ target, message }) => {
    await expect(open().purge(target as { tag: string })).rejects.toMatchObject({
      code: "ERR_DISKCACHE_OPTION",
      message: expect.stringContaining(message) as string,
    });
  });
});

describe("faults", () => {
  const damage = (dir: string): void => entryFiles(dir).forEach((file) => writeFileSync(file, "torn"));

  it("are misses, and told of", async () => {
    const dir = temporaryDirectory();
    const cache = open({ dir });
    const told = vi.fn<(error: Error) => void>();
    cache.on("error", told);
    await cache.set("k", 1);
    damage(dir);
    expect(await cache.get("k", { default: 0 })).toBe(0);
    expect(told.mock.calls).toEqual([[expect.objectContaining({ code: "ERR_DISKCACHE_CORRUPT_ENTRY" })]]);
  });

  it("are errors with `strict`", async () => {
    const dir = temporaryDirectory();
    const cache = open({ dir, strict: true, maxSize: "64kb" });
    await cache.set("k", 1);
    damage(dir);
    await expect(cache.get("k")).rejects.toMatchObject({ code: "ERR_DISKCACHE_CORRUPT_ENTRY" });
    expect(await cache.get("k")).toBeUndefined();
    await expect(cache.set("k", Buffer.alloc(200_000))).rejects.toMatchObject({ code: "ERR_DISKCACHE_NOT_STORED" });
  });

  it("of a directory that cannot be used are misses and one warning; with `strict` at once an error", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const file = join(temporaryDirectory(), "file");
    writeFileSync(file, "");
    const cache = open({ dir: file });
    await cache.set("k", 1);
    expect([await cache.get("k"), await cache.add("k", 1), await cache.getOrSet("k", () => 5)]).toEqual([
      undefined,
      false,
      5,
    ]);
    expect(warned.mock.calls).toEqual([
      [expect.stringContaining(file), expect.objectContaining({ code: "ERR_DISKCACHE_DIRECTORY" })],
    ]);
    expect(() => new FileCache({ dir: file, strict: true })).toThrow(
      expect.objectContaining({ code: "ERR_DISKCACHE_DIRECTORY" }),
    );
  });
});

describe("a cache", () => {
  it("stays within its bounds, making room behind the writes", async () => {
    const cache = open({ maxEntries: 50, cullFrequency: 2, clock: { now: () => Date.now() } });
    for (let n = 0; n < 200; n++) {
      await cache.set(n, n);
      expect((await cache.stats()).entries).toBeLessThanOrEqual(50);
    }
    expect(await cache.get(199)).toBe(199);
  });

  it("takes a codec of one's own, whose values the built-in one does not read", async () => {
    const dir = temporaryDirectory();
    const codec = {
      encode: (value: unknown) => Buffer.from(`<${String(value)}>`),
      decode: (bytes: Buffer) => bytes.toString().slice(1, -1),
    };
    const own = open({ dir, codec });
    await own.set("k", "text");
    expect([await own.get("k"), await open({ dir }).get("k"), await own.getOrSet("k", "x")]).toEqual([
      "text",
      undefined,
      "text",
    ]);
  });

  it("that is closed says so, and closes once", async () => {
    const cache = open();
    await cache.close();
    await cache.close();
    const closed = { code: "ERR_DISKCACHE_CLOSED" };
    await expect(cache.get("k")).rejects.toMatchObject(closed);
    await expect(cache.set("k", 1)).rejects.toMatchObject(closed);
    await expect(cache.clear()).rejects.toMatchObject(closed);
    await expect(cache.purgeTag("t")).rejects.toMatchObject(closed);
  });
});
