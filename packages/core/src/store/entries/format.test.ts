import { describe, expect, it } from "vitest";
import { BodyChecksum, CHUNK_BYTES } from "./body-cover.js";
import type { EntryHead } from "../contract.js";
import { MAX_HEAD_BYTES, checksumOf, decodeEntryHead, encodeEntry, encodeEntryHead, headFits } from "./format.js";

function head(more: Partial<EntryHead> = {}): EntryHead {
  return {
    key: "GET example.com /a",
    scope: "example.com",
    name: "/a",
    tags: ["t1", "", "t2"],
    meta: "200\nOK",
    storedAt: 1,
    expiresAt: Infinity,
    birth: 7,
    ...more,
  };
}

/** What a reader would give out for these bytes: the head and body, or nothing. */
function opened(bytes: Buffer): { head: EntryHead; body: Buffer } | undefined {
  const padded = Buffer.concat([bytes, Buffer.alloc(128)]);
  const decoded = decodeEntryHead(padded, bytes.length, bytes.length, "");
  if (typeof decoded === "string") return undefined;
  const { bodyOffset, bodyBytes, bodyChecksum } = decoded.preamble;
  const body = bytes.subarray(bodyOffset, bodyOffset + bodyBytes);
  return checksumOf(body) === bodyChecksum ? { head: decoded.head, body } : undefined;
}

describe("the entry format", () => {
  const body = Buffer.from("<p>hello</p>");
  const bytes = Buffer.concat(encodeEntry(head(), body, 42) as Buffer[]);

  it.each([
    { given: "plain text", more: {} },
    { given: "Latin-1", more: { meta: "caf\u00e9\u00ff\u0000" } },
    {
      given: "any other character, lone surrogates too",
      more: { key: "\ud800😀", tags: ["€", "\udfff"], meta: "\u0100" },
    },
    { given: "nothing at all", more: { key: "", scope: "", name: "", tags: [], meta: "" } },
  ])("gives back $given", ({ more }) => {
    const read = opened(Buffer.concat(encodeEntry(head(more), body, 42) as Buffer[]));
    expect(read?.head).toEqual(head(more));
    expect(read?.body.equals(body)).toBe(true);
  });

  it("is not taken for an entry with any one bit turned", () => {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const turned = Buffer.from(bytes);
      turned.writeUInt8(turned.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(opened(turned), `bit ${bit}`).toBeUndefined();
    }
  });

  it("is not taken for an entry cut off anywhere, or with anything behind it", () => {
    for (let length = 0; length < bytes.length; length++)
      expect(opened(bytes.subarray(0, length)), `length ${length}`).toBeUndefined();
    expect(opened(Buffer.concat([bytes, Buffer.from([0])]))).toBeUndefined();
  });

  it("refuses a head that is too long, and takes the longest", () => {
    const room = MAX_HEAD_BYTES - Buffer.byteLength("GET example.com /aexample.com/at1t2") - 3 * 4;
    for (const [letter, length, fits] of [
      ["x", room, true],
      ["x", room + 1, false],
      ["€", room, false],
    ] as const) {
      const long = head({ meta: letter.repeat(length) });
      expect(headFits(long)).toBe(fits);
      expect(
        encodeEntryHead(long, { epoch: 1, bodyBytes: 0, bodyChecksum: 0, bodyOffset: undefined }) !== undefined,
      ).toBe(fits);
    }
  });

  it.each([0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])(
    "checksums a body of %i bytes alike, however it is cut",
    (length) => {
      const whole = new BodyChecksum();
      whole.update(Buffer.alloc(length, "ab"));
      const pieces = new BodyChecksum();
      for (let at = 0; at < length; at += 100_000) pieces.update(Buffer.alloc(length, "ab").subarray(at, at + 100_000));
      const end = whole.end();
      expect(pieces.end()).toEqual(end);
      expect(end.table.length).toBe(length > CHUNK_BYTES ? Math.ceil(length / CHUNK_BYTES) * 4 : 0);
    },
  );
});
