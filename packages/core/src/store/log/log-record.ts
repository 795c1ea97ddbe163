/**
 * The bytes of the invalidation log: its header and its records. Never touches a file, never throws on what it reads.
 * All numbers are little-endian.
 *
 * ```
 * header, 64 bytes
 *   0  89 64 63 6c 0d 0a 1a 0a   magic: "\x89dcl\r\n\x1a\n"
 *   8  01 00 00 00               format version
 *  12  u32                       CRC-32 of bytes 16 … 44
 *  16  f64                       epoch: a random number that entries carry; another epoch is another cache
 *  24  f64                       base: position of the first byte after the snapshot
 *  32  f64                       floor: what was born before it is invalid: the records that decide about it are
 *                               no longer kept
 *  40  u32                       snapshot length: records with a position of their own, taken over from the log before
 *  44  f64, u32                  end: the length of this file after its latest purge, and the CRC-32 of these
 *                               8 bytes; written in place after each append, so that a file truncated at the
 *                               end of a record is recognised
 *  56  8 zero bytes              kept for later
 * record, purge of the tag "report:7" in a log that has just begun
 *   0  d1 c5                     sync mark
 *   2  04                        kind: 1 name, 2 prefix, 3 scope, 4 tag, 5 all, 6 seal, 7 note
 *   3  00                        flags: 1 soft, 2 has a scope, 4 text is UTF-16 (else Latin-1), 8 has a
 *                               position of its own, 16 is a pattern, 32 is for this directory alone
 *   4  24 00 00 00               length of the whole record
 *   8  u32                       CRC-32 of bytes 12 … length, seeded with that of bytes 0 … 8
 *  12  u32                       nonce: by it an appender finds its own record again
 *  16  f64                       position, when flag 8 is set; for a seal, the floor of the log that follows
 *  24  00 00 00                  characters of the scope
 *  27  00                        zero bytes that fill the record up to a multiple of 4
 *  28  72 65 70 6f 72 74 3a 37   scope and text, joined
 * ```
 *
 * A pattern is a prefix with flag 16 and without flag 2. Its text is "/", and where the scope stands, stands the
 * pattern: "/a/**", or behind its host "a.example/a/**". A version that does not know the flag reads what it can
 * obey and names more: the prefix "/" on every host.
 *
 * A note is about the machines that share purges; its text is that of `chain-notes.ts`. A version that does not know
 * notes takes them for damage, so everything before counts as purged.
 */
import { crc32 } from "node:zlib";
import type { LogPosition, PathSelector, PurgeSelector } from "../contract.js";

export const LOG_HEADER_BYTES = 64;
export const END_MARK_OFFSET = 44;
export const END_MARK_BYTES = 12;
const RECORD_HEADER_BYTES = 28;
/** Longest record; a selector that needs more cannot be purged. */
export const MAX_RECORD_BYTES = 65_536;

const MAGIC = Buffer.from([0x89, 0x64, 0x63, 0x6c, 0x0d, 0x0a, 0x1a, 0x0a]);
const LOG_VERSION = 1;
const SYNC = 0xc5d1;
const KINDS = ["name", "prefix", "scope", "tag", "all"] as const;
const PREFIX = KINDS.indexOf("prefix") + 1;
const SEAL = 6;
const NOTE = 7;
const FLAG_SOFT = 1;
const FLAG_SCOPED = 2;
const FLAG_WIDE = 4;
const FLAG_POSITIONED = 8;
const FLAG_PATTERN = 16;
const FLAG_LOCAL = 32;
const EVERY_PATH = "/";
const NOT_LATIN1 = /[^\u0000-\u00ff]/;

export interface LogHeader {
  readonly epoch: number;
  readonly base: LogPosition;
  readonly floor: LogPosition;
  readonly snapshotBytes: number;
}

/** Nothing may be appended behind a seal: the log continues in the next generation, or starts over with a new epoch
 * when `restart` is set. */
export interface SealRecord {
  readonly kind: "seal";
  readonly floor: LogPosition;
  readonly restart: boolean;
}

export interface PurgeRecord {
  readonly kind: "purge";
  readonly selector: PurgeSelector | PathSelector;
  readonly soft: boolean;
  /** It concerns this directory, and no other machine. */
  readonly local: boolean;
  /** Position of its own, in a snapshot. */
  readonly position: LogPosition | undefined;
  readonly nonce: number;
}

/** What the machines that share purges have to remember. */
export interface NoteRecord {
  readonly kind: "note";
  readonly text: string;
  /** Position of its own, in a snapshot. */
  readonly position: LogPosition | undefined;
  readonly nonce: number;
}

/** A record and its length; `"short"` when more bytes are needed; `"damaged"` otherwise. */
export type ParsedRecord =
  | { readonly record: PurgeRecord | NoteRecord | SealRecord; readonly bytes: number }
  | "short"
  | "damaged";

export function encodeLogHeader(header: LogHeader): Buffer {
  const bytes = Buffer.alloc(LOG_HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(LOG_VERSION, 8);
  bytes.writeDoubleLE(header.epoch, 16);
  bytes.writeDoubleLE(header.base, 24);
  bytes.writeDoubleLE(header.floor, 32);
  bytes.writeUInt32LE(header.snapshotBytes, 40);
  bytes.writeUInt32LE(crc32(bytes.subarray(16, END_MARK_OFFSET)), 12);
  encodeEndMark(LOG_HEADER_BYTES + header.snapshotBytes).copy(bytes, END_MARK_OFFSET);
  return bytes;
}

/** How long the file was after its latest purge, to be written at `END_MARK_OFFSET`. */
export function encodeEndMark(fileBytes: number): Buffer {
  const bytes = Buffer.alloc(END_MARK_BYTES);
  bytes.writeDoubleLE(fileBytes, 0);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 8)), 8);
  return bytes;
}

/** `undefined` when it is damaged. */
export function decodeEndMark(bytes: Buffer): number | undefined {
  if (bytes.length < END_MARK_BYTES || crc32(bytes.subarray(0, 8)) !== bytes.readUInt32LE(8)) return undefined;
  return bytes.readDoubleLE(0);
}

export function decodeLogHeader(bytes: Buffer): LogHeader | undefined {
  if (
    bytes.length < LOG_HEADER_BYTES ||
    bytes.compare(MAGIC, 0, 8, 0, 8) !== 0 ||
    bytes.readUInt32LE(8) !== LOG_VERSION
  )
    return undefined;
  if (crc32(bytes.subarray(16, END_MARK_OFFSET)) !== bytes.readUInt32LE(12)) return undefined;
  return {
    epoch: bytes.readDoubleLE(16),
    base: bytes.readDoubleLE(24),
    floor: bytes.readDoubleLE(32),
    snapshotBytes: bytes.readUInt32LE(40),
  };
}

/** How a purge is recorded. */
export interface PurgeMarking {
  readonly soft: boolean;
  readonly local?: boolean;
  readonly position?: LogPosition;
}

/** `undefined` when the selector is too long to be recorded. */
export function encodePurge(
  selector: PurgeSelector | PathSelector,
  { soft, local = false, position }: PurgeMarking,
  nonce: number,
): Buffer | undefined {
  const always = (soft ? FLAG_SOFT : 0) | (local ? FLAG_LOCAL : 0) | (position === undefined ? 0 : FLAG_POSITIONED);
  if (selector.kind === "path") {
    const pattern = (selector.scope ?? "") + selector.path;
    return encode(PREFIX, always | FLAG_PATTERN, nonce, position ?? 0, pattern, EVERY_PATH);
  }
  const scope = scopeOf(selector);
  const flags = always | (scope === undefined ? 0 : FLAG_SCOPED);
  return encode(KINDS.indexOf(selector.kind) + 1, flags, nonce, position ?? 0, scope ?? "", textOf(selector));
}

/** `undefined` when the text is too long to be recorded. */
export function encodeNote(text: string, nonce: number, position?: LogPosition): Buffer | undefined {
  return encode(NOTE, position === undefined ? 0 : FLAG_POSITIONED, nonce, position ?? 0, "", text);
}

export function encodeSeal(seal: Omit<SealRecord, "kind">, nonce: number): Buffer {
  return encode(SEAL, seal.restart ? FLAG_SOFT : 0, nonce, seal.floor, "", "") as Buffer;
}

function encode(
  kind: number,
  flags: number,
  nonce: number,
  position: number,
  scope: string,
  text: string,
): Buffer | undefined {
  const joined = scope + text;
  const wide = NOT_LATIN1.test(joined);
  const textBytes = joined.length * (wide ? 2 : 1);
  const length = Math.ceil((RECORD_HEADER_BYTES + textBytes) / 4) * 4;
  if (length > MAX_RECORD_BYTES) return undefined;
  const bytes = Buffer.alloc(length);
  bytes.writeUInt16LE(SYNC, 0);
  bytes.writeUInt8(kind, 2);
  bytes.writeUInt8(flags | (wide ? FLAG_WIDE : 0), 3);
  bytes.writeUInt32LE(length, 4);
  bytes.writeUInt32LE(nonce, 12);
  bytes.writeDoubleLE(position, 16);
  bytes.writeUIntLE(scope.length, 24, 3);
  bytes.writeUInt8(length - RECORD_HEADER_BYTES - textBytes, 27);
  bytes.write(joined, RECORD_HEADER_BYTES, wide ? "utf16le" : "latin1");
  bytes.writeUInt32LE(crc32(bytes.subarray(12), crc32(bytes.subarray(0, 8))), 8);
  return bytes;
}

/** Reads the record that begins at `at`. */
export function parseRecord(bytes: Buffer, at: number): ParsedRecord {
  const left = bytes.length - at;
  if (left < 8) return "short";
  if (bytes.readUInt16LE(at) !== SYNC) return "damaged";
  const length = bytes.readUInt32LE(at + 4);
  if (length < RECORD_HEADER_BYTES || length > MAX_RECORD_BYTES || length % 4 !== 0) return "damaged";
  if (left < length) return "short";
  const checksum = crc32(bytes.subarray(at + 12, at + length), crc32(bytes.subarray(at, at + 8)));
  if (checksum !== bytes.readUInt32LE(at + 8)) return "damaged";
  const kind = bytes.readUInt8(at + 2);
  const flags = bytes.readUInt8(at + 3);
  const position = bytes.readDoubleLE(at + 16);
  if (kind === SEAL)
    return { record: { kind: "seal", floor: position, restart: (flags & FLAG_SOFT) !== 0 }, bytes: length };
  const wide = (flags & FLAG_WIDE) !== 0;
  const text = bytes.toString(
    wide ? "utf16le" : "latin1",
    at + RECORD_HEADER_BYTES,
    at + length - bytes.readUInt8(at + 27),
  );
  const ownPosition = (flags & FLAG_POSITIONED) === 0 ? undefined : position;
  const nonce = bytes.readUInt32LE(at + 12);
  if (kind === NOTE) return { record: { kind: "note", text, position: ownPosition, nonce }, bytes: length };
  const scopeLength = bytes.readUIntLE(at + 24, 3);
  const scope = (flags & FLAG_SCOPED) === 0 ? undefined : text.slice(0, scopeLength);
  const selector =
    kind === PREFIX && (flags & FLAG_PATTERN) !== 0
      ? patternOf(text.slice(0, scopeLength))
      : selectorOf(kind, scope, text.slice(scopeLength));
  if (selector === undefined) return "damaged";
  const soft = (flags & FLAG_SOFT) !== 0;
  const local = (flags & FLAG_LOCAL) !== 0;
  return { record: { kind: "purge", selector, soft, local, position: ownPosition, nonce }, bytes: length };
}

/** Where the next intact record begins after damage at `from`; -1 when there is none. */
export function nextIntactRecord(bytes: Buffer, from: number): number {
  for (let at = from + 1; at + RECORD_HEADER_BYTES <= bytes.length; at++) {
    if (bytes[at] === (SYNC & 0xff) && bytes[at + 1] === SYNC >> 8 && typeof parseRecord(bytes, at) === "object")
      return at;
  }
  return -1;
}

function scopeOf(selector: PurgeSelector): string | undefined {
  return selector.kind === "all" || selector.kind === "tag" ? undefined : selector.scope;
}

function textOf(selector: PurgeSelector): string {
  switch (selector.kind) {
    case "name":
      return selector.name;
    case "prefix":
      return selector.prefix;
    case "tag":
      return selector.tag;
    case "scope":
    case "all":
      return "";
  }
}

function selectorOf(kind: number, scope: string | undefined, text: string): PurgeSelector | undefined {
  switch (KINDS[kind - 1]) {
    case "name":
      return { kind: "name", name: text, scope };
    case "prefix":
      return { kind: "prefix", prefix: text, scope };
    case "scope":
      return { kind: "scope", scope: scope ?? "" };
    case "tag":
      return { kind: "tag", tag: text };
    case "all":
      return { kind: "all" };
    case undefined:
      return undefined;
  }
}

// A host has no slash, and a pattern begins with one.
function patternOf(text: string): PathSelector {
  const slash = Math.max(text.indexOf("/"), 0);
  return { kind: "path", path: text.slice(slash), scope: slash === 0 ? undefined : text.slice(0, slash) };
}
