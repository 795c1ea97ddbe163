import fc from "fast-check";
import * as other from "structured-headers";
import { describe, expect, it } from "vitest";
import { parseDictionary, parseList } from "../../packages/core/src/http/structured-fields.js";
import type { BareItem, Member, Parameters } from "../../packages/core/src/http/structured-fields.js";

/** What the other implementation makes of a field, in the shape that ours is put into below; `undefined` when it refuses. */
function theirs(parse: () => other.List | other.Dictionary): unknown {
  try {
    const value = parse();
    return Array.isArray(value)
      ? value.map(theirMember)
      : [...value].map(([key, member]) => [key, theirMember(member)]);
  } catch {
    return undefined;
  }
}

function theirMember([value, parameters]: other.Item | other.InnerList): unknown {
  const list = Array.isArray(value) ? value.map(theirMember) : theirItem(value);
  return [list, [...parameters].map(([key, parameter]) => [key, theirItem(parameter)])];
}

function theirItem(value: other.BareItem): unknown {
  if (value instanceof other.Token) return `token ${value.toString()}`;
  if (value instanceof other.DisplayString) return `display-string ${value.toString()}`;
  if (value instanceof Date) return `date ${value.getTime() / 1000}`;
  if (value instanceof ArrayBuffer) return `bytes ${Buffer.from(value).toString("hex")}`;
  return value;
}

function ourMember(member: Member): unknown {
  const value = member.kind === "inner-list" ? member.items.map(ourMember) : ourItem(member.item);
  return [value, ourParameters(member.parameters)];
}

function ourParameters(parameters: Parameters): unknown {
  return [...parameters].map(([key, parameter]) => [key, ourItem(parameter)]);
}

function ourItem({ type, value }: BareItem): unknown {
  if (type === "bytes") return `bytes ${Buffer.from(value).toString("hex")}`;
  return type === "token" || type === "display-string" || type === "date" ? `${type} ${String(value)}` : value;
}

// Text that is nearly a structured field: whole pieces of one, in any order. No dates: the other parser refuses one
// with parameters.
const PIECES = [
  "a",
  "b=",
  "max-age=60",
  "no-store",
  "x=?0",
  ";",
  ";q",
  ";q=1",
  ",",
  ", ",
  " ",
  "	",
  "(",
  ")",
  "=",
  "*",
  "A",
  "1",
  "-1",
  "1.5",
  "1.",
  "12345678901234567",
  '"s"',
  '"',
  '"\\""',
  "\\",
  "tok/en:x",
  ":AQI=:",
  ":AQI:",
  ":",
  "?1",
  "?",
  '%"f%c3%bc"',
  '%"%C3"',
  '%"%c3"',
  "%",
  "é",
  "&",
];
const fields = fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join(""));

describe("RFC 9651, as another parser reads it", () => {
  it("takes and refuses the same lists", () => {
    fc.assert(
      fc.property(fields, (text) => {
        expect(parseList([text])?.map(ourMember)).toEqual(theirs(() => other.parseList(text)));
      }),
      { numRuns: 2000 },
    );
  });

  it("takes and refuses the same dictionaries", () => {
    fc.assert(
      fc.property(fields, (text) => {
        const dictionary = parseDictionary([text]);
        const ours = dictionary && [...dictionary].map(([key, member]) => [key, ourMember(member)]);
        expect(ours).toEqual(theirs(() => other.parseDictionary(text)));
      }),
      { numRuns: 2000 },
    );
  });
});
