/** An incoming message as the cache sees it. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { contentDigest, MAX_KEYED_CONTENT_BYTES } from "@diskcache/core";
import type { Forward, PageCache, RequestHead, ResolvedPolicy } from "@diskcache/core";
import { changedFields } from "./changed-fields.js";
import { http2Fields, isHttp2Received, isHttp2Request } from "./http2-request.js";
import { schemeOf } from "./server.js";
import { plainFields } from "./watch-request.js";

/**
 * Where a framework has mounted the application of this request, if it does not say so on the request itself (Express
 * does: `baseUrl`).
 */
const MOUNTS = new WeakMap<IncomingMessage, string>();

/**
 * Notes where the application is mounted: its requests have a shorter `url` than the target, without having been
 * rewritten.
 */
export function mountedAt(req: IncomingMessage, path: string): void {
  MOUNTS.set(req, path);
}

/**
 * What middleware has put in the place of the target; `undefined` where it is as received, or only without the path of
 * the mount.
 * @param target the request target as received
 */
export function rewrittenTarget(req: IncomingMessage, target: string): string | undefined {
  const { url = "", baseUrl = MOUNTS.get(req) ?? "" } = req as { readonly url?: string; readonly baseUrl?: string };
  // Below a mount it is as received only by chance: a target was put in its place, and the mount took that away again.
  if (url === target && (baseUrl === "" || baseUrl === "/")) return undefined;
  // At exactly the path of the mount there is no slash to keep.
  const isMounted = baseUrl + url === target || (url.startsWith("/") && baseUrl + url.slice(1) === target);
  return isMounted ? undefined : baseUrl + url;
}

/** @param target the request target as received, where the framework has rewritten `url` */
export function requestHead(req: IncomingMessage, target: string = req.url ?? ""): RequestHead {
  const plain = plainFields(req);
  const { headers, rawHeaders } = isHttp2Request(req) ? http2Fields(req, plain) : plain;
  const rewritten = rewrittenTarget(req, target);
  const changed = changedFields(req);
  const head = { method: req.method ?? "", target, scheme: schemeOf(req), headers, rawHeaders };
  if (rewritten === undefined && changed === undefined) return head;
  const lines = changed && { rawHeaders: [...rawHeaders, ...changed], received: rawHeaders };
  return { ...head, ...lines, ...(rewritten !== undefined && { rewritten }) };
}

/* A request as the cache sees it, with its content where that is part of the key. */

/** Synchronous, unless the content has to be read first.
 * @param target the request target as received
 * @param policy the route's own */
export function keyedRequest<Req>(
  cache: PageCache<Req>,
  req: IncomingMessage,
  target: string,
  policy?: ResolvedPolicy,
): RequestHead | Promise<RequestHead> {
  const request = requestHead(req, target);
  if (!cache.keysContent(request, policy)) return request;
  return readContent(req, MAX_KEYED_CONTENT_BYTES).then((content) =>
    content === undefined ? request : { ...request, contentDigest: contentDigest(content) },
  );
}

/** The request of the current forward, for a route that may key its content although nothing before it did. */
export function routedRequest<Req>(
  cache: PageCache<Req>,
  { plan }: Forward,
  req: IncomingMessage,
  target: string,
  policy: ResolvedPolicy,
): RequestHead | Promise<RequestHead> {
  return plan.request.contentDigest === undefined ? keyedRequest(cache, req, target, policy) : plan.request;
}

/** The request for a cache inside another one, which may have read the content already. */
export function nestedRequest<Req>(
  cache: PageCache<Req>,
  { plan }: Forward,
  req: IncomingMessage,
  target: string,
  policy?: ResolvedPolicy,
): RequestHead | Promise<RequestHead> {
  const { contentDigest: digest } = plan.request;
  if (digest === undefined) return keyedRequest(cache, req, target, policy);
  return { ...requestHead(req, target), contentDigest: digest };
}

/**
 * The whole content, which the handler still finds in the request; `undefined` when it is longer than `limit`, was read
 * by other code, or does not arrive.
 */
function readContent(req: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const untouched = req.readableFlowing === null && !req.readableDidRead && req.readableEncoding === null;
  if (!untouched || req.destroyed || Number(req.headers["content-length"] ?? 0) > limit)
    return Promise.resolve(undefined);
  // Nothing to read, and nothing may be read: reading would end the stream before the handler listens.
  if (isReceived(req) && req.readableLength === 0) return Promise.resolve(Buffer.alloc(0));
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (whole: boolean): void => {
      req.off("readable", read).off("close", left).off("error", left);
      const content = Buffer.concat(chunks);
      // In the same turn as the last read: the stream has not emitted its end, and goes on as if it had not been read.
      if (bytes > 0) req.unshift(content);
      resolve(whole ? content : undefined);
    };
    const left = (): void => settle(false);
    const read = (): void => {
      while (req.readableLength > 0) {
        const chunk = req.read() as Buffer;
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > limit) return settle(false);
      }
      if (isReceived(req)) settle(true);
    };
    req.on("readable", read).on("close", left).on("error", left);
  });
}

function isReceived(req: IncomingMessage): boolean {
  return isHttp2Request(req) ? isHttp2Received(req) : req.complete;
}

/* The conditions a handler sees in place of the client's own, and the request as it was received. */

/** There were no conditions, or they were left alone. */
export const NOTHING_TO_UNDO = (): void => undefined;

/** @param headers of the request, the originals and not the view of a watched handler
 * @returns restores the client's own, for code that answers in the cache's place; changes made since stay */
export function applyRequestChanges(headers: IncomingHttpHeaders, { requestChanges }: Forward): () => void {
  const { remove, set } = requestChanges;
  if (remove.length === 0 && set.length === 0) return NOTHING_TO_UNDO;
  const own = new Map([...remove, ...set.map(([name]) => name)].map((name) => [name, headers[name]]));
  for (const name of remove) delete headers[name];
  for (const [name, value] of set) headers[name] = value;
  const given = new Map<string, unknown>(set);
  return () => {
    for (const [name, value] of own) {
      if (headers[name] !== given.get(name)) continue;
      if (value === undefined) delete headers[name];
      else headers[name] = value;
    }
  };
}

/**
 * For when another exchange answers in the place of this one: fields removed for this one are restored, and those added
 * are removed.
 */
export function withdrawRequestChanges(req: IncomingMessage, { requestChanges, plan }: Forward): void {
  const { headers } = plan.request;
  for (const name of [...requestChanges.remove, ...requestChanges.set.map(([set]) => set)]) {
    if (headers[name] === undefined) delete req.headers[name];
    else req.headers[name] = headers[name] as string;
  }
}
