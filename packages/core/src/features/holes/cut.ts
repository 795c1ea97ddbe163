/** Markers: what they look like, and where they are in a body or in a field. Finds them by their token alone, so
 * nothing that a client can write is one. */
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import type { RawHeaders } from "../../base/exchange.js";
import { fieldLines, listMembers } from "../../http/fields.js";
import type { StoredHoles } from "../../stored/stored-response.js";

/** A text between its holes. */
export interface Cut {
  /** One more than there are holes. */
  readonly pieces: readonly Buffer[];
  /** The name of the hole after each piece but the last. */
  readonly names: readonly string[];
}

const PREFIX = "hole";
const INDEX_DIGITS = 2;
const INDEX = /^[0-9a-f]{2}$/;

/** Letters and digits alone: it passes through templates, escaping and attributes unchanged, and a header field may
 * hold it.
 * @example
 * markerOf("0123456789abcdef0123456789abcdef", 1); // "hole0123456789abcdef0123456789abcdef01" */
export function markerOf(token: string, index: number): string {
  return PREFIX + token + index.toString(16).padStart(INDEX_DIGITS, "0");
}

export function cut(body: Buffer, { token, names }: StoredHoles): Cut {
  const prefix = PREFIX + token;
  const pieces: Buffer[] = [];
  const found: string[] = [];
  let start = 0;
  for (let at = body.indexOf(prefix); at !== -1; at = body.indexOf(prefix, at + prefix.length)) {
    const end = at + prefix.length + INDEX_DIGITS;
    const index = body.toString("latin1", at + prefix.length, end);
    const name = INDEX.test(index) ? names[Number.parseInt(index, 16)] : undefined;
    if (name === undefined) continue;
    pieces.push(body.subarray(start, at));
    found.push(name);
    start = end;
  }
  pieces.push(body.subarray(start));
  return { pieces, names: found };
}

/** @param values by name */
export function join({ pieces, names }: Cut, values: ReadonlyMap<string, string>): Buffer {
  return Buffer.concat(
    pieces.flatMap((piece, index) =>
      index < names.length ? [piece, Buffer.from(values.get(names[index]!) ?? "")] : [piece],
    ),
  );
}

/* The content of a response that was encoded on its way to the cache (RFC 9110 §8.4): holes are found in the plain
 * text only. */

type Decode = (content: Buffer) => Promise<Buffer>;

const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ["gzip", promisify<Buffer, Buffer>(gunzip)],
  ["x-gzip", promisify<Buffer, Buffer>(gunzip)],
  ["deflate", promisify<Buffer, Buffer>(inflate)],
  ["br", promisify<Buffer, Buffer>(brotliDecompress)],
]);

/** The codings that were applied, in their order; none for plain content. */
export function contentCodings(raw: RawHeaders): readonly string[] {
  return listMembers(fieldLines(raw, "content-encoding"))
    .map((coding) => coding.toLowerCase())
    .filter((coding) => coding !== "identity");
}

/** @throws {Error} rejects when a coding is unknown or the content is not in it */
export async function decodeContent(codings: readonly string[], content: Buffer): Promise<Buffer> {
  let plain = content;
  for (const coding of [...codings].reverse()) {
    const decode = DECODERS.get(coding);
    if (decode === undefined) throw new Error(`content coding ${coding} is unknown here`);
    plain = await decode(plain);
  }
  return plain;
}
