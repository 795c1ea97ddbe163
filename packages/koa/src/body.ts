/** What a handler left as the body of a context, read as the installed Koa is going to send it.
 * Never opens, locks or consumes it: that is for the code that takes the body. */
import { ServerResponse } from "node:http";
import { Readable, Stream } from "node:stream";
import type { Departure } from "@diskcache/http";
import type { Context, Response as KoaResponse } from "koa";

export type HandlersBody =
  | {
      readonly kind: "bytes";
      readonly bytes: Buffer;
      /** Koa makes it, and these changes to the fields, when it responds: the context keeps what the handler gave. */
      readonly byKoa?: FieldChanges;
    }
  | {
      readonly kind: "stream";
      /** Call it once, and only when the cache takes the body. */
      open(): Readable;
      /** The client gets another answer, and this one is not used. */
      discard(): void;
      /** Koa sends it; `act` is called when it fails. */
      whenItFails(act: () => void): void;
    }
  /** A body that only Koa can send, or that Koa fails to send. */
  | { readonly kind: "other" };

export interface FieldChanges {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

/** Statuses whose responses have no content. */
export const CONTENTLESS: ReadonlySet<number> = new Set([204, 205, 304]);

const OTHER: HandlersBody = Object.freeze({ kind: "other" });

export function handlersBody(ctx: Context): HandlersBody {
  const body: unknown = ctx.body;
  if (CONTENTLESS.has(ctx.status)) return NO_CONTENT;
  if (body === null || body === undefined) return withoutBody(ctx);
  if (typeof body === "string") return { kind: "bytes", bytes: Buffer.from(body) };
  if (Buffer.isBuffer(body)) return { kind: "bytes", bytes: Buffer.from(body) };
  return (typeof body === "object" ? streamed(ctx, body) : undefined) ?? json(body);
}

const NO_CONTENT: HandlersBody = Object.freeze({
  kind: "bytes",
  bytes: Buffer.alloc(0),
  byKoa: { set: [], remove: ["Content-Type", "Content-Length", "Transfer-Encoding"] },
});

const EXPLICIT_NULL: HandlersBody = Object.freeze({
  kind: "bytes",
  bytes: Buffer.alloc(0),
  byKoa: { set: [["Content-Length", "0"]] as const, remove: ["Content-Type", "Transfer-Encoding"] },
});

// Without a body Koa sends the reason phrase, unless the handler set `null` explicitly.
function withoutBody(ctx: Context): HandlersBody {
  const { _explicitNullBody: asked } = ctx.response as { _explicitNullBody?: boolean };
  if (asked === true) return EXPLICIT_NULL;
  const words = ctx.req.httpVersionMajor >= 2 ? String(ctx.status) : ctx.message || String(ctx.status);
  const bytes = Buffer.from(words);
  const type = ["Content-Type", "text/plain; charset=utf-8"] as const;
  const length = ["Content-Length", String(bytes.length)] as const;
  const set = ctx.res.hasHeader("Transfer-Encoding") ? [type] : [type, length];
  return { kind: "bytes", bytes, byKoa: { set, remove: [] } };
}

function streamed(ctx: Context, body: object): HandlersBody | undefined {
  if (body instanceof Blob) return sendsTheWebs(ctx) ? webStream(() => body.stream()) : undefined;
  if (body instanceof ReadableStream) return sendsTheWebs(ctx) ? webStreamOf(body) : undefined;
  if (body instanceof Response) return sendsTheWebs(ctx) ? webStreamOf(body.body) : undefined;
  if (!(body instanceof Stream) && !(looksLikeStream(body) && sendsTheWebs(ctx))) return undefined;
  if (!isReadable(body)) return OTHER;
  return {
    kind: "stream",
    open: () => body,
    discard: () => void body.destroy(),
    whenItFails: (act) => whenItFails(ctx, body, act),
  };
}

/** Calls `act` when a body fails that is sent, or that something outside reads: one that was replaced there and that
 * nothing reads concerns no client. */
export function whenItFails(ctx: Context, body: Readable, act: () => void): void {
  body.once("error", () => {
    if (ctx.body === body || body.readableFlowing !== null) act();
  });
}

// A stream that other code reads already is left to Koa, which fails.
function webStreamOf(stream: ReadableStream | null): HandlersBody {
  return stream?.locked === true
    ? OTHER
    : webStream(
        () => stream,
        () => void stream?.cancel().catch(() => undefined),
      );
}

function webStream(stream: () => unknown, discard: () => void = () => undefined): HandlersBody {
  // As Koa does it: pieces may be bytes or strings.
  const open = (): Readable => Readable.from((stream() ?? "") as AsyncIterable<unknown>);
  // The versions of Koa that send it break the connection themselves.
  return { kind: "stream", open, discard, whenItFails() {} };
}

// Streams of the npm package readable-stream are not of Node's class. Older ones have only `pipe`; some have a `pipe`
// of their own.
function isReadable(body: object): body is Readable {
  if (body instanceof Readable) return true;
  const { destroy, [Symbol.asyncIterator]: iterate } = body as Partial<Readable>;
  return typeof destroy === "function" && typeof iterate === "function";
}

// What Koa 3 treats as a stream although it is not of Node's class.
function looksLikeStream(body: object): boolean {
  const { readable, pipe, read, readableObjectMode, destroy, destroyed } = body as Partial<Readable>;
  return (
    readable === true &&
    typeof readableObjectMode === "boolean" &&
    typeof destroyed === "boolean" &&
    [pipe, read, destroy].every((method) => typeof method === "function")
  );
}

// A body that cannot be serialised as JSON fails in Koa as it would without the cache.
function json(body: unknown): HandlersBody {
  try {
    const text = JSON.stringify(body) as string | undefined;
    return text === undefined ? OTHER : { kind: "bytes", bytes: Buffer.from(text) };
  } catch {
    return OTHER;
  }
}

const SENDS_THE_WEBS = new WeakMap<object, boolean>();

/** Whether this Koa sends the web's body types: Koa 2 treats them as plain objects.
 * Its setter shows that, on a response that is never sent. */
function sendsTheWebs({ app, req }: Context): boolean {
  let known = SENDS_THE_WEBS.get(app.response);
  if (known === undefined) {
    const probe = Object.assign(Object.create(app.response) as KoaResponse, { req, res: new ServerResponse(req) });
    probe.body = new Blob([]);
    SENDS_THE_WEBS.set(app.response, (known = probe.type !== "application/json"));
  }
  return known;
}

/**
 * Koa's own setter listens to the connection for each stream it is given, and destroys the stream when the connection
 * ends. Neither may stop a handler: streams are spared while their response goes on without its client.
 * @param spared those that would have been destroyed
 */
export function watchBody({ response }: Context, departure: Departure, spared: Set<Readable>): void {
  const inherited = Object.getPrototypeOf(response) as object;
  Object.defineProperty(response, "body", {
    configurable: true,
    enumerable: true,
    get: () => Reflect.get(inherited, "body", response) as unknown,
    set(body: unknown) {
      if (body instanceof Readable) spare(body, departure, spared);
      departure.expecting(() => Reflect.set(inherited, "body", body, response));
    },
  });
}

function spare(stream: Readable, departure: Departure, spared: Set<Readable>): void {
  if (Object.hasOwn(stream, "destroy")) return;
  const { destroy } = stream;
  stream.destroy = (error?: Error) => {
    if (error !== undefined || stream.readableEnded || !departure.isKeptFromHandler)
      return Reflect.apply(destroy, stream, [error]);
    spared.add(stream);
    return stream;
  };
}
