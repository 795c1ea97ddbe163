/** The head of a hit in Koa's onion: HEAD says what GET says, whatever stands outside, and nothing is told of a body
 * that is not there. */
import { Readable } from "node:stream";
import { diskCache } from "@diskcache/koa";
import type { KoaDiskCache } from "@diskcache/koa";
import compress from "koa-compress";
import Koa3 from "koa";
import type { Context } from "koa";
import Koa2 from "koa2";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import type { Answer } from "../support/visit.js";
import { serveSite } from "./site.js";
import type { Site } from "./site.js";

const KOA = [
  { framework: "koa 3", Koa: Koa3 },
  { framework: "koa 2", Koa: Koa2 },
];

const OUTSIDE: Readonly<Record<string, Koa3.Middleware>> = {
  nothing: (_ctx, next) => next(),
  "text around the body": async (ctx, next) => {
    await next();
    ctx.body = `<main>${String(ctx.body)}</main>`;
  },
  "another body": async (ctx, next) => {
    await next();
    if (ctx.body) ctx.body = Buffer.from("in its place");
  },
  "a tag of the body": async (ctx, next) => {
    await next();
    const length = Buffer.isBuffer(ctx.body) ? ctx.body.length : ((ctx.body as string | null) ?? "").length;
    if (ctx.body && ctx.status < 300) ctx.set("X-Tag", `"${length}"`);
  },
  compression: compress({ threshold: 0, br: false }),
};

const GIVES: Readonly<Record<string, (ctx: Context) => void>> = {
  text: (ctx) => void (ctx.body = "page"),
  "text and a phrase of its own": (ctx) => {
    ctx.body = "page";
    ctx.message = "Fine";
  },
  "an empty text": (ctx) => void (ctx.body = ""),
  "a 204": (ctx) => void (ctx.body = null),
  "null as a 200": (ctx) => {
    ctx.body = null;
    ctx.status = 200;
  },
  "a missing page": (ctx) => {
    ctx.status = 404;
    ctx.message = "Nowhere";
    ctx.body = "missing";
  },
};

const ADDED = new Set(["cache-status", "age", "etag", "date", "connection", "keep-alive"]);
const ROWS = Object.keys(OUTSIDE).flatMap((outside) => Object.keys(GIVES).map((gives) => ({ outside, gives })));

describe.each(KOA)("$framework", ({ Koa }) => {
  async function open(stack: (app: Koa3, cache: KoaDiskCache) => void, options = {}): Promise<Site> {
    const clock = new ManualClock();
    const dir = temporaryDirectory();
    const cache = diskCache({ dir, ttl: "5m", statusTtl: { 404: "5m" }, clock, ...options });
    const app = new Koa();
    app.silent = true;
    stack(app, cache);
    const listener = app.callback();
    return serveSite(cache, clock, dir, (req, res) => void listener(req, res));
  }

  const tell = (answer: Answer, without = ADDED): readonly unknown[] => [
    `${answer.status} ${answer.statusText}`,
    answer.fields
      .filter(([name]) => !without.has(name.toLowerCase()))
      .map(([name, value]) => `${name}: ${value}`)
      .sort(),
    answer.text,
  ];

  it.each(ROWS)("with $outside outside, $gives: without the cache, a miss and a hit are one", async (row) => {
    const stack = (app: Koa3, cache?: KoaDiskCache): void => {
      app.use(OUTSIDE[row.outside]!);
      if (cache !== undefined) app.use(cache);
      app.use((ctx) => GIVES[row.gives]!(ctx));
    };
    const bare = await open((app) => stack(app));
    const site = await open(stack);
    const headers = { "Accept-Encoding": "gzip" };
    const plain = await bare.visit("/", { headers });
    const expected = tell(plain);
    const miss = await site.visit("/", { headers });
    const hit = await site.visit("/", { headers });
    expect([miss.isHit, tell(miss)]).toEqual([false, expected]);
    // Koa 2 tells no length of null, and closes the connection.
    const untold = hit.body.length === 0 && plain.header("content-length") === undefined;
    const added = untold ? new Set([...ADDED, "content-length"]) : ADDED;
    expect([hit.isHit, tell(hit, added)]).toEqual([true, expected]);
    if (hit.body.length === 0) expect([miss.header("etag"), hit.header("etag")]).toEqual([undefined, undefined]);

    const bareHead = await bare.visit("/", { method: "HEAD", headers });
    const head = await site.visit("/", { method: "HEAD", headers });
    expect(head.isHit).toBe(true);
    // Where Koa tells HEAD no length, or a type that GET is not told, GET is right.
    const apart = row.gives === "null as a 200" ? new Set([...ADDED, "content-length", "content-type"]) : ADDED;
    expect(tell(head, apart)).toEqual(tell(bareHead, apart));
    expect(head.header("etag")).toBe(hit.header("etag"));
    if (row.outside !== "compression") expect(tell(head).at(1)).toEqual(tell(hit).at(1));
  });

  it.each([1_000, 3_000_000])(
    "HEAD of a stored stream of %i bytes reads nothing of it, and outside sees one",
    async (bytes) => {
      const bodies: unknown[] = [];
      const site = await open(
        (app, cache) =>
          app
            .use(async (ctx, next) => {
              await next();
              bodies.push(ctx.body !== undefined && ctx.body !== null);
            })
            .use(cache)
            .use((ctx) => {
              ctx.body = Readable.from([Buffer.alloc(bytes, "x")]);
              ctx.message = "Flowing";
            }),
        { memory: 0 },
      );
      await site.visit("/");
      while ((await site.cache.stats()).pendingWrites > 0) await new Promise(setImmediate);
      for (const method of ["HEAD", "GET", "HEAD"]) {
        const answer = await site.visit("/", { method });
        expect([answer.isHit, answer.statusText, answer.header("content-length"), answer.body.length]).toEqual([
          true,
          "Flowing",
          String(bytes),
          method === "GET" ? bytes : 0,
        ]);
      }
      expect(bodies).toEqual([true, true, true, true]);
      expect(site.errors).toEqual([]);
    },
  );
});
