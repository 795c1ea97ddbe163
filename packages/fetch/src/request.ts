/** A web `Request` as the cache sees it, and the one its handler is given. Decides nothing about HTTP. */
import { contentDigest, EVERY, MAX_KEYED_CONTENT_BYTES } from "@diskcache/core";
import type { Forward, HandlerDirectives, PageCache, Reads, RequestHead, ResolvedPolicy } from "@diskcache/core";

/** The request that a handler is given. */
export type CachedRequest = Request & {
  /**
   * What a handler may say about its response to the cache: `.ttl()`, `.tag()`, `.skip()`, `.vary()`, `.partition()`,
   * `.hole()`, `.fragment()`.
   */
  readonly diskCache: HandlerDirectives;
};

/**
 * The head: a Request has no socket, so the host is that of its URL. A `Host` field that names another one is part of
 * the key as well: the handler may read either.
 */
export function headOf(request: Request): RequestHead {
  const { scheme, host, target } = partsOf(request.url);
  const headers = Object.create(null) as Record<string, string>;
  const rawHeaders = ["host", host];
  headers["host"] = host;
  let other: string | undefined;
  plainFields(request).forEach((value, name) => {
    if (name === "host") {
      if (value !== host) other = value;
      return;
    }
    headers[name] = value;
    rawHeaders.push(name, value);
  });
  const head = { method: request.method, target, scheme, headers, rawHeaders };
  // Two lines in one: the application may read either.
  if (other?.includes(",") === true) rawHeaders.push("host", other);
  return other === undefined || withoutDefaultPort(other, scheme) === host
    ? head
    : { ...head, rewritten: `//${other}${target}` };
}

export interface UrlParts {
  readonly scheme: string;
  readonly host: string;
  /** Path and query. */
  readonly target: string;
}

/** @param url of a Request, which is whole and spelled in one way */
export function partsOf(url: string): UrlParts {
  const host = url.indexOf("://") + 3;
  const path = url.indexOf("/", host);
  if (host < 3 || path < 0) {
    const { protocol, host: named, pathname, search } = new URL(url);
    return { scheme: protocol.slice(0, -1), host: named, target: pathname + search };
  }
  const fragment = url.indexOf("#", path);
  const target = fragment < 0 ? url.slice(path) : url.slice(path, fragment);
  return { scheme: url.slice(0, host - 3), host: url.slice(host, path), target };
}

function withoutDefaultPort(host: string, scheme: string): string {
  return host.toLowerCase().replace(scheme === "https" ? /:443$/ : /:80$/, "");
}

/** The head with its content, where that is part of the key. The handler still finds the content in the request. */
export function keyedHead<Native>(
  cache: PageCache<Native>,
  request: Request,
  policy: ResolvedPolicy | undefined,
): RequestHead | Promise<RequestHead> {
  const head = headOf(request);
  if (!cache.keysContent(head, policy)) return head;
  return digestOf(request).then((digest) => (digest === undefined ? head : { ...head, contentDigest: digest }));
}

/** @returns `undefined` for content that is too long, that other code has read, or that does not arrive */
export async function digestOf(request: Request): Promise<string | undefined> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > MAX_KEYED_CONTENT_BYTES || isSpent(request)) return undefined;
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  try {
    const { body } = request.clone();
    if (body !== null) {
      for await (const piece of body as ReadableStream<Uint8Array>) {
        bytes += piece.byteLength;
        if (bytes > MAX_KEYED_CONTENT_BYTES) return undefined;
        pieces.push(piece);
      }
    }
  } catch {
    return undefined;
  }
  return contentDigest(Buffer.concat(pieces));
}

function isSpent({ body, bodyUsed }: Request): boolean {
  return bodyUsed || body?.locked === true;
}

/**
 * The request for the handler of a forward: without the conditions that the cache answers itself, and without the
 * signal by which the client leaves. A request that the cache leaves alone is handed on as it came.
 * @param current what came to the cache, with its content
 * @param client the request as the client sent it, whose fields count
 */
export function requestFor(current: Request, client: Request, forward: Forward, signal: AbortSignal): Request {
  const { requestChanges, plan } = forward;
  const { remove, set } = requestChanges;
  if (plan.page === undefined && remove.length === 0 && set.length === 0 && current === client) return current;
  const headers = new Headers(plainFields(client));
  for (const name of remove) headers.delete(name);
  for (const [name, value] of set) headers.set(name, value);
  // From its parts: what a server hands on may only look like a Request.
  const { url, method, body } = current;
  const init = { method, headers, signal };
  if (body === null || isSpent(current)) return new Request(url, init);
  return new Request(url, { ...init, body, duplex: "half" });
}

/** The same on the request itself, for frameworks that hand no other one on. */
export function changeRequest(request: Request, { requestChanges }: Forward, signal: AbortSignal): void {
  for (const name of requestChanges.remove) request.headers.delete(name);
  for (const [name, value] of requestChanges.set) request.headers.set(name, value);
  Object.defineProperty(request, "signal", { configurable: true, enumerable: true, value: signal });
}

/** The fields behind the views: for the cache itself, to read without being noted. */
const PLAIN = new WeakMap<Request, Headers>();

function plainFields(request: Request): Headers {
  return PLAIN.get(request) ?? request.headers;
}

/** Puts a view in place of the fields, which notes the names of those that the handler reads. */
export function watchFields(request: Request, reads: Reads): void {
  const headers = plainFields(request);
  PLAIN.set(request, headers);
  const view = new Proxy(headers, {
    get: (fields, name) => {
      const value: unknown = Reflect.get(fields, name, fields);
      if (typeof value !== "function") return value;
      return (...given: unknown[]): unknown => {
        if (name === "get" || name === "has") reads.field(String(given[0]));
        else if (READING_ALL.has(name)) reads.field(EVERY);
        return Reflect.apply(value, fields, given);
      };
    },
  });
  Object.defineProperty(request, "headers", { configurable: true, enumerable: true, value: view });
}

const READING_ALL: ReadonlySet<string | symbol> = new Set([
  "entries",
  "forEach",
  "keys",
  "values",
  Symbol.iterator as symbol,
]);
