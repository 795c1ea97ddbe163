/** Values of the low-level cache from files with valid checksums: data at best, never code, never a prototype, never a
 * throw. */
import { FileCache } from "@diskcache/core";
import type { DiskCacheError } from "@diskcache/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { entryFiles } from "../support/entry-files.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { craft } from "./crafted.js";

const VERSION = "\x01";
const deep = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;
const tagged = (content: unknown): string => `${VERSION}t${JSON.stringify(content)}`;

describe("a naive codec", () => {
  it("runs what the file says when it revives classes by name", () => {
    const revive = ({ type, args }: { type: string; args: unknown[] }): unknown =>
      new (globalThis as unknown as Record<string, new (...args: unknown[]) => unknown>)[type]!(...args);
    const made = revive(JSON.parse('{"type":"Function","args":["return 6 * 7"]}') as never) as () => number;
    expect(made()).toBe(42);
  });

  it("gives every object a member when it copies what it has parsed", () => {
    const copyInto = (target: Record<string, unknown>, source: Record<string, unknown>): Record<string, unknown> => {
      for (const [name, member] of Object.entries(source)) {
        if (typeof member === "object" && member !== null)
          target[name] = copyInto((target[name] ?? {}) as Record<string, unknown>, member as Record<string, unknown>);
        else target[name] = member;
      }
      return target;
    };
    onTestFinished(() => void delete (Object.prototype as Record<string, unknown>)["admin"]);
    copyInto({}, JSON.parse('{"__proto__":{"admin":true}}') as Record<string, unknown>);
    expect(({} as Record<string, unknown>)["admin"]).toBe(true);
  });

  it("runs out of stack when it walks through what it has parsed", () => {
    const walk = (value: unknown): number => (Array.isArray(value) ? 1 + Math.max(0, ...value.map(walk)) : 0);
    expect(() => walk(JSON.parse(deep(100_000)))).toThrow(RangeError);
  });
});

describe("a stored value", () => {
  async function planted(content: string | Buffer) {
    const dir = temporaryDirectory();
    const cache = new FileCache({ dir });
    onTestFinished(() => cache.close());
    const errors: DiskCacheError[] = [];
    cache.on("error", (error: DiskCacheError) => errors.push(error));
    await cache.set("k", 1);
    craft(entryFiles(dir)[0]!, () => ({ body: Buffer.from(content as string, "latin1") }));
    return { cache, errors };
  }

  it.each([
    { given: "nothing", content: "" },
    { given: "half a head", content: VERSION },
    { given: "another version", content: "\x02j1" },
    { given: "an unknown form", content: `${VERSION}x1` },
    { given: "no JSON", content: `${VERSION}j{` },
    { given: "deep JSON", content: `${VERSION}j${deep(100_000)}` },
    { given: "deep JSON after much that is not", content: `${VERSION}j["${"]".repeat(500)}\\"",${deep(300)}]` },
    { given: "deep tagged JSON", content: `${VERSION}t${deep(100_000)}` },
    { given: "maps in maps", content: `${VERSION}t${'{"$":["map",[[1,'.repeat(5000)}1${"]]]}".repeat(5000)}` },
    { given: "an unknown tag", content: tagged({ $: ["Function", "return 1"] }) },
    { given: "a tag that every object has", content: tagged({ $: ["constructor"] }) },
    { given: "a tag that is no list", content: tagged({ $: 1 }) },
    { given: "bytes of a type that is none", content: tagged({ $: ["bytes", "Function", ""] }) },
    { given: "bytes of a name that every object has", content: tagged({ $: ["bytes", "__proto__", ""] }) },
    { given: "bytes that do not fit their type", content: tagged({ $: ["bytes", "Float64Array", "AAA="] }) },
    { given: "bytes that are no text", content: tagged({ $: ["bytes", "Buffer", { length: 2 ** 32 }] }) },
    { given: "a map of no pairs", content: tagged({ $: ["map", [1, 2]] }) },
    { given: "a map of nothing", content: tagged({ $: ["map", null] }) },
    { given: "a set of all numbers", content: tagged({ $: ["set", { length: 2 ** 32 }] }) },
    { given: "a bigint that takes minutes to read", content: tagged({ $: ["bigint", "9".repeat(10_000_000)] }) },
    { given: "a bigint that is none", content: tagged({ $: ["bigint", "0b1"] }) },
  ])("that says $given is a miss, and told", async ({ content }) => {
    const { cache, errors } = await planted(content);
    expect(await cache.get("k", { default: "miss" })).toBe("miss");
    expect(errors).toHaveLength(1);
    await cache.set("k", 2);
    expect(await cache.get("k")).toBe(2);
  });

  it.each([
    { form: "JSON", content: `${VERSION}j{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}` },
    { form: "tagged JSON", content: `${VERSION}t{"__proto__":{"admin":true},"n":{"$":["date",0]}}` },
    { form: "a tagged object", content: tagged({ $: ["object", [["__proto__", { admin: true }]]] }) },
  ])("in the form of $form has members of its own, whatever they are called", async ({ content }) => {
    const { cache } = await planted(content);
    const value = (await cache.get<Record<string, unknown>>("k"))!;
    expect(Object.hasOwn(value, "__proto__")).toBe(true);
    expect([Object.getPrototypeOf(value), value["admin"]]).toEqual([Object.prototype, undefined]);
    expect(({} as Record<string, unknown>)["admin"]).toBeUndefined();
  });

  it("of another application's codec is a miss", async () => {
    const dir = temporaryDirectory();
    const cache = new FileCache({ dir });
    onTestFinished(() => cache.close());
    await cache.set("k", 1);
    craft(entryFiles(dir)[0]!, ({ head }) => ({ head: { ...head, meta: "__proto__" } }));
    expect(await cache.get("k")).toBeUndefined();
  });
});
