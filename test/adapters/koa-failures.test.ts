/** Errors that become the response in Koa's onion: what hooks into the head add to any response, they add to these. */
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { diskCache } from "@diskcache/koa";
import compression from "compression";
import Koa3 from "koa";
import Koa2 from "koa2";
import onHeaders from "on-headers";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { exchangeBytes } from "../support/visit.js";
import type { Answer } from "../support/visit.js";
import { serveSite } from "./site.js";
import type { Site } from "./site.js";

const KOA = [
  { framework: "koa 3", Koa: Koa3 },
  { framework: "koa 2", Koa: Koa2 },
];

const signed: Koa3.Middleware = (ctx, next) => {
  onHeaders(ctx.res, () => {
    ctx.res.setHeader("X-Signed", "1");
    ctx.res.appendHeader("Vary", "X-Theme");
  });
  return next();
};
const compressed: Koa3.Middleware = (ctx, next) => {
  compression({ threshold: 0 })(ctx.req as never, ctx.res as never, () => {});
  return next();
};
const throwsAfterwards: Koa3.Middleware = async (_ctx, next) => {
  await next();
  throw new Error("too late");
};
const page: Koa3.Middleware = (ctx) => void (ctx.body = "page");
/** Koa 3 breaks the connection of a body that fails. */
const failsAtOnce: Koa3.Middleware = (ctx) => {
  const body = new Readable({ read: () => {} });
  ctx.type = "text/plain";
  ctx.body = body;
  ctx.res.once("pipe", () => setImmediate(() => body.destroy(new Error("no such page"))));
};

describe.each(KOA)("$framework", ({ framework, Koa }) => {
  async function open(outside: Koa3.Middleware[], inside: Koa3.Middleware[]): Promise<Site> {
    const clock = new ManualClock();
    const dir = temporaryDirectory();
    const cache = diskCache({ dir, ttl: "5m", clock });
    const app = new Koa();
    app.silent = true;
    for (const middleware of [...outside, cache, ...inside]) app.use(middleware);
    const listener = app.callback();
    return serveSite(cache, clock, dir, (req, res) => void listener(req, res));
  }

  const told = (answer: Answer): readonly unknown[] => [
    answer.status,
    ...["content-type", "x-signed", "vary"].map((name) => answer.header(name)),
  ];

  it("an error that is thrown outside is answered with what hooks inside add", async () => {
    const site = await open([throwsAfterwards], [signed, page]);
    const answer = await site.visit("/");
    expect(told(answer)).toEqual([500, "text/plain; charset=utf-8", "1", "X-Theme"]);
    expect(answer.text).toBe("Internal Server Error");
  });

  it("an error lacks what a hook outside takes away from what one inside has added", async () => {
    const unsigned: Koa3.Middleware = (ctx, next) => {
      onHeaders(ctx.res, () => ctx.res.removeHeader("X-Signed"));
      return next();
    };
    const site = await open([throwsAfterwards, unsigned], [signed, page]);
    expect(told(await site.visit("/"))).toEqual([500, "text/plain; charset=utf-8", undefined, "X-Theme"]);
  });

  it("an error in the place of a hit has a date", async () => {
    let late = false;
    const site = await open([(ctx, next) => (late ? throwsAfterwards(ctx, next) : next())], [page]);
    await site.visit("/");
    late = true;
    const answer = await site.visit("/");
    expect(answer.status).toBe(500);
    expect(answer.lines("date")).toHaveLength(1);
  });

  it.runIf(framework === "koa 2")("an error in the place of a body is encoded as its head says", async () => {
    const site = await open([], [compressed, failsAtOnce]);
    const answer = await site.visit("/", { headers: { "accept-encoding": "gzip" } });
    expect([answer.status, answer.header("content-encoding")]).toEqual([500, "gzip"]);
    expect(gunzipSync(answer.body).toString()).toBe("Internal Server Error");
  });

  describe.runIf(framework === "koa 2")(
    "an error in the place of a body is not followed by what came before it",
    () => {
      const failsOnceRead: Koa3.Middleware = (ctx) => {
        const body = new PassThrough().on("error", () => {});
        ctx.type = "text/plain";
        ctx.body = body;
        ctx.length = 100_000;
        body.write("some".repeat(20_000));
        body.once("drain", () => body.destroy(new Error("no more")));
      };

      it.each([{ of: "the page" }, { of: "a part", headers: { range: "bytes=0-4" } }])(
        "of $of",
        async ({ headers }) => {
          const site = await open([], [failsOnceRead]);
          const answer = await site.visit("/", { ...(headers && { headers }) });
          expect([answer.status, answer.text]).toEqual([500, "Internal Server Error"]);
          await new Promise(setImmediate);
        },
      );
    },
  );

  it("a body that is not kept and fails breaks the connection", async () => {
    const site = await open(
      [],
      [
        (ctx) => {
          const body = new PassThrough();
          ctx.set("Cache-Control", "no-store");
          ctx.body = body;
          body.write("some");
          ctx.res.once("pipe", () => setImmediate(() => body.destroy(new Error("no more"))));
        },
      ],
    );
    await expect(site.visit("/")).rejects.toThrow();
  });

  describe("a body that fails breaks nothing off that it is no part of", () => {
    it("such as the answers behind one to HEAD", async () => {
      const failsAsItEnds: Koa3.Middleware = async (ctx) => {
        await new Promise(setImmediate);
        ctx.type = "text/plain";
        ctx.body = new PassThrough().on("error", () => {}).destroy(new Error("no more"));
      };
      const site = await open([], [failsAsItEnds]);
      const head = "HEAD / HTTP/1.1\r\nHost: a\r\n";
      const answers = await exchangeBytes(site.origin, `${head}\r\n${head}Connection: close\r\n\r\n`);
      expect(answers.match(/^HTTP\/1\.1 200 OK\r$/gm)).toHaveLength(2);
    });

    it.each([{ kept: true }, { kept: false }])(
      "such as one that replaces it outside (kept: $kept)",
      async ({ kept }) => {
        const other = new PassThrough();
        const replaced: Koa3.Middleware = async (ctx, next) => {
          await next();
          ctx.body = other;
        };
        let fail = (): void => {};
        const fails: Koa3.Middleware = (ctx) => {
          const body = new PassThrough().on("error", () => {});
          body.write("some");
          ctx.type = "text/plain";
          if (!kept) ctx.set("Cache-Control", "no-store");
          ctx.body = body;
          fail = () => void body.destroy(new Error("no more"));
        };
        const site = await open([replaced], [fails]);
        other.write("the other, ");
        const answer = await site.begin("/");
        fail();
        await new Promise(setImmediate);
        other.end("whole");
        expect(await text(answer)).toBe("the other, whole");
      },
    );
  });
});
