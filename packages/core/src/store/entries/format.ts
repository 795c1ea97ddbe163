/**
 * The bytes of one entry: a fixed preamble, the head, the body as it is, and for long bodies a table of checksums.
 * Never touches a file, never throws on what it reads, and believes no length before the checksum over it agrees. All
 * numbers are little-endian.
 *
 * ```
 *   0  89 64 63 65 0d 0a 1a 0a   magic: "\x89dce\r\n\x1a\n", which no text and no mangled transfer has
 *   8  01 00 00 00               format version
 *  12  f1 9c 4e 20               CRC-32 of bytes 16 … 128 + head length
 *  16  00 00 00 00               flags: 1 = head text is UTF-16 (else Latin-1); 2 = authenticated; 4 = encrypted
 *                               (seal.ts)
 *  20  b8 00 00 00               head length
 *  24  38 01 00 00               where the body begins: 128 + head length, or 65536 when it was written before its
 *                               head was known
 *  28  2c 00 00 00               characters of the key
 *  32  0b 00 00 00               … of the scope
 *  36  0a 00 00 00               … of the name
 *  40  77 00 00 00               … of the meta
 *  44  00 00 00 00               number of tags
 *  48  f64                       body length
 *  56  f64                       storedAt, epoch milliseconds
 *  64  f64                       expiresAt, epoch milliseconds or Infinity
 *  72  f64                       birth: position of the invalidation log
 *  80  f64                       epoch of that log
 *  88  0d 4a 11 4a               CRC-32 of the body, or of the table when there is one
 *  92  36 zero bytes             of a sealed entry: its salt, and which secret
 * 128  head: one u32 for each tag (its characters), then key, scope, name, tags and meta, joined; of a sealed entry
 *      also the tag of its seal
 *  …   body
 *  …   table, only when the body is longer than 262144 bytes: one CRC-32 for each 262144 bytes of body; of a sealed
 *      entry always: tags instead
 * ```
 */
import { crc32 } from "node:zlib";
import { BodyChecksum, CHUNK_BYTES } from "./body-cover.js";
import type { BodyCover } from "./body-cover.js";
import type { EntryHead, LogPosition } from "../contract.js";
import { FLAG_AUTHENTICATED, FLAG_ENCRYPTED, tagBytesOf } from "./seal.js";
import type { EntrySeal, Seals } from "./seal.js";

export const PREAMBLE_BYTES = 128;
/** Longest head, so that it fits before a body that begins at `STREAM_BODY_OFFSET`. */
export const MAX_HEAD_BYTES = 65_536 - PREAMBLE_BYTES;
/** Where a body begins that was written before its head was known. What lies between is a hole: it takes no blocks. */
export const STREAM_BODY_OFFSET = 65_536;

/** Longest body that any cache keeps; a file that claims more is not one of the cache's, and its table would not fit
 * into memory. */
const MAX_BODY_BYTES = 2 ** 40;

const MAGIC = Buffer.from([0x89, 0x64, 0x63, 0x65, 0x0d, 0x0a, 0x1a, 0x0a]);
const FORMAT_VERSION = 1;
const FLAG_WIDE = 1;
const SEAL_FLAGS = FLAG_AUTHENTICATED | FLAG_ENCRYPTED;
const KNOWN_FLAGS = FLAG_WIDE | SEAL_FLAGS;
const CHECKED_FROM = 16;
const NOT_LATIN1 = /[^\u0000-\u00ff]/;

/** Where a body is in its file. */
export interface BodyPlace {
  readonly bodyOffset: number;
  readonly bodyBytes: number;
  /** Of the body, or of the table when `bodyBytes` passes one chunk. */
  readonly bodyChecksum: number;
  /** Covers all of the preamble and the head, so it distinguishes this file from a later one under the same name. */
  readonly headChecksum: number;
  readonly flags: number;
}

/** What the preamble says by itself. Unverified: only the checksum over preamble and head verifies it. */
export interface Preamble extends BodyPlace {
  /** Where the head ends. */
  readonly headEnd: number;
  readonly storedAt: number;
  readonly expiresAt: number;
  readonly birth: LogPosition;
  /** Epoch of the log that `birth` counts in. */
  readonly epoch: number;
}

/** What the preamble and the head say. */
export interface DecodedEntry {
  readonly head: EntryHead;
  readonly preamble: Preamble;
  /** Opens its body, if the body is sealed. */
  readonly seal: EntrySeal | undefined;
}

/** What the writer knows of the body when it writes the head. */
export interface BodyLayout {
  readonly epoch: number;
  readonly bodyBytes: number;
  readonly bodyChecksum: number;
  /** `undefined`: directly after the head. */
  readonly bodyOffset: number | undefined;
  readonly seal?: EntrySeal | undefined;
}

/** Whether the format can hold the head, and a seal of `tagBytes` behind it. */
export function headFits(head: EntryHead, tagBytes = 0): boolean {
  const room = MAX_HEAD_BYTES - tagBytes;
  let characters = head.key.length + head.scope.length + head.name.length + head.meta.length;
  for (const tag of head.tags) characters += tag.length + 4;
  // At one byte a character it does not fit, at two it surely does; in between it depends on the characters.
  return characters <= room && (characters * 2 <= room || encodedHeadBytes(head) <= room);
}

function encodedHeadBytes({ key, scope, name, tags, meta }: EntryHead): number {
  const text = key + scope + name + tags.join("") + meta;
  return tags.length * 4 + text.length * (NOT_LATIN1.test(text) ? 2 : 1);
}

/** A complete entry, piece after piece; `undefined` when the format cannot hold its head.
 * @param cover of the body, not used yet
 * @param seal the one that `cover` seals with */
export function encodeEntry(
  head: EntryHead,
  body: Buffer,
  epoch: number,
  cover: BodyCover = new BodyChecksum(),
  seal?: EntrySeal,
): Buffer[] | undefined {
  const covered = cover.update(body);
  const { checksum, table } = cover.end();
  const layout = { epoch, bodyBytes: body.length, bodyChecksum: checksum, bodyOffset: undefined, seal };
  const bytes = encodeEntryHead(head, layout);
  return bytes === undefined ? undefined : [bytes, covered, table].filter((piece) => piece.length > 0);
}

/** Preamble and head; `undefined` when the head is longer than the format allows. */
export function encodeEntryHead(head: EntryHead, layout: BodyLayout): Buffer | undefined {
  const text = head.key + head.scope + head.name + head.tags.join("") + head.meta;
  const wide = NOT_LATIN1.test(text);
  const tableBytes = head.tags.length * 4;
  const { seal } = layout;
  const headBytes = tableBytes + text.length * (wide ? 2 : 1) + (seal?.tagBytes ?? 0);
  if (headBytes > MAX_HEAD_BYTES) return undefined;
  const bytes = Buffer.allocUnsafe(PREAMBLE_BYTES + headBytes);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(FORMAT_VERSION, 8);
  bytes.writeUInt32LE((wide ? FLAG_WIDE : 0) | (seal?.flags ?? 0), 16);
  bytes.writeUInt32LE(headBytes, 20);
  bytes.writeUInt32LE(layout.bodyOffset ?? bytes.length, 24);
  bytes.writeUInt32LE(head.key.length, 28);
  bytes.writeUInt32LE(head.scope.length, 32);
  bytes.writeUInt32LE(head.name.length, 36);
  bytes.writeUInt32LE(head.meta.length, 40);
  bytes.writeUInt32LE(head.tags.length, 44);
  bytes.writeDoubleLE(layout.bodyBytes, 48);
  bytes.writeDoubleLE(head.storedAt, 56);
  bytes.writeDoubleLE(head.expiresAt, 64);
  bytes.writeDoubleLE(head.birth, 72);
  bytes.writeDoubleLE(layout.epoch, 80);
  bytes.writeUInt32LE(layout.bodyChecksum, 88);
  bytes.fill(0, 92, PREAMBLE_BYTES);
  let at = PREAMBLE_BYTES;
  for (const tag of head.tags) at = bytes.writeUInt32LE(tag.length, at);
  bytes.write(text, at, wide ? "utf16le" : "latin1");
  seal?.stamp(bytes);
  seal?.sealHead(bytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(CHECKED_FROM)), 12);
  return bytes;
}

/** Reads a preamble from the first `length` bytes of a file; a string names what is wrong. `bytes` holds at least a
 * preamble. */
export function decodePreamble(bytes: Buffer, length: number): Preamble | string {
  if (length < PREAMBLE_BYTES) return "too short";
  if (bytes.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) !== 0) return "not an entry";
  const version = bytes.readUInt32LE(8);
  if (version !== FORMAT_VERSION) return `unknown format version ${version}`;
  const flags = bytes.readUInt32LE(16);
  if ((flags & ~KNOWN_FLAGS) !== 0) return `unknown flags ${flags}`;
  const headEnd = PREAMBLE_BYTES + bytes.readUInt32LE(20);
  const bodyOffset = bytes.readUInt32LE(24);
  const bodyBytes = bytes.readDoubleLE(48);
  if (headEnd > bodyOffset || bodyOffset > STREAM_BODY_OFFSET || !isLength(bodyBytes)) return "impossible lengths";
  return {
    headEnd,
    flags,
    bodyOffset,
    bodyBytes,
    storedAt: bytes.readDoubleLE(56),
    expiresAt: bytes.readDoubleLE(64),
    birth: bytes.readDoubleLE(72),
    epoch: bytes.readDoubleLE(80),
    bodyChecksum: bytes.readUInt32LE(88),
    headChecksum: bytes.readUInt32LE(12),
  };
}

/** Whether `bytes`, which hold at least a preamble, begin with this one. Its checksums distinguish it from that of any
 * other entry, and from that of the same entry written again. */
export function hasPreamble(bytes: Buffer, { headChecksum, bodyChecksum, storedAt, birth, epoch }: Preamble): boolean {
  return (
    bytes.readUInt32LE(12) === headChecksum &&
    bytes.readUInt32LE(88) === bodyChecksum &&
    bytes.readDoubleLE(56) === storedAt &&
    bytes.readDoubleLE(72) === birth &&
    bytes.readDoubleLE(80) === epoch
  );
}

function isLength(bytes: number): boolean {
  return Number.isSafeInteger(bytes) && bytes >= 0 && bytes <= MAX_BODY_BYTES;
}

/** Preamble and head of a file of `fileBytes`, of which `bytes` holds the first `length`; a string names what is
 * wrong.
 * @param path where it was found
 * @param seals of the cache; with them only entries they have sealed are accepted, without them only entries without a
 * seal */
export function decodeEntryHead(
  bytes: Buffer,
  length: number,
  fileBytes: number,
  path: string,
  seals?: Seals,
): DecodedEntry | string {
  const preamble = decodePreamble(bytes, length);
  if (typeof preamble === "string") return preamble;
  const { headEnd, bodyOffset, flags } = preamble;
  const sealFlags = flags & SEAL_FLAGS;
  if (sealFlags !== (seals?.flags ?? 0)) return SEAL_PROBLEMS[sealFlags] as string;
  if (length < headEnd) return "head cut off";
  if (crc32(bytes.subarray(CHECKED_FROM, headEnd)) !== preamble.headChecksum) return "head checksum differs";
  if (fileBytes !== bodyOffset + preamble.bodyBytes + tableBytesOf(preamble)) return "wrong length";
  let seal: EntrySeal | undefined;
  let opened = bytes;
  if (seals !== undefined) {
    if (headEnd < PREAMBLE_BYTES + tagBytesOf(flags)) return "impossible lengths";
    seal = seals.take(path, bytes);
    if (seal === undefined) return "sealed with another secret";
    const plain = seal.openHead(bytes.subarray(0, headEnd));
    if (plain === undefined) return "its head does not agree with its seal";
    opened = plain;
  }
  const head = decodeHead(opened, headEnd - tagBytesOf(flags), preamble);
  return head === undefined ? "impossible head" : { head, preamble, seal };
}

// Describes what is there instead of what this cache accepts.
const SEAL_PROBLEMS: Readonly<Record<number, string>> = {
  0: "not sealed, and this cache has a `secret`",
  [FLAG_AUTHENTICATED]: "sealed and not encrypted, by a cache with other options",
  [FLAG_ENCRYPTED]: "encrypted, by a cache with other options",
  [SEAL_FLAGS]: "impossible flags",
};

// The checksum, and the seal if there is one, has matched, so this only guards against a faulty writer.
function decodeHead(bytes: Buffer, headEnd: number, preamble: Preamble): EntryHead | undefined {
  const { storedAt, expiresAt, birth } = preamble;
  const tagCount = bytes.readUInt32LE(44);
  const textAt = PREAMBLE_BYTES + tagCount * 4;
  if (textAt > headEnd) return undefined;
  const text = bytes.toString((preamble.flags & FLAG_WIDE) === 0 ? "latin1" : "utf16le", textAt, headEnd);
  const scopeAt = bytes.readUInt32LE(28);
  const nameAt = scopeAt + bytes.readUInt32LE(32);
  let at = nameAt + bytes.readUInt32LE(36);
  const name = text.slice(nameAt, at);
  const tags: string[] = [];
  for (let index = 0; index < tagCount; index++) {
    const next = at + bytes.readUInt32LE(PREAMBLE_BYTES + index * 4);
    tags.push(text.slice(at, next));
    at = next;
  }
  if (at + bytes.readUInt32LE(40) !== text.length) return undefined;
  if (!Number.isFinite(storedAt) || Number.isNaN(expiresAt) || !Number.isSafeInteger(birth)) return undefined;
  return {
    key: text.slice(0, scopeAt),
    scope: text.slice(scopeAt, nameAt),
    name,
    tags,
    meta: text.slice(at),
    storedAt,
    expiresAt,
    birth,
  };
}

/** Length of the table that follows a body: checksums, or the tags of a seal. */
export function tableBytesOf({ bodyBytes, flags }: BodyPlace): number {
  if ((flags & SEAL_FLAGS) !== 0) return Math.ceil(bodyBytes / CHUNK_BYTES) * tagBytesOf(flags);
  return bodyBytes > CHUNK_BYTES ? Math.ceil(bodyBytes / CHUNK_BYTES) * 4 : 0;
}

/** Checksum of one verified piece: a whole small body, one chunk, or the table. */
export function checksumOf(piece: Buffer): number {
  return crc32(piece);
}
