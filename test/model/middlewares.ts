/** The middlewares around a handler, for frameworks with `(req, res, next)` and for Koa. Never the cache's own. */
import type { IncomingMessage, ServerResponse } from "node:http";
import compression from "compression";
import type { Middleware as KoaMiddleware } from "koa";
import koaCompress from "koa-compress";
import onHeaders from "on-headers";
import type { Middleware } from "./program.js";

export type Plain = (req: IncomingMessage, res: ServerResponse, next: () => void) => void;

type Own = Exclude<Middleware, { use: "cache" }>;

const COMPRESSION = compression({ threshold: 0 }) as unknown as Plain;
const KOA_COMPRESSION = koaCompress({ threshold: 0 });

export function plainMiddleware(middleware: Own): Plain {
  if (middleware.use === "compress") return COMPRESSION;
  return (_, res, next) => {
    put(middleware, res);
    next();
  };
}

export function koaMiddleware(middleware: Own): KoaMiddleware {
  if (middleware.use === "compress") return KOA_COMPRESSION;
  return (ctx, next) => {
    put(middleware, ctx.res);
    return next();
  };
}

function put(middleware: Exclude<Own, { use: "compress" }>, res: ServerResponse): void {
  if (middleware.use === "wrap") return wrap(res);
  const { set, remove, status } = middleware;
  onHeaders(res, function (this: ServerResponse) {
    if (remove !== undefined) this.removeHeader(remove);
    if (set !== undefined && set[0] === "Vary") this.appendHeader(...set);
    else if (set !== undefined) this.setHeader(...set);
    // Express has taken the body of its own 304 away by now: no application makes another status of that.
    if (status !== undefined && this.statusCode !== 304) this.statusCode = status;
  });
}

function wrap(res: ServerResponse): void {
  const { write, end } = res;
  res.write = ((...given: unknown[]) => Reflect.apply(write, res, given) as boolean) as typeof write;
  res.end = ((...given: unknown[]) => Reflect.apply(end, res, given) as ServerResponse) as typeof end;
}
