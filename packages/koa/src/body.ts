/** What a handler left as the body of a context, in the two forms the cache knows: bytes, or a stream. */
import { Readable } from "node:stream";
import type { Context } from "koa";

export type HandlersBody =
  | {
      readonly kind: "bytes";
      readonly bytes: Buffer;
      /** The type Koa would give it, where the handler gave none. */ readonly type?: string;
      /** Koa sends it without a type, whatever the handler gave. */ readonly bare?: true;
    }
  | { readonly kind: "stream"; readonly stream: Readable }
  /** Something only Koa knows how to send. */
  | { readonly kind: "other" };

/** Statuses whose responses have no content. */
const EMPTY: ReadonlySet<number> = new Set([204, 205, 304]);

export function handlersBody(ctx: Context): HandlersBody {
  const body: unknown = ctx.body;
  if (body === null || body === undefined) return emptyBody(ctx);
  if (typeof body === "string") return { kind: "bytes", bytes: Buffer.from(body) };
  if (body instanceof Uint8Array) return { kind: "bytes", bytes: Buffer.from(body) };
  if (body instanceof Readable) return { kind: "stream", stream: body };
  if (body instanceof Blob) return { kind: "stream", stream: Readable.fromWeb(body.stream()) };
  if (body instanceof globalThis.ReadableStream) return { kind: "stream", stream: Readable.fromWeb(body) };
  if (body instanceof Response || typeof (body as { pipe?: unknown }).pipe === "function") return { kind: "other" };
  return { kind: "bytes", bytes: Buffer.from(JSON.stringify(body)) };
}

// Without a body Koa sends the words of the status, unless the handler asked for none.
function emptyBody(ctx: Context): HandlersBody {
  const { _explicitNullBody: asked } = ctx.response as { _explicitNullBody?: boolean };
  if (asked === true || EMPTY.has(ctx.status)) return { kind: "bytes", bytes: Buffer.alloc(0), bare: true };
  const words = ctx.req.httpVersionMajor >= 2 ? "" : ctx.message;
  return { kind: "bytes", bytes: Buffer.from(words || String(ctx.status)), type: "text/plain; charset=utf-8" };
}
