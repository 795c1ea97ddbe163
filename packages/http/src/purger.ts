/**
 * A request to purge from node:http to the cache, and its answer back. Decides nothing: the core checks the token and
 * the targets.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { MAX_PURGE_CONTENT_BYTES } from "@diskcache/core";
import type { PageCache, PurgeAnswer, PurgerOptions } from "@diskcache/core";

/** Answers a request to purge, whose content other middleware may have parsed already. */
export type AnswerPurge = (req: IncomingMessage, parsed: unknown) => Promise<PurgeAnswer>;

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for a token that could be guessed */
export function answerPurges<Req>(cache: PageCache<Req>, options: PurgerOptions): AnswerPurge {
  const decide = cache.purger(options);
  return (req, parsed) =>
    decide({
      method: req.method ?? "",
      authorization: req.headers.authorization,
      content: () => contentOf(req, parsed),
    });
}

export function purgeListener<Req>(cache: PageCache<Req>, options: PurgerOptions): RequestListener {
  const answers = answerPurges(cache, options);
  return (req, res) =>
    void answers(req, (req as { readonly body?: unknown }).body).then((answer) => sendPurgeAnswer(res, answer));
}

function sendPurgeAnswer(res: ServerResponse, { status, headers, body }: PurgeAnswer): void {
  res.writeHead(status, headers).end(body);
}

// Where no middleware has read the content before, it is read here.
async function contentOf(req: IncomingMessage, parsed: unknown): Promise<unknown> {
  if (req.readableEnded) return Buffer.isBuffer(parsed) ? parsed.toString() : parsed;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<string | Buffer>) {
    const piece = Buffer.from(chunk as string);
    bytes += piece.length;
    if (bytes > MAX_PURGE_CONTENT_BYTES) throw new RangeError("too long");
    chunks.push(piece);
  }
  return Buffer.concat(chunks).toString();
}
