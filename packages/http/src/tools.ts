/** The small middlewares as wrappers of a node:http handler, and the one that answers purges. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { cacheControlEdit, MAX_PURGE_CONTENT_BYTES, neverKeep, varyEdit } from "@diskcache/core";
import type {
  CacheControlDirectives,
  Forward,
  HeaderEdit,
  PageCache,
  PurgeAnswer,
  PurgerOptions,
} from "@diskcache/core";
import { headersSetOn } from "./header-groups.js";
import { beforeHead } from "./on-head.js";
import { reasonPhrase } from "./response-class.js";

/** Wraps a handler. */
export type RouteTool = (handler: RequestListener) => RequestListener;

/** Keeps the responses of a handler out of every cache: this one, browsers and proxies.
 * @example createServer(cache(never()(handler))) */
export function never(): RouteTool {
  return tool(neverStore);
}

/**
 * Adds directives to the `Cache-Control` of a handler's responses. It only shortens lifetimes, keeps `private` and
 * `no-store` of the handler, and gives an error page only directives that restrict.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the directive
 * @example createServer(cache(cacheControl({ public: true, maxAge: "5m" })(handler)))
 */
export function cacheControl(directives: CacheControlDirectives): RouteTool {
  const edit = cacheControlEdit(directives);
  return tool((_req, res) => editHead(res, edit));
}

/** Adds request header fields to the `Vary` of a handler's responses.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when one is no field name
 * @example createServer(cache(varyOn("accept-language")(handler))) */
export function varyOn(...fields: readonly string[]): RouteTool {
  const edit = varyEdit(fields);
  return tool((_req, res) => editHead(res, edit));
}

export function tool(prepare: (req: IncomingMessage, res: ServerResponse) => void): RouteTool {
  return (handler) => (req, res) => {
    prepare(req, res);
    return handler(req, res);
  };
}

/* What the small middlewares do to a node:http response: the same for every framework that has one. */

const NEVER = new WeakSet<IncomingMessage>();

/** Keeps the response to a request out of every cache: those it has passed, those it comes to, and those outside. */
export function markNever(req: IncomingMessage): void {
  NEVER.add(req);
  (req.diskCache as typeof req.diskCache | undefined)?.skip("never");
}

/** Whether a cache that the request comes to is to leave it alone. */
export function isNever(req: IncomingMessage): boolean {
  return NEVER.has(req);
}

export function neverStore(req: IncomingMessage, res: ServerResponse): void {
  markNever(req);
  editHead(res, neverKeep);
}

export function editHead(res: ServerResponse, edit: HeaderEdit): void {
  beforeHead(res, () => {
    // Other code has kept the original methods and called them.
    if (res.headersSent) return;
    const head = { status: res.statusCode, statusText: reasonPhrase(res), rawHeaders: headersSetOn(res) };
    for (const [name, value] of edit(head)) {
      if (value === undefined) res.removeHeader(name);
      else res.setHeader(name, value);
    }
  });
}

/** Purges when the response is a success, and sends nothing of it before that is done. */
export function purgeBeforeHead<Req>(purge: (native: Req) => Promise<void>, native: Req, res: ServerResponse): void {
  beforeHead(res, () => (isSuccess(res.statusCode) ? purge(native) : undefined));
}

/** Sends nothing of a response that has changed something before other machines know. */
export function holdHead(res: ServerResponse, forward: Forward): void {
  beforeHead(res, () => {
    // Other code has kept the original methods and called them.
    if (res.headersSent) return undefined;
    return forward.held({ status: res.statusCode, statusText: reasonPhrase(res), rawHeaders: headersSetOn(res) });
  });
}

/** Statuses by which a handler says that it has done what was asked: 2xx, and 3xx as after a form. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 400;
}

/*
 * A request to purge from node:http to the cache, and its answer back. Decides nothing: the core checks the token and
 * the targets.
 */

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
