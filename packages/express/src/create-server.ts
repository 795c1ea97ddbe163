/**
 * A server whose requests and responses are created with Express's prototypes. Express changes the prototype of every
 * request and response, which costs them their shape (see `shareShape` below), and that costs more than all the rest of
 * Express. Here that assignment changes nothing.
 */
import { createServer as createHttpServer, IncomingMessage, ServerResponse } from "node:http";
import type { RequestListener, Server, ServerOptions } from "node:http";
import type { CacheHandle } from "@diskcache/http";
import type { Express } from "express";

/** Options of node:http's `createServer`, and the cache. */
export interface ExpressServerOptions extends ServerOptions {
  /**
   * Answers hits before Express runs, as `cache.front(app)` does, and hands everything else to the app. The app mounts
   * the cache as well: there its responses are stored.
   * @default undefined: the app alone answers
   */
  readonly cache?: Pick<CacheHandle, "front">;
}

/** Like node:http's `createServer(app)`, for an Express application: several times the throughput, misses included.
 * @example createServer(app, { cache }).listen(3000) */
export function createServer(app: Express, { cache, ...options }: ExpressServerOptions = {}): Server {
  const classes = {
    IncomingMessage: born(IncomingMessage, app.request),
    ServerResponse: born(ServerResponse, app.response),
  } as unknown as ServerOptions;
  const listener = app as RequestListener;
  return createHttpServer({ ...options, ...classes }, cache === undefined ? listener : cache.front(listener));
}

/**
 * Like a constructor of Node's own, for objects with another prototype. A plain function, because the prototype of a
 * class cannot be replaced.
 */
function born(constructor: Function, prototype: object): Function {
  function Born(this: Fields, first: unknown, second: unknown): void {
    // Never true. V8 gives an object room for as many fields as it sees its constructor assign: with none in the
    // source, those that Node's constructor assigns would go into a store beside the object, which is reallocated for
    // every few of them.
    if (first === undefined) {
      this.a = this.b = this.c = this.d = this.e = undefined;
      this.f = this.g = this.h = this.i = this.j = undefined;
      this.k = this.l = this.m = this.n = this.o = undefined;
      this.p = this.q = this.r = this.s = this.t = undefined;
    }
    Reflect.apply(constructor, this, [first, second]);
  }
  Born.prototype = prototype;
  return Born;
}

type Fields = Record<string, undefined>;

/**
 * Gives requests and responses a shape that others have too.
 * V8 compiles code for the shapes of objects it has met. Express changes the prototype of every request and response
 * and then adds properties to them. Before V8 13 (Node 24) an object whose prototype was changed gets its own shape
 * with each property that is added: to every line that touches it, it is unlike all before it. An object from which a
 * property was deleted keeps its properties in a table, and such objects share their shape again. (V8 finds these
 * shapes in 64 places; in one process of 64 the two of an application fall into the same one, and nothing is gained.)
 */
const LOSES_SHAPE = Number.parseInt(process.versions.v8, 10) < 13;
const PASSING = Symbol("diskcache.passing");

/**
 * Called once for each request, as early as possible. Changes nothing observable, and nothing at all for an object that
 * has kept its shape.
 */
export function shareShape(req: object, res: object): void {
  if (!LOSES_SHAPE) return;
  shareOne(req);
  shareOne(res);
}

function shareOne(object: { [PASSING]?: undefined }): void {
  object[PASSING] = undefined;
  delete object[PASSING];
}
