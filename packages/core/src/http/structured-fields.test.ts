import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDictionary, parseList } from "./structured-fields.js";
import type { BareItem } from "./structured-fields.js";

function bareItem(text: string): BareItem | undefined {
  const [member] = parseList([text]) ?? [];
  return member?.kind === "item" ? member.item : undefined;
}

const expectAlways = fc.assert;

describe("RFC 9651 §4.2.3.1 bare items", () => {
  it.each<{ text: string; item: BareItem }>([
    { text: "42", item: { type: "integer", value: 42 } },
    { text: "-0", item: { type: "integer", value: -0 } },
    { text: "999999999999999", item: { type: "integer", value: 999_999_999_999_999 } },
    { text: "4.5", item: { type: "decimal", value: 4.5 } },
    { text: "-123456789012.125", item: { type: "decimal", value: -123_456_789_012.125 } },
    { text: '"hello \\"world\\\\"', item: { type: "string", value: 'hello "world\\' } },
    { text: '""', item: { type: "string", value: "" } },
    { text: "foo123/456", item: { type: "token", value: "foo123/456" } },
    { text: "*a", item: { type: "token", value: "*a" } },
    { text: ":cHJldGVuZA==:", item: { type: "bytes", value: Buffer.from("pretend") } },
    { text: "?1", item: { type: "boolean", value: true } },
    { text: "?0", item: { type: "boolean", value: false } },
    { text: "@1659578233", item: { type: "date", value: 1_659_578_233 } },
    { text: '%"f%c3%bc"', item: { type: "display-string", value: "fü" } },
  ])("reads $text", ({ text, item }) => {
    expect(bareItem(text)).toEqual(item);
  });

  it.each([
    "1000000000000000",
    "1.",
    "1.2345",
    "1234567890123.1",
    "-",
    "--1",
    "+1",
    ".5",
    '"open',
    '"a\\b"',
    '"é"',
    '"tab\t"',
    "&&&&&",
    "?2",
    "?",
    ":a b:",
    ":open",
    ":a:",
    ":YQ=:",
    "@1.5",
    '%"%C3"',
    '%"%c3"',
    "1 2",
    "'1'",
    "é",
  ])("refuses %j", (text) => {
    expect(parseList([text])).toBeUndefined();
  });
});

describe("RFC 9651 §4.2.1 lists", () => {
  it("reads items, inner lists and parameters", () => {
    expect(parseList(['a;x;y=2, ( "b"  c );q=?0', "1"])).toEqual([
      {
        kind: "item",
        item: { type: "token", value: "a" },
        parameters: new Map<string, BareItem>([
          ["x", { type: "boolean", value: true }],
          ["y", { type: "integer", value: 2 }],
        ]),
      },
      {
        kind: "inner-list",
        items: [
          { kind: "item", item: { type: "string", value: "b" }, parameters: new Map() },
          { kind: "item", item: { type: "token", value: "c" }, parameters: new Map() },
        ],
        parameters: new Map<string, BareItem>([["q", { type: "boolean", value: false }]]),
      },
      { kind: "item", item: { type: "integer", value: 1 }, parameters: new Map() },
    ]);
  });

  it.each([[[]], [[""]], [["  "]]])("reads %j as an empty list", (lines) => {
    expect(parseList(lines)).toEqual([]);
  });

  it.each(["a,", ",a", "a,,b", "a b", "(a", "(a b", '("a""b")', "a;", "a;=1", "a;X", "\ta", "((a))"])(
    "refuses %j",
    (text) => {
      expect(parseList([text])).toBeUndefined();
    },
  );
});

describe("RFC 9651 §4.2.2 dictionaries", () => {
  it("reads members with and without values", () => {
    const dictionary = parseDictionary(["max-age=60 ,\tpublic", 'x=("a");p']);
    expect([...dictionary!.keys()]).toEqual(["max-age", "public", "x"]);
    expect(dictionary!.get("public")).toEqual({
      kind: "item",
      item: { type: "boolean", value: true },
      parameters: new Map(),
    });
  });

  it("lets the last of several values count", () => {
    expect(parseDictionary(["a=1, b=2, a=3"])!.get("a")).toMatchObject({ item: { value: 3 } });
  });

  it.each(["A=1", "a =1", "a= 1", "a=", "=1", "1=a", "a=1,", "a=1;;", "a==1", "max-age=10000, &&&&&", "a=1 b=2"])(
    "refuses %j",
    (text) => {
      expect(parseDictionary([text])).toBeUndefined();
    },
  );

  it("never throws", () => {
    expectAlways(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom(...'ab1.-=;,"\\()?:@% \té'.split("")) })), (lines) => {
        parseDictionary(lines);
        parseList(lines);
      }),
      { numRuns: 1000 },
    );
  });
});
