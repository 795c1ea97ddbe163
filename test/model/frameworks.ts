/**
 * Makes applications of each framework out of a program, with a cache or without: the same chain of middlewares, the
 * same handler.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { DiskCacheOptions } from "@diskcache/core";
import * as forExpress from "@diskcache/express";
import * as forHttp from "@diskcache/http";
import type { CacheHandle } from "@diskcache/http";
import * as forKoa from "@diskcache/koa";
import express5 from "express";
import express4 from "express4";
import Koa3 from "koa";
import Koa2 from "koa2";
import { hono } from "./hono.js";
import { koaMiddleware, plainMiddleware } from "./middlewares.js";
import type { Plain } from "./middlewares.js";
import { contextOutput, responseOutput } from "./output.js";
import type { Output } from "./output.js";
import type { Middleware, Program } from "./program.js";

/** The caches of one application; none: the bare framework. */
export interface Caches {
  readonly outer?: CacheHandle | undefined;
  readonly second?: CacheHandle | undefined;
}

/** Runs the program's handler for one request. */
export type Serve = (output: Output) => void;

export interface Framework {
  readonly name: string;
  /** Whether handlers write to the ServerResponse itself. */
  readonly tapped: boolean;
  /** Whether it works over HTTP/2 without any cache. */
  readonly http2: boolean;
  cache(options: DiskCacheOptions): CacheHandle;
  listener(program: Program, caches: Caches, serve: Serve): RequestListener;
}

export const FRAMEWORKS: readonly Framework[] = [
  express("express 5", express5),
  express("express 4", express4),
  http(),
  koa("koa 3", Koa3),
  koa("koa 2", Koa2),
  hono(chain),
];

export type Link<Made> = (middleware: Exclude<Middleware, { use: "cache" }>) => Made;

/** From outside inwards. */
function chain<Made>({ outside = [], inside = [] }: Program, { outer, second }: Caches, link: Link<Made>): Made[] {
  const made = (middlewares: readonly Middleware[]): Made[] =>
    middlewares.flatMap((middleware) =>
      middleware.use === "cache" ? (second === undefined ? [] : [second as Made]) : [link(middleware)],
    );
  return [...made(outside), ...(outer === undefined ? [] : [outer as Made]), ...made(inside)];
}

function express(name: string, framework: typeof express5): Framework {
  return {
    name,
    tapped: true,
    http2: false,
    cache: (options) => forExpress.diskCache(options),
    listener(program, caches, serve) {
      const app = framework();
      app.set("env", "test"); // its error handler writes no log then
      app.disable("x-powered-by");
      for (const made of chain<express5.RequestHandler>(program, caches, plainMiddleware as never)) app.use(made);
      app.use((_, res, next) => serve(responseOutput(res, next)));
      return app as RequestListener;
    },
  };
}

function http(): Framework {
  return {
    name: "node:http",
    tapped: true,
    http2: true,
    cache: (options) => forHttp.diskCache(options),
    listener(program, caches, serve) {
      // What a cache makes of a listener takes none that follows it: the rest of the chain is inside.
      const links: (Plain | forHttp.HttpDiskCache)[] = chain<Plain>(program, caches, plainMiddleware);
      const isCache = (link: unknown): link is forHttp.HttpDiskCache => link === caches.outer || link === caches.second;
      const handler: RequestListener = (_, res) => serve(responseOutput(res, (error) => failed(res, error)));
      return links.reduceRight<RequestListener>(
        (inner, link) => (isCache(link) ? link(inner) : (req, res) => link(req, res, () => inner(req, res))),
        handler,
      );
    },
  };
}

function failed(res: ServerResponse, error: Error): void {
  if (res.headersSent) res.destroy();
  else res.writeHead(500).end(`failed: ${error.message}`);
}

function koa(name: string, Koa: typeof Koa3): Framework {
  return {
    name,
    tapped: false,
    http2: true,
    cache: (options) => forKoa.diskCache(options),
    listener(program, caches, serve) {
      const app = new Koa();
      app.silent = true;
      for (const made of chain<Koa3.Middleware>(program, caches, koaMiddleware)) app.use(made);
      app.use((ctx) => new Promise<void>((resolve, reject) => serve(contextOutput(ctx, resolve, reject))));
      const callback = app.callback();
      return (req: IncomingMessage, res: ServerResponse) => void callback(req, res);
    },
  };
}
