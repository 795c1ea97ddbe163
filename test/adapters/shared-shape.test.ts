/** Express makes every request and response unlike any other to V8, which costs more than the rest of Express does.
 * Behind the cache they are alike again. */
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { RequestListener } from "node:http";
import { setFlagsFromString } from "node:v8";
import { createServer, diskCache } from "@diskcache/express";
import type { ExpressDiskCache } from "@diskcache/express";
import express5 from "express";
import type { Express, Request, RequestHandler, Response } from "express";
import express4 from "express4";
import { describe, expect, it, onTestFinished } from "vitest";
import { listening } from "../support/listening.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { visit } from "../support/visit.js";

// V8's own word for it, which is no JavaScript.
setFlagsFromString("--allow-natives-syntax");
// oxlint-disable-next-line typescript/no-implied-eval -- see above
const haveSameShape = new Function("a", "b", "return %HaveSameMap(a, b)") as (a: object, b: object) => boolean;

const FRAMEWORKS = [
  { framework: "express 5", express: express5 },
  { framework: "express 4", express: express4 },
];

/** Where V8 keeps the shapes of tables, one application in 64 has its requests and responses in each other's way. */
const APPLICATIONS = 4;

describe.each(FRAMEWORKS)("$framework: requests and responses have one shape", ({ express }) => {
  const places: readonly { place: string; open: (cache: ExpressDiskCache, handler: RequestHandler) => Express }[] = [
    { place: "app.use(cache)", open: (cache, handler) => express().use(cache, handler) },
    { place: "cache.route() alone", open: (cache, handler) => express().get("/:page", cache.route("5m"), handler) },
    { place: "an application inside another", open: (cache, handler) => express().use(express().use(cache, handler)) },
  ];
  const servers = [
    { server: "node:http's createServer", create: (app: Express) => createHttpServer(app as RequestListener) },
    { server: "our createServer", create: (app: Express) => createServer(app) },
  ];

  describe.each(servers)("served by $server", ({ create }) => {
    it.each(places)("behind $place", async ({ open }) => {
      const oneShape = await ofSome(async (cache) => {
        const alike: boolean[] = [];
        const meet = inPairs((one, other) => {
          alike.push(areAlike(one, other));
          one.res.end("page");
          other.res.end("page");
        });
        const origin = await listening(create(open(cache, meet)));
        for (const page of [1, 3, 5]) await Promise.all([visit(origin, `/${page}`), visit(origin, `/${page + 1}`)]);
        expect(alike).toHaveLength(3);
        return alike.every(Boolean);
      });
      expect(oneShape).toBe(true);
    });
  });

  it("after hits", async () => {
    const oneShape = await ofSome(async (cache) => {
      const met: Exchange[] = [];
      const over: Promise<unknown>[] = [];
      const app = express();
      app.use((req, res, next) => {
        met.push({ req, res });
        over.push(once(res, "close"));
        next();
      });
      app.use(cache, (_req, res) => void res.end("page"));
      const origin = await listening(createHttpServer(app as RequestListener));
      for (const isHit of [false, true, true]) expect((await visit(origin, "/")).isHit).toBe(isHit);
      await Promise.all(over);
      const [, one, other] = met as [Exchange, Exchange, Exchange];
      return areAlike(one, other);
    });
    expect(oneShape).toBe(true);
  });
});

interface Exchange {
  readonly req: Request;
  readonly res: Response;
}

function areAlike(one: Exchange, other: Exchange): boolean {
  return haveSameShape(one.req, other.req) && haveSameShape(one.res, other.res);
}

async function ofSome(isTrue: (cache: ExpressDiskCache) => Promise<boolean>): Promise<boolean> {
  for (let n = 0; n < APPLICATIONS; n++) {
    const cache = diskCache({ dir: temporaryDirectory(), ttl: "5m" });
    onTestFinished(() => cache.close());
    if (await isTrue(cache)) return true;
  }
  return false;
}

function inPairs(meet: (one: Exchange, other: Exchange) => void): RequestHandler {
  let waiting: Exchange | undefined;
  return (req, res) => {
    if (waiting === undefined) waiting = { req, res };
    else {
      const first = waiting;
      waiting = undefined;
      meet(first, { req, res });
    }
  };
}
