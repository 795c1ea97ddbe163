import fc from "fast-check";
import { describe, expect, it } from "vitest";
import "../../../../../test/support/fixed-seed.js";
import { MAX_DEPTH } from "./tagged.js";
import { valueCodec } from "./value-codec.js";

function through(value: unknown): unknown {
  return valueCodec.decode(Buffer.from(valueCodec.encode(value)));
}

function nested(depth: number): unknown {
  let value: unknown = "core";
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { inner: value };
  return value;
}

describe("a value comes back as it was", () => {
  it.each<[string, unknown]>([
    ["JSON", { a: [1, "ü😀", true, null, { b: {} }], c: 0.1 }],
    ["half a surrogate pair", "\ud800"],
    ["undefined", undefined],
    ["undefined inside", { a: undefined, b: [undefined, 1] }],
    ["numbers JSON does not have", [Number.NaN, Infinity, -Infinity, -0]],
    ["a bigint", { n: 9_223_372_036_854_775_807n }],
    ["dates", [new Date(0), new Date(Number.NaN)]],
    [
      "a map of anything to anything",
      new Map<unknown, unknown>([
        ["a", new Set([1])],
        [{ k: 1 }, undefined],
        [2n, new Date(5)],
      ]),
    ],
    ["a set", new Set([1, "1", null, Number.NaN])],
    ["a Buffer", Buffer.from([0, 255, 1])],
    ["an empty Buffer", Buffer.alloc(0)],
    ["a Uint8Array", new Uint8Array([1, 2])],
    ["a Buffer inside", { bytes: Buffer.from("abc") }],
    [
      "typed arrays",
      [new Float32Array([1.5, -0]), new BigInt64Array([-1n]), new Uint8ClampedArray([300]), new Uint16Array(0)],
    ],
    ["a part of a longer buffer", new Uint32Array(new Uint32Array([1, 2, 3, 4]).buffer, 4, 2)],
    ["an ArrayBuffer and a DataView", [new Uint8Array([7]).buffer, new DataView(new ArrayBuffer(3))]],
    ["members called $", [{ $: 1 }, { $: ["date", 5] }, { a: { $: undefined, b: 1 } }]],
    ["a value as deep as allowed", nested(MAX_DEPTH)],
  ])("%s", (_what, value) => {
    const back = through(value);
    expect(back).toStrictEqual(value);
  });

  it("whatever it is", () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: false,
    });
    fc.assert(
      fc.property(anything, (value) => {
        expect(through(value)).toStrictEqual(value);
      }),
    );
  });

  it("also when a member is called __proto__, which stays a member", () => {
    const value: unknown = JSON.parse('{"__proto__":{"admin":true},"d":1}');
    for (const given of [value, { inner: value, date: new Date(0) }, new Map([["m", value]])]) {
      expect(JSON.stringify([...flat(through(given))])).toBe(JSON.stringify([...flat(given)]));
    }
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    const back = through(value) as { admin?: boolean };
    expect([back.admin, Object.getPrototypeOf(back)]).toEqual([undefined, Object.prototype]);
  });
});

describe("a value of a class", () => {
  class Point {
    constructor(readonly x: number) {}
  }

  it("comes back as what it holds, without its class", () => {
    expect(through({ p: new Point(1), d: new Date(0) })).toStrictEqual({ p: { x: 1 }, d: new Date(0) });
    expect(through(new URL("http://a.example/"))).toBe("http://a.example/");
  });

  it.each<[string, unknown]>([
    ["a function", () => 1],
    ["a function inside", { f: () => 1 }],
    ["a symbol", [Symbol("s")]],
    ["an error", new Error("e")],
    ["a pattern", /a/],
    ["a promise", Promise.resolve(1)],
    ["a value nested too deep", nested(MAX_DEPTH + 1)],
    ["a value that contains itself", selfContaining()],
  ])("that is %s is refused with a TypeError", (_what, value) => {
    expect(() => valueCodec.encode(value)).toThrow(expect.objectContaining({ code: "ERR_DISKCACHE_VALUE" }));
    expect(() => valueCodec.encode(value)).toThrow(TypeError);
  });
});

describe("bytes that the codec did not write", () => {
  it.each([
    "",
    "\x01",
    "\x02j1",
    "\x01x1",
    "\x01j{",
    '\x01t{"$":1}',
    '\x01t{"$":["nothing"]}',
    '\x01t{"$":["bytes","constructor","AA=="]}',
    '\x01t{"$":["bytes","Uint16Array","AA=="]}',
    '\x01t{"$":["bigint","x"]}',
    `\x01t${"[".repeat(1000)}${"]".repeat(1000)}`,
  ])("are refused: %j", (text) => {
    expect(() => valueCodec.decode(Buffer.from(text, "latin1"))).toThrow();
  });

  it("are refused or data, whatever they are", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.constantFrom("j", "t", "b", "u"), (bytes, form) => {
        try {
          valueCodec.decode(Buffer.concat([Buffer.from(`\x01${form}`), bytes]));
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});

function selfContaining(): unknown {
  const value: { list: unknown[] } = { list: [] };
  value.list.push({ value });
  return value;
}

function* flat(value: unknown): Generator {
  if (value instanceof Map) yield* [...value].map(([key, member]): unknown => [key, [...flat(member)]]);
  else if (typeof value === "object" && value !== null && !(value instanceof Date))
    yield* Object.entries(value).map(([key, member]): unknown => [key, [...flat(member)]]);
  else yield value;
}
