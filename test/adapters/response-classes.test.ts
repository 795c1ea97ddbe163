/** Responses that are neither node:http's nor HTTP/2's: the application answers, and the operator is told once. */
import { EventEmitter } from "node:events";
import type { RequestListener } from "node:http";
import { diskCache as forExpress } from "@diskcache/express";
import { diskCache as forHttp } from "@diskcache/http";
import type { CacheHandle } from "@diskcache/http";
import { diskCache as forKoa } from "@diskcache/koa";
import Koa from "koa";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { MockInstance } from "vitest";
import { temporaryDirectory } from "../support/temporary-directory.js";

/** A response of somebody's own: it takes fields and a body, and cannot tell what it was given. */
class OddResponse extends EventEmitter {
  readonly fields: Record<string, unknown> = {};
  readonly body: unknown[] = [];
  statusCode = 200;
  headersSent = false;

  setHeader(name: string, value: unknown): void {
    this.fields[name.toLowerCase()] = value;
  }

  hasHeader(name: string): boolean {
    return name.toLowerCase() in this.fields;
  }

  getHeader(name: string): unknown {
    return this.fields[name.toLowerCase()];
  }

  removeHeader(name: string): void {
    delete this.fields[name.toLowerCase()];
  }

  end(body: unknown): void {
    this.headersSent = true;
    this.body.push(body);
    this.emit("finish");
  }
}

/** Takes nothing but a body. */
class BareResponse extends EventEmitter {
  readonly body: unknown[] = [];

  end(body: unknown): void {
    this.body.push(body);
  }
}

interface Listening {
  readonly name: string;
  open(): { readonly cache: CacheHandle; readonly listener: (req: never, res: never) => unknown };
}

const page: RequestListener = (_req, res) => void res.end("page");
const options = () => ({ dir: temporaryDirectory(), ttl: "5m" }) as const;

const LISTENING: readonly Listening[] = [
  { name: "node:http", open: () => withCache(forHttp(options()), (cache) => cache(page)) },
  { name: "node:http, one route", open: () => withCache(forHttp(options()), (cache) => cache.route("5m")(page)) },
  { name: "node:http, in front", open: () => withCache(forHttp(options()), (cache) => cache.front(cache(page))) },
  {
    name: "express",
    open: () =>
      withCache(forExpress(options()), (cache) => (req: never, res: never) => {
        cache(req, res, () => page(req, res));
      }),
  },
];

const KOA: Listening = {
  name: "koa",
  open: () =>
    withCache(forKoa(options()), (cache) => {
      const app = new Koa();
      app.use(cache);
      app.use((ctx) => void (ctx.body = "page"));
      return app.callback();
    }),
};

function withCache<Cache extends CacheHandle>(
  cache: Cache,
  listener: (cache: Cache) => unknown,
): ReturnType<Listening["open"]> {
  onTestFinished(() => cache.close());
  return { cache, listener: listener(cache) as (req: never, res: never) => unknown };
}

function request(): object {
  const headers = { host: "localhost" };
  const socket = new EventEmitter();
  const fields = { headers, rawHeaders: ["Host", "localhost"], socket };
  return Object.assign(new EventEmitter(), { method: "GET", url: "/", httpVersionMajor: 1, ...fields });
}

describe("a response of no class that the cache knows", () => {
  let warnings: MockInstance;
  beforeEach(() => {
    warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  });
  afterEach(() => warnings.mockRestore());

  it("has the operator warned, once", () => {
    for (const { open } of [...LISTENING, ...LISTENING])
      open().listener(request() as never, new OddResponse() as never);
    expect(warnings.mock.calls.map(([, given]) => given)).toMatchObject([{ code: "DISKCACHE_RESPONSE" }]);
  });

  it.each([...LISTENING, KOA])("is the application's, and says so ($name)", async ({ open }) => {
    const { cache, listener } = open();
    const told: unknown[] = [];
    cache.on("forward", (event) => told.push(event));
    for (let times = 1; times <= 2; times++) {
      const res = new OddResponse();
      await listener(request() as never, res as never);
      expect(res.body).toEqual(["page"]);
      expect(res.fields).toMatchObject({ "cache-status": "diskcache; fwd=bypass; detail=response" });
      expect(told).toHaveLength(times);
    }
    expect(told[0]).toEqual({ url: "/", reason: "bypass", detail: "response" });
    expect(await cache.stats()).toMatchObject({ forwards: 2, hits: 0, stored: 0 });
  });

  it.each(LISTENING)("need not even take fields ($name)", ({ open }) => {
    const res = new BareResponse();
    open().listener(request() as never, res as never);
    expect(res.body).toEqual(["page"]);
  });
});
