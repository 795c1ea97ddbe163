/**
 * A page as machines share it: the bytes of its file, sealed as files are, behind what an engine has to know of it. Its
 * birth is a place on the chain instead of a position of a log: the number of the place, and as epoch its mark.
 * Never touches a file or an engine, never throws on what it reads.
 *
 * ```
 *   0  8 bytes   random: which page this is; the pieces of a long one are named by it
 *   8  u64       number of the place on the chain, big-endian: of two pages, the one that was begun later
 *  16  f64       for how many milliseconds it was put there
 *  24  f64       how many milliseconds before that it was made
 *  32  file: preamble, head, body up to 262144 bytes, table. A longer body is kept in pieces of that length.
 * ```
 */
import { hash, randomBytes } from "node:crypto";
import { BodyChecksum, CHUNK_BYTES, SealedBody } from "../store/entries/body-cover.js";
import type { BodyCover } from "../store/entries/body-cover.js";
import {
  checksumOf,
  decodeEntryHead,
  decodePreamble,
  encodeEntryHead,
  PREAMBLE_BYTES,
  tableBytesOf,
} from "../store/entries/format.js";
import type { DecodedEntry } from "../store/entries/format.js";
import type { EntrySeal, Seals } from "../store/entries/seal.js";
import type { EntryHead } from "../store/contract.js";
import type { Stand } from "../store/log/chain-notes.js";

const TOKEN_BYTES = 8;
const NUMBER_AT = 8;
const FOR_AT = 16;
const AGE_AT = 24;
/** What an engine compares: which page it is, and when it was begun. */
const BEGINNING_BYTES = 16;
const FILE_AT = 32;
/** Digits of a mark's hash that are exact in a double. */
const MARK_DIGITS = 13;

/** How a page is known to an engine. */
export function nameOf(key: string): string {
  return hash("sha256", key);
}

/** How long a page may be kept by an engine, and how old it is when it gets there, milliseconds. */
export interface Lifetime {
  readonly forMs: number;
  readonly ageMs: number;
}

/** Makes the bytes of one page: its pieces, if it is long, and then the rest. */
export class PageWriter {
  readonly token = randomBytes(TOKEN_BYTES);
  readonly #head: EntryHead;
  readonly #place: Stand;
  readonly #seal: EntrySeal | undefined;
  readonly #cover: BodyCover;
  #body: Buffer[] = [];
  #bodyBytes = 0;

  constructor(head: EntryHead, place: Stand, seals: Seals | undefined) {
    this.#head = { ...head, birth: place.number };
    this.#place = place;
    this.#seal = seals?.begin(pathOf(nameOf(head.key)));
    this.#cover = this.#seal === undefined ? new BodyChecksum() : new SealedBody(this.#seal);
  }

  /** The next of the body, as it is kept: `CHUNK_BYTES` of it, or the last. */
  piece(bytes: Buffer): Buffer {
    this.#bodyBytes += bytes.length;
    return this.#cover.update(bytes);
  }

  /** A body that is short enough to be kept with its head. */
  whole(body: Buffer): void {
    this.#body = [this.piece(body)];
  }

  /** What is kept under the name of the page; `undefined` when its head is too long. */
  end({ forMs, ageMs }: Lifetime): Buffer | undefined {
    const { checksum, table } = this.#cover.end();
    const bytes = encodeEntryHead(this.#head, {
      epoch: epochOf(this.#place.mark),
      bodyBytes: this.#bodyBytes,
      bodyChecksum: checksum,
      bodyOffset: undefined,
      seal: this.#seal,
    });
    if (bytes === undefined) return undefined;
    const beginning = Buffer.alloc(FILE_AT);
    this.token.copy(beginning);
    beginning.writeBigUInt64BE(BigInt(this.#place.number), NUMBER_AT);
    beginning.writeDoubleBE(forMs, FOR_AT);
    beginning.writeDoubleBE(ageMs, AGE_AT);
    return Buffer.concat([beginning, bytes, ...this.#body, table]);
  }
}

/** A page as it was found. */
export class SharedPage {
  /** Born at a place of the chain. */
  readonly head: EntryHead;
  readonly bodyBytes: number;
  /** The pieces of a long page are named by it. */
  readonly token: string;
  /** What it begins with: no other page does. */
  readonly beginning: Buffer;
  /** How old it is, milliseconds. */
  readonly ageMs: number;
  readonly #decoded: DecodedEntry;
  readonly #bytes: Buffer;
  readonly #table: Buffer;

  private constructor(bytes: Buffer, leftMs: number, decoded: DecodedEntry, table: Buffer) {
    this.#bytes = bytes;
    this.#decoded = decoded;
    this.#table = table;
    this.head = decoded.head;
    this.bodyBytes = decoded.preamble.bodyBytes;
    this.beginning = bytes.subarray(0, BEGINNING_BYTES);
    this.token = bytes.toString("hex", 0, TOKEN_BYTES);
    this.ageMs = Math.max(0, bytes.readDoubleBE(FOR_AT) - leftMs) + bytes.readDoubleBE(AGE_AT);
  }

  /** `undefined` for bytes that are not the page of this key, as a machine with our secret has made it.
   * @param leftMs for how long the engine keeps it still */
  static read(key: string, bytes: Buffer, leftMs: number, seals: Seals | undefined): SharedPage | undefined {
    if (bytes.length < FILE_AT + PREAMBLE_BYTES) return undefined;
    const file = bytes.subarray(FILE_AT);
    const preamble = decodePreamble(file, file.length);
    if (typeof preamble === "string") return undefined;
    const kept = preamble.bodyBytes > CHUNK_BYTES ? 0 : preamble.bodyBytes;
    const tableAt = preamble.bodyOffset + kept;
    const tableBytes = tableBytesOf(preamble);
    if (file.length !== tableAt + tableBytes) return undefined;
    const fileBytes = preamble.bodyOffset + preamble.bodyBytes + tableBytes;
    const decoded = decodeEntryHead(file, file.length, fileBytes, pathOf(nameOf(key)), seals);
    if (typeof decoded === "string" || decoded.head.key !== key) return undefined;
    if (bytes.readBigUInt64BE(NUMBER_AT) !== BigInt(decoded.head.birth)) return undefined;
    const table = file.subarray(tableAt);
    // Tags need no verification of their own: each is valid for one piece of one page.
    if (decoded.seal === undefined && tableBytes > 0 && checksumOf(table) !== preamble.bodyChecksum) return undefined;
    const page = new SharedPage(bytes, leftMs, decoded, table);
    return Number.isFinite(page.ageMs) ? page : undefined;
  }

  /** What a page begins with, read no further; `undefined` for bytes that are none. */
  static beginningOf(bytes: Buffer): Buffer | undefined {
    return bytes.length < FILE_AT ? undefined : bytes.subarray(0, BEGINNING_BYTES);
  }

  /** Pieces that its body is kept in; 0 when it is kept with its head. */
  get pieces(): number {
    return this.bodyBytes > CHUNK_BYTES ? Math.ceil(this.bodyBytes / CHUNK_BYTES) : 0;
  }

  /** Whether it was begun where the chain had this mark at that number. */
  isFrom({ mark }: Stand): boolean {
    return this.#decoded.preamble.epoch === epochOf(mark);
  }

  /** A body that is kept with its head; `undefined` when it is damaged. */
  body(): Buffer | undefined {
    const { bodyOffset } = this.#decoded.preamble;
    const at = FILE_AT + bodyOffset;
    const kept = this.#bytes.subarray(at, at + this.bodyBytes);
    return this.bodyBytes === 0 ? Buffer.alloc(0) : this.#opened(0, kept);
  }

  /** A piece of a body; `undefined` when it is damaged. */
  piece(index: number, kept: Buffer): Buffer | undefined {
    const length = Math.min(CHUNK_BYTES, this.bodyBytes - index * CHUNK_BYTES);
    return kept.length === length ? this.#opened(index, kept) : undefined;
  }

  #opened(index: number, kept: Buffer): Buffer | undefined {
    const { preamble, seal } = this.#decoded;
    if (seal !== undefined) {
      const tag = this.#table.subarray(index * seal.tagBytes, (index + 1) * seal.tagBytes);
      return seal.openChunk(index, kept, tag);
    }
    const expected = this.pieces === 0 ? preamble.bodyChecksum : this.#table.readUInt32LE(index * 4);
    return checksumOf(kept) === expected ? kept : undefined;
  }
}

/** Where the page of that name would lie in any directory: what its seal covers. */
function pathOf(name: string): string {
  return `${name.slice(0, 2)}/${name.slice(2)}`;
}

function epochOf(mark: string): number {
  return Number.parseInt(hash("sha256", mark).slice(0, MARK_DIGITS), 16);
}
