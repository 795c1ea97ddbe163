/**
 * What a handler's steps are done to, whatever the framework: the ServerResponse itself, or Koa's context with a
 * body that goes on behind it. Never decides what to do.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { PassThrough, pipeline } from "node:stream";
import type { Readable } from "node:stream";
import type { Response } from "express";
import type { Context } from "koa";
import onHeaders from "on-headers";
import type { Noticing } from "./notice.js";
import type { EndForm, Field, HeadForm, PipeStep } from "./program.js";

type Chunk = string | Uint8Array;
type Told = (error?: Error | null) => void;

export interface Output extends Noticing {
  /** Whether fields can still be changed. */
  readonly open: boolean;
  set(field: Field): void;
  append(field: Field): void;
  remove(name: string): void;
  /** What a hook adds when the head leaves; several lines of `Vary` are joined. */
  late(field: Field): void;
  status(status: number): void;
  head(form: HeadForm, status: number, fields: readonly Field[]): void;
  flush(): void;
  cork(): void;
  uncork(): void;
  write(chunk: Chunk, told?: Told): boolean;
  end(form: EndForm, chunk?: Chunk): void;
  pipe(source: Readable, by: PipeStep["by"]): void;
  /** Breaks the response off. */
  destroy(): void;
  /** What the handler throws. */
  fail(error: Error): void;
}

/** For Express and node:http.
 * @param fail what becomes of an error there */
export function responseOutput(res: ServerResponse, fail: (error: Error) => void): Output {
  // Pipelines, hooks and signs together are more than Node thinks wise.
  res.setMaxListeners(40);
  return {
    req: res.req,
    res,
    body: res,
    get open() {
      return !res.headersSent;
    },
    set: ([name, value]) => void res.setHeader(name, value),
    append: ([name, value]) => void res.appendHeader(name, value),
    remove: (name) => res.removeHeader(name),
    late: (field) => addLate(res, field),
    status: (status) => void (res.statusCode = status),
    head: (form, status, fields) => writeHead(res, form, status, fields),
    flush: () => res.flushHeaders(),
    cork: () => res.cork(),
    uncork: () => res.uncork(),
    write: (chunk, told) => (told === undefined ? res.write(chunk) : res.write(chunk, told)),
    end: (form, chunk) => endResponse(res, form, chunk),
    pipe: (source, by) => void (by === "pipe" ? source.pipe(res) : pipeline(source, res, () => {})),
    destroy: () => void res.destroy(),
    fail,
  };
}

function addLate(res: ServerResponse, [name, value]: Field): void {
  onHeaders(res, function (this: ServerResponse) {
    if (name === "Vary") this.appendHeader(name, value);
    else this.setHeader(name, value);
  });
}

function writeHead(res: ServerResponse, form: HeadForm, status: number, fields: readonly Field[]): void {
  // Node takes pairs only where nothing was set before.
  const pairs = form === "pairs" && res.getHeaderNames().length === 0;
  if (form === "status") {
    for (const [name, value] of fields) res.setHeader(name, value);
    res.writeHead(status);
  } else if (form === "reason" && hasReason(res.req)) res.writeHead(status, "As Said", Object.fromEntries(fields));
  else if (form === "object" || form === "reason") res.writeHead(status, Object.fromEntries(fields));
  else res.writeHead(status, (pairs ? fields : fields.flat()) as string[]);
}

// HTTP/2 has no reason phrase, and Node warns of one.
function hasReason({ httpVersionMajor }: IncomingMessage): boolean {
  return httpVersionMajor < 2;
}

function endResponse(res: ServerResponse, form: EndForm, chunk: Chunk | undefined): void {
  const { send } = res as Partial<Response>;
  if (form === "send" && send !== undefined && !res.headersSent && chunk !== undefined) send.call(res, chunk);
  else if (form === "callback") res.end(chunk ?? "", "utf8", () => {});
  else if (chunk === undefined) res.end();
  else res.end(chunk);
}

/** For Koa: what is written goes through a stream as the body.
 * @param begun the handler returns: what follows goes on behind it */
export function contextOutput(ctx: Context, begun: () => void, failed: (error: Error) => void): Output {
  const stream = new PassThrough().on("error", () => {});
  let streaming = false;
  const begin = (): PassThrough => {
    if (!streaming) {
      streaming = true;
      ctx.body = stream;
      begun();
    }
    return stream;
  };
  return {
    req: ctx.req,
    res: ctx.res,
    body: stream,
    get open() {
      return !streaming && !ctx.headerSent;
    },
    set: ([name, value]) => ctx.set(name, value),
    append: ([name, value]) => ctx.append(name, value),
    remove: (name) => ctx.remove(name),
    late: (field) => addLate(ctx.res, field),
    status: (status) => void (ctx.status = status),
    head(form, status, fields) {
      ctx.status = status;
      if (form === "reason" && hasReason(ctx.req)) ctx.message = "As Said";
      for (const [name, value] of fields) ctx.set(name, value);
    },
    flush: () => void begin(),
    cork: () => begin().cork(),
    uncork: () => begin().uncork(),
    write: (chunk, told) => begin().write(chunk, told),
    end(_, chunk) {
      if (streaming) stream.end(chunk);
      else {
        ctx.body = chunk === undefined || typeof chunk === "string" ? (chunk ?? null) : Buffer.from(chunk);
        begun();
      }
    },
    pipe(source, by) {
      if (streaming) {
        if (by === "pipe") source.pipe(stream);
        else pipeline(source, stream, () => {});
        return;
      }
      streaming = true;
      ctx.body = source;
      begun();
    },
    destroy() {
      ctx.res.destroy();
      begun();
    },
    fail(error) {
      if (streaming) stream.destroy(error);
      else failed(error);
    },
  };
}
