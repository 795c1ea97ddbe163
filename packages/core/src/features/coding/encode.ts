/** A body in a content coding, as short as it gets in a reasonable time. Runs on Node's thread pool, piece by piece,
 * and never holds more than the coded bytes and a piece of the others. */
import { addAbortSignal, pipeline, Readable } from "node:stream";
import type { Transform } from "node:stream";
import zlib from "node:zlib";
import type { Coding } from "../../base/codings.js";
import type { BodyReader, StoreEntry } from "../../store/contract.js";

const PIECE_BYTES = 64 * 1024;
/** Up to this length brotli runs at quality 11 of 11; above it, at one that takes a tenth of the time for a tenth more
 * bytes. */
const BEST_BROTLI_BYTES = 256 * 1024;
const BEST_BROTLI = 11;
const QUICK_BROTLI = 9;
/** Of 22; the highest whose window every browser has room for (RFC 9659 §3: 8 MiB). */
const ZSTD_LEVEL = 19;

type Body = Pick<StoreEntry<unknown>, "body" | "bodyBytes" | "reader">;

/** @param entry its body is opened at once, in the turn in which it was looked up
 * @param limit more bytes than this are of no use
 * @returns `undefined` when it would be longer than `limit`
 * @throws when the body cannot be read, or `signal` says to stop */
export async function encode(
  coding: Coding,
  entry: Body,
  limit: number,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const { body, bodyBytes } = entry;
  const opened = body === undefined ? entry.reader() : undefined;
  try {
    // An encoder that is destroyed before it is read from would emit its error to no listener, which is then an
    // uncaught one.
    signal.throwIfAborted();
    const encoder = addAbortSignal(signal, encoderFor(coding, bodyBytes));
    const pieces = opened === undefined ? piecesOf(body!) : piecesRead(opened, bodyBytes);
    // What fails on the way arrives at the end of it, too.
    pipeline(Readable.from(pieces), encoder, () => undefined);
    const coded: Buffer[] = [];
    let bytes = 0;
    for await (const piece of encoder as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > limit) return undefined;
      coded.push(piece);
    }
    return Buffer.concat(coded);
  } finally {
    opened?.close();
  }
}

function* piecesOf(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; at += PIECE_BYTES) yield body.subarray(at, at + PIECE_BYTES);
}

async function* piecesRead(reader: BodyReader, bytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes;) {
    const piece = await reader.read(at, Math.min(at + PIECE_BYTES, bytes));
    if (piece.length === 0) throw new Error("the stored body is shorter than it should be");
    at += piece.length;
    // The reader reuses its buffer, while the encoder may still be reading it.
    yield Buffer.from(piece);
  }
}

function encoderFor(coding: Coding, bytes: number): Transform {
  const { constants } = zlib as ZlibWithZstd;
  if (coding === "gzip") return zlib.createGzip({ level: 9, memLevel: 9 });
  if (coding === "zstd")
    return (zlib as ZlibWithZstd).createZstdCompress({
      pledgedSrcSize: bytes,
      params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL },
    });
  return zlib.createBrotliCompress({
    params: {
      [constants.BROTLI_PARAM_QUALITY]: bytes <= BEST_BROTLI_BYTES ? BEST_BROTLI : QUICK_BROTLI,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes,
    },
  });
}

// What Node 22.15 has and the types of Node 20 do not know.
type ZlibWithZstd = typeof zlib & {
  readonly constants: { readonly ZSTD_c_compressionLevel: number };
  createZstdCompress(options: { readonly pledgedSrcSize: number; readonly params: Record<number, number> }): Transform;
};
