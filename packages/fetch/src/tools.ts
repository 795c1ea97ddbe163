/** The small middlewares as wrappers of a handler, and the handler that takes purges. */
import {
  cacheControlEdit,
  isDecorating,
  MAX_PURGE_CONTENT_BYTES,
  methodDecoration,
  neverKeep,
  varyEdit,
} from "@diskcache/core";
import type { CacheControlDirectives, HeaderEdit, MethodDecoration, PageCache, PurgerOptions } from "@diskcache/core";
import { isSuccess } from "@diskcache/http";
import { passageOf } from "./passages.js";
import type { CachedRequest } from "./request.js";

/** A handler, with whatever its server hands on beside the request. */
// oxlint-disable-next-line typescript/no-explicit-any -- methods of any class may be decorated, under any server
export type Handler = (this: any, request: CachedRequest, ...context: any[]) => Response | Promise<Response>;

/** Wraps a handler, or decorates a method `(request, …)`. */
export type RouteTool = MethodDecoration<Handler> & WrapHandler;

/** Wraps a handler. */
export type WrapHandler = <Rest extends readonly unknown[]>(
  handler: (request: CachedRequest, ...context: Rest) => Response | Promise<Response>,
) => (request: Request, ...context: Rest) => Promise<Response>;

/** Keeps the responses of a handler out of every cache: this one, browsers and proxies.
 * @example const account = never()(async () => new Response("…")) */
export function never(): RouteTool {
  return tool(async (request, inward) => {
    markNever(request);
    return edited(await inward(), neverKeep);
  });
}

/**
 * Adds directives to the `Cache-Control` of a handler's responses. It only shortens lifetimes, keeps `private` and
 * `no-store` of the handler, and gives an error page only directives that restrict.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` naming the directive
 * @example const prices = cacheControl({ public: true, maxAge: "1m" })(async () => Response.json({}))
 */
export function cacheControl(directives: CacheControlDirectives): RouteTool {
  return editing(cacheControlEdit(directives));
}

/** Adds request header fields to the `Vary` of a handler's responses.
 * @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when one is no field name
 * @example const page = varyOn("accept-language")(async (request) => new Response("…")) */
export function varyOn(...fields: readonly string[]): RouteTool {
  return editing(varyEdit(fields));
}

/** Purges when the response is a success, and hands on nothing of it before that is done. */
export function purging(purge: (request: Request) => Promise<void>): RouteTool {
  return tool(async (request, inward) => {
    const response = await inward();
    if (isSuccess(response.status)) await purge(request);
    return response;
  });
}

/** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` for a token that could be guessed */
export function purgeHandler<Native>(
  cache: PageCache<Native>,
  options: PurgerOptions,
): (request: Request) => Promise<Response> {
  const decide = cache.purger(options);
  return async (request) => {
    const { method } = request;
    const authorization = request.headers.get("authorization") ?? undefined;
    const { status, headers, body } = await decide({ method, authorization, content: () => contentOf(request) });
    return new Response(body ?? null, { status, headers: headers as Record<string, string> });
  };
}

async function contentOf({ body }: Request): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  if (body !== null) {
    for await (const piece of body as ReadableStream<Uint8Array>) {
      bytes += piece.byteLength;
      if (bytes > MAX_PURGE_CONTENT_BYTES) throw new RangeError("too long");
      pieces.push(piece);
    }
  }
  return Buffer.concat(pieces).toString();
}

const NEVER = new WeakSet<Request>();

/** Keeps the response to a request out of every cache: those it has passed, and those it comes to. */
export function markNever(request: Request): void {
  NEVER.add(request);
  for (let at = passageOf(request); at !== undefined; at = at.around) at.forward.directives.skip("never");
}

/** Whether a cache that the request comes to is to leave it alone. */
export function isNever(request: Request): boolean {
  return NEVER.has(request);
}

export function edited(response: Response, edit: HeaderEdit): Response {
  const { status, statusText, headers, body } = response;
  const changes = edit({ status, statusText, rawHeaders: [...headers].flat() });
  if (changes.length === 0) return response;
  try {
    change(headers, changes);
    return response;
  } catch {
    // The fields of some responses, such as redirects, are immutable.
    const copy = new Headers(headers);
    change(copy, changes);
    return new Response(body, { status, statusText, headers: copy });
  }
}

function change(headers: Headers, changes: ReturnType<HeaderEdit>): void {
  for (const [name, value] of changes) {
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
  }
}

function editing(edit: HeaderEdit): RouteTool {
  return tool(async (_request, inward) => edited(await inward(), edit));
}

function tool(around: (request: Request, inward: () => Promise<Response>) => Promise<Response>): RouteTool {
  const wrap = (handler: Handler): Handler =>
    function surrounded(this: unknown, request, ...context) {
      return around(request, async () => handler.call(this, request, ...context));
    };
  const decoration = methodDecoration<Handler>(wrap) as (...given: unknown[]) => unknown;
  return ((first: unknown, second: unknown, third: unknown) =>
    isDecorating(first, second) ? decoration(first, second, third) : wrap(first as Handler)) as unknown as RouteTool;
}
