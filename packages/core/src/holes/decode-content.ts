/** The content of a response that was encoded on its way to the cache (RFC 9110 §8.4): holes are found in the plain text only. */
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import { fieldLines, listMembers } from "../http/fields.js";
import type { RawHeaders } from "../base/exchange.js";

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
