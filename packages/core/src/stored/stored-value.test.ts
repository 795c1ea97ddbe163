import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Coding } from "../base/codings.js";
import type { EntryHead } from "../store/contract.js";
import { decodeStoredValue, encodeCodedBody } from "./stored-value.js";
import { encodeResponse, hasHandlerValidator } from "./stored-response.js";
import type { StoredResponse } from "./stored-response.js";
import { encodeVaryRecord, MAX_VARIANTS, withVariant } from "./selection-records.js";
import type { VaryRecord } from "./selection-records.js";

const POLICY = {
  storedAt: 1_700_000_000_000,
  initialAge: 3,
  lifetime: 300,
  staleWhileRevalidate: 10,
  staleIfError: 20,
  grace: 1,
  keep: 3600,
  noCache: false,
  mustRevalidate: true,
  authorizationAllowed: false,
  cookiesAllowed: true,
  immutable: true,
};

function response(rawHeaders: readonly string[], rest: Partial<StoredResponse> = {}): StoredResponse {
  const head = { status: 200, statusText: "OK", rawHeaders };
  return {
    kind: "response",
    head,
    policy: POLICY,
    vary: [],
    outer: { kept: [], removed: [] },
    clientCacheControl: undefined,
    ownEtag: false,
    offer: undefined,
    ready: undefined,
    lookedAt: 0,
    ...rest,
  };
}

function decoded(meta: string) {
  return decodeStoredValue({ meta } as EntryHead);
}

describe("a stored response as text", () => {
  it("comes back as it was, whatever its fields hold", () => {
    // What node:http lets through: no line breaks, and nothing beyond latin1.
    const value = fc.string({
      unit: fc.constantFrom("a", " ", ":", ",", "\t", '"', "\u00ff", "r", "v"),
      maxLength: 10,
    });
    const name = fc.string({ unit: fc.constantFrom("x", "-", "Y"), minLength: 1, maxLength: 5 });
    const seconds = fc.oneof(fc.nat(), fc.double({ min: 0, max: 1e9, noNaN: true }));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, value)),
        fc.array(fc.constantFrom("accept", "x-plan"), { maxLength: 2 }),
        fc.integer({ min: 200, max: 599 }),
        value,
        fc.record({
          lifetime: seconds,
          initialAge: seconds,
          keep: seconds,
          noCache: fc.boolean(),
          cookiesAllowed: fc.boolean(),
        }),
        fc.record({
          kept: fc.array(fc.constantFrom("x-a", "x-b"), { maxLength: 2 }),
          removed: fc.array(fc.constantFrom("x-c", "x-d"), { maxLength: 2 }),
        }),
        fc.option(
          fc.record({ field: fc.constantFrom("max-age=60", "+x, public", "++"), fromReceipt: fc.boolean() }).filter(
            // Only what an operator wrote may begin with a plus, and that counts from receipt.
            ({ field, fromReceipt }) => fromReceipt || !field.startsWith("+"),
          ),
          { nil: undefined },
        ),
        fc.option(fc.uniqueArray(fc.constantFrom<Coding>("br", "zstd", "gzip"), { minLength: 1 }), { nil: undefined }),
        (fields, vary, status, statusText, policy, outer, clientCacheControl, codings) => {
          const stored = response(fields.flat(), {
            vary,
            outer,
            clientCacheControl,
            offer: codings && { codings, bodyTag: '"2f-a+/"' },
            head: { status, statusText, rawHeaders: fields.flat() },
            policy: { ...POLICY, ...policy },
          });
          expect(decoded(encodeResponse(stored))).toEqual(stored);
        },
      ),
    );
  });

  it.each([
    { given: "nothing", text: "" },
    { given: "another kind", text: "x\n200 OK" },
    { given: "a status that is none", text: encodeResponse(response([])).replace("200", "099") },
    { given: "a number that is none", text: encodeResponse(response([])).replace("300", "NaN") },
    { given: "a number too few", text: encodeResponse(response([])).replace(" 3600", "") },
    { given: "flags of another version", text: encodeResponse(response([])).replace(/\n[01]+\n/, "\n0101011111\n") },
    { given: "a name without a value", text: `${encodeResponse(response(["a", "b"]))}\nlonely` },
    { given: "a coded body in an unknown coding", text: 'c\nlzma\n1\n"2f-a"' },
    { given: "a coded body of nothing", text: "c\nbr\n1" },
    { given: "a variant record with a time that is none", text: "v\naccept\nabc soon" },
  ])("of $given is damage", ({ text }) => {
    expect(() => decoded(text)).toThrow();
  });

  it.each([
    { given: "a tag of the handler's", stored: response(["ETag", '"v1"']), useful: true },
    { given: "a tag made by the cache", stored: response(["ETag", '"v1"'], { ownEtag: true }), useful: false },
    {
      given: "a tag made by the cache, and a date",
      stored: response(["ETag", '"v1"', "Last-Modified", "x"], { ownEtag: true }),
      useful: true,
    },
    { given: "neither", stored: response([]), useful: false },
  ])("has in $given something to ask the handler with: $useful", ({ stored, useful }) => {
    expect(hasHandlerValidator(stored)).toBe(useful);
  });
});

describe("a coded body", () => {
  it.each([true, false])("comes back as it was: worth it %s", (worthIt) => {
    const body = { coding: "zstd", worthIt, bodyTag: '"2f-a+/"' } as const;
    expect(decoded(encodeCodedBody(body))).toEqual({ kind: "coded", ...body, played: undefined });
  });

  it("is offered in no coding that this version does not know", () => {
    const stored = response([], { offer: { codings: ["br", "gzip"], bodyTag: '"1-a"' } });
    const text = encodeResponse(stored);
    expect(decoded(text.replace("br,gzip", "lzma,gzip"))).toMatchObject({ offer: { codings: ["gzip"] } });
    expect(decoded(text.replace("br,gzip", "lzma"))).toMatchObject({ offer: undefined });
  });
});

describe("a variant record", () => {
  const fill = (count: number, from?: VaryRecord) => {
    let record = from;
    const dropped: string[] = [];
    for (let n = 0; n < count; n++) {
      const next = withVariant(record, ["accept"], { digest: `d${n}`, expiresAt: n });
      record = next.record;
      dropped.push(...next.dropped);
    }
    return { record: record!, dropped };
  };

  it("comes back as it was", () => {
    const { record } = withVariant(fill(3).record, ["accept", "x-plan"], { digest: "e", expiresAt: 9 });
    expect(decoded(encodeVaryRecord(record))).toEqual(record);
  });

  it("names the newest set of fields last, each once, and no more than four", () => {
    let record: VaryRecord | undefined;
    for (const field of ["a", "b", "c", "a", "d", "e"])
      record = withVariant(record, [field], { digest: field, expiresAt: 1 }).record;
    expect(record!.selectors).toEqual([["c"], ["a"], ["d"], ["e"]]);
  });

  it("lists each variant once, with its latest time", () => {
    const { record } = withVariant(fill(2).record, ["accept"], { digest: "d0", expiresAt: 99 });
    expect(record.variants).toEqual([
      { digest: "d1", expiresAt: 1, hits: 0 },
      { digest: "d0", expiresAt: 99, hits: 0 },
    ]);
  });

  it("drops the oldest beyond its bound, and names what it dropped", () => {
    const { record, dropped } = fill(MAX_VARIANTS + 2);
    expect([record.variants.length, dropped]).toEqual([MAX_VARIANTS, ["d0", "d1"]]);
  });

  it("keeps what is asked for over what only came by", () => {
    const { record } = fill(MAX_VARIANTS);
    for (const oldest of record.variants.slice(0, 1)) oldest.hits = 1;
    expect(withVariant(record, ["accept"], { digest: "new", expiresAt: 1 }).dropped).toEqual(["d1"]);
  });
});
