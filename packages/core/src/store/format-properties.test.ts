/** What holds of the two formats on disk whatever is written, and whatever happens to the bytes afterwards. */
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EntryHead, PathSelector, PurgeSelector } from "./contract.js";
import { checksumOf, decodeEntryHead, encodeEntry } from "./entries/format.js";
import { MAX_RECORD_BYTES, encodePurge, nextIntactRecord, parseRecord } from "./log/log-record.js";

/** The same cases at every run. */
const RUNS = { numRuns: 500, seed: 20_260_101 };
const SPARE_BYTES = 128;

const anyText = fc.string({ unit: fc.oneof(fc.string({ unit: "binary", maxLength: 3 }), fc.constant("\ud800")) });
const anyHead: fc.Arbitrary<EntryHead> = fc.record({
  key: anyText,
  scope: anyText,
  name: anyText,
  tags: fc.array(anyText, { maxLength: 5 }),
  meta: anyText,
  storedAt: fc.maxSafeNat(),
  expiresAt: fc.oneof(fc.maxSafeNat(), fc.constant(Infinity)),
  birth: fc.maxSafeNat(),
});
const anyBody = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const anyFile = fc.record({ head: anyHead, body: anyBody }).map(({ head, body }) => ({
  head,
  body,
  bytes: Buffer.concat(encodeEntry(head, body, 42) as Buffer[]),
}));

/** What may happen to a file: bytes changed, its end lost, something appended, its end that of another one. */
type Damage = (bytes: Buffer, other: Buffer) => Buffer;
const share = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const anyDamage: fc.Arbitrary<Damage> = fc.oneof(
  fc.array(fc.tuple(share, fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 8 }).map(changed),
  share.map((kept) => (bytes: Buffer) => bytes.subarray(0, Math.floor(bytes.length * kept))),
  fc.uint8Array({ minLength: 1, maxLength: 50 }).map((more) => (bytes: Buffer) => Buffer.concat([bytes, more])),
  share.map((kept) => (bytes: Buffer, other: Buffer) => {
    const at = Math.floor(bytes.length * kept);
    return Buffer.concat([bytes.subarray(0, at), other.subarray(at)]);
  }),
  share.map((from) => (bytes: Buffer) => Buffer.from(bytes).fill(0, Math.floor(bytes.length * from))),
);

function changed(places: readonly (readonly [number, number])[]): Damage {
  return (bytes) => {
    const damaged = Buffer.from(bytes);
    for (const [where, by] of places) {
      const at = Math.floor(damaged.length * where);
      damaged.writeUInt8(damaged.readUInt8(at) ^ by, at);
    }
    return damaged;
  };
}

/** What a reader would give out for these bytes: the head and body, or nothing. */
function opened(bytes: Buffer): { readonly head: EntryHead; readonly body: Buffer } | undefined {
  const padded = Buffer.concat([bytes, Buffer.alloc(SPARE_BYTES)]);
  const decoded = decodeEntryHead(padded, bytes.length, bytes.length, "");
  if (typeof decoded === "string") return undefined;
  const { bodyOffset, bodyBytes, bodyChecksum } = decoded.preamble;
  const body = bytes.subarray(bodyOffset, bodyOffset + bodyBytes);
  return checksumOf(body) === bodyChecksum ? { head: decoded.head, body } : undefined;
}

describe("an entry's file", () => {
  it("gives back whatever was put into it", () => {
    fc.assert(
      fc.property(anyFile, ({ head, body, bytes }) => {
        const read = opened(bytes);
        expect(read?.head).toEqual(head);
        expect(read?.body.equals(body)).toBe(true);
      }),
      RUNS,
    );
  });

  it("is whole or nothing, whatever happens to its bytes", () => {
    fc.assert(
      fc.property(anyFile, anyFile, fc.array(anyDamage, { minLength: 1, maxLength: 3 }), (file, other, damages) => {
        const damaged = damages.reduce<Buffer>(
          (bytes, damage) => (bytes.length === 0 ? bytes : damage(bytes, other.bytes)),
          file.bytes,
        );
        const read = opened(damaged);
        // Several damages may undo each other, or make it the other file altogether.
        if (damaged.equals(file.bytes) || damaged.equals(other.bytes)) return;
        expect(read).toBeUndefined();
      }),
      RUNS,
    );
  });

  it("of any other format version is not read", () => {
    fc.assert(
      fc.property(anyFile, fc.nat({ max: 0xffff_ffff }), ({ bytes }, version) => {
        fc.pre(version !== 1);
        const other = Buffer.from(bytes);
        other.writeUInt32LE(version, 8);
        expect(decodeEntryHead(other, other.length, other.length, "")).toBe(`unknown format version ${version}`);
      }),
      RUNS,
    );
  });

  it("that is none of ours is refused, never thrown over, though its checksum agrees", () => {
    fc.assert(
      fc.property(anyFile, anyDamage, anyFile, ({ bytes }, damage, other) => {
        const forged = Buffer.from(damage(bytes, other.bytes));
        if (forged.length > 24) {
          const headEnd = Math.min(forged.length, SPARE_BYTES + forged.readUInt32LE(20));
          forged.writeUInt32LE(crc32(forged.subarray(16, headEnd)), 12);
        }
        expect(() => opened(forged)).not.toThrow();
      }),
      RUNS,
    );
  });
});

const anyScope = fc.oneof(anyText, fc.constant(undefined));
const anyPath: fc.Arbitrary<PathSelector> = fc.record({
  kind: fc.constant("path" as const),
  path: anyText.map((text) => `/${text}`),
  scope: fc.oneof(fc.constantFrom("a.example", "[::1]:3000"), fc.constant(undefined)),
});
const anySelector: fc.Arbitrary<PurgeSelector | PathSelector> = fc.oneof(
  anyPath,
  fc.record({ kind: fc.constant("name" as const), name: anyText, scope: anyScope }),
  fc.record({ kind: fc.constant("prefix" as const), prefix: anyText, scope: anyScope }),
  fc.record({ kind: fc.constant("scope" as const), scope: anyText }),
  fc.record({ kind: fc.constant("tag" as const), tag: anyText }),
  fc.constant({ kind: "all" as const }),
);
const anyNonce = fc.nat({ max: 0xffff_ffff });

describe("a record of a purge", () => {
  it("gives back whatever was named", () => {
    fc.assert(
      fc.property(
        anySelector,
        fc.boolean(),
        anyNonce,
        fc.oneof(fc.maxSafeNat(), fc.constant(undefined)),
        (...given) => {
          const [selector, soft, nonce, position] = given;
          const bytes = encodePurge(selector, position === undefined ? { soft } : { soft, position }, nonce) as Buffer;
          const record = { kind: "purge", selector, soft, local: false, position, nonce };
          expect(parseRecord(bytes, 0)).toEqual({ record, bytes: bytes.length });
        },
      ),
      RUNS,
    );
  });

  it("is intact or nothing, and one behind damage is found again", () => {
    fc.assert(
      fc.property(anySelector, anySelector, anyDamage, anyNonce, (selector, next, damage, nonce) => {
        const [bytes, behind] = [selector, next].map((each) => encodePurge(each, { soft: false }, nonce) as Buffer) as [
          Buffer,
          Buffer,
        ];
        const damaged = damage(bytes, behind).subarray(0, bytes.length);
        fc.pre(damaged.length > 0 && !damaged.equals(bytes) && !damaged.subarray(0, behind.length).equals(behind));
        const log = Buffer.concat([damaged, behind]);
        expect(parseRecord(log, 0)).not.toBeTypeOf("object");
        expect(nextIntactRecord(log, 0)).toBe(damaged.length);
      }),
      RUNS,
    );
  });

  it("of a pattern is to a version that knows none a purge of every path on every host", () => {
    const FLAGS_AT = 3;
    const KNOWN_THEN = 0b1111;
    fc.assert(
      fc.property(anyPath, fc.boolean(), anyNonce, (selector, soft, nonce) => {
        const bytes = encodePurge(selector, { soft }, nonce) as Buffer;
        // That version looks at the flags it knows, and at no others.
        bytes.writeUInt8(bytes.readUInt8(FLAGS_AT) & KNOWN_THEN, FLAGS_AT);
        bytes.writeUInt32LE(crc32(bytes.subarray(12), crc32(bytes.subarray(0, 8))), 8);
        const read = { kind: "prefix", prefix: "/", scope: undefined };
        expect(parseRecord(bytes, 0)).toMatchObject({ record: { selector: read, soft, nonce } });
      }),
      RUNS,
    );
  });

  it("that is too long is refused rather than cut", () => {
    expect(encodePurge({ kind: "tag", tag: "x".repeat(MAX_RECORD_BYTES - 28) }, { soft: false }, 1)).toHaveLength(
      MAX_RECORD_BYTES,
    );
    expect(encodePurge({ kind: "tag", tag: "x".repeat(MAX_RECORD_BYTES - 27) }, { soft: false }, 1)).toBeUndefined();
  });
});
