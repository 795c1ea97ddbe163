/** Every kind of body that Koa can send: from the bare application, on a miss and on a hit, the same status, fields and
 * bytes; and one that is not kept is left as the handler gave it. */
import { createReadStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Readable, Stream } from "node:stream";
import { diskCache } from "@diskcache/koa";
import type { KoaDiskCache } from "@diskcache/koa";
import Koa3 from "koa";
import type { Context } from "koa";
import Koa2 from "koa2";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import type { Answer, VisitOptions } from "../support/visit.js";
import { serveSite } from "./site.js";
import type { Site } from "./site.js";

const KOA = [
  { framework: "koa 3", Koa: Koa3, web: true },
  { framework: "koa 2", Koa: Koa2, web: false },
];

interface Kind {
  readonly name: string;
  readonly give: (ctx: Context) => void;
  /** Koa can send it, and the cache keeps it. Default: yes. */
  readonly kept?: boolean;
  /** What the field says instead; `undefined` where an error sweeps it away. */
  readonly detail?: string | undefined;
  /** Bare Koa gives HEAD another length or type than GET, or none. */
  readonly headDiffers?: true;
  /** A stream of nothing: framed by chunks or by a length, as it comes, and tagged as other streams are, once it is
   * stored. */
  readonly emptyStream?: true;
}

const set = (body: () => unknown) => (ctx: Context) => void (ctx.body = body());

/** A file, in a directory that is gone after the test. */
function file(content: string): string {
  const path = join(temporaryDirectory(), "file");
  writeFileSync(path, content);
  return path;
}

/** As streams were before Node 0.10: it has `pipe`, says "data" and "end", and can do nothing else. */
function oldStyle(): Stream {
  const stream = new Stream();
  const pipe = stream.pipe.bind(stream);
  stream.pipe = (destination, options) => {
    setImmediate(() => stream.emit("data", Buffer.from("old ")));
    setImmediate(() => stream.emit("data", Buffer.from("style")));
    setImmediate(() => stream.emit("end"));
    return pipe(destination, options);
  };
  return stream;
}

function webStream(...chunks: unknown[]): ReadableStream {
  return new ReadableStream({
    pull(controller) {
      if (chunks.length === 0) controller.close();
      else controller.enqueue(chunks.shift());
    },
  });
}

const WEB = { headDiffers: true } as const;

const KINDS: readonly Kind[] = [
  { name: "a string", give: set(() => "text") },
  { name: "a string that looks like HTML", give: set(() => " <p>é</p>") },
  { name: "an empty string", give: set(() => "") },
  { name: "a Buffer", give: set(() => Buffer.from("bytes")) },
  { name: "an empty Buffer", give: set(() => Buffer.alloc(0)) },
  { name: "a Uint8Array", give: set(() => new Uint8Array([1, 2])) },
  { name: "an Uint16Array", give: set(() => new Uint16Array([1, 258])) },
  { name: "a DataView", give: set(() => new DataView(new ArrayBuffer(2))) },
  { name: "an ArrayBuffer", give: set(() => new ArrayBuffer(2)) },
  { name: "a Readable", give: set(() => Readable.from(["one ", Buffer.from("two")])), headDiffers: true },
  { name: "a PassThrough", give: set(() => new PassThrough().end("through")), headDiffers: true },
  { name: "a file's stream", give: set(() => createReadStream(file("filed"))), headDiffers: true },
  { name: "an empty Readable", give: set(() => Readable.from([])), headDiffers: true, emptyStream: true },
  { name: "an old-style stream", give: set(oldStyle), kept: false, detail: "body", headDiffers: true },
  { name: "an object with pipe() that is no stream", give: set(() => ({ pipe: 1, a: 2 })) },
  { name: "a function-like pipe on an object", give: set(() => ({ pipe: () => 1, a: 2 })) },
  { name: "a ReadableStream of bytes", give: set(() => webStream(Buffer.from("we"), Buffer.from("b"))), ...WEB },
  { name: "a ReadableStream of strings", give: set(() => webStream("we", "b")), ...WEB },
  { name: "an empty ReadableStream", give: set(() => webStream()), ...WEB, emptyStream: true },
  { name: "a Blob", give: set(() => new Blob(["<b>"], { type: "text/html" })), headDiffers: true },
  { name: "a Blob without a type", give: set(() => new Blob(["blob"])), headDiffers: true },
  { name: "an empty Blob", give: set(() => new Blob([])), headDiffers: true },
  { name: "a File", give: set(() => new File(["filed"], "file.txt")), headDiffers: true },
  {
    name: "a Response",
    give: set(() => new Response("<i>", { headers: { "Content-Type": "text/html", "X-Own": "1" } })),
    ...WEB,
  },
  { name: "a Response without a body", give: set(() => new Response(null)), ...WEB, emptyStream: true },
  { name: "a Response with another status", give: set(() => new Response("gone", { status: 410 })), ...WEB },
  { name: "null", give: set(() => null) },
  { name: "undefined", give: set(() => undefined) },
  { name: "nothing at all", give: () => {}, kept: false, detail: "no-freshness" },
  {
    name: "null as a 200",
    give: (ctx) => {
      ctx.body = null;
      ctx.status = 200;
    },
    headDiffers: true,
  },
  {
    name: "null as a 200 with a type",
    give: (ctx) => {
      ctx.body = null;
      ctx.status = 200;
      ctx.type = "html";
    },
    headDiffers: true,
  },
  {
    name: "nothing but a status",
    give: (ctx) => void (ctx.status = 200),
    headDiffers: true,
  },
  {
    name: "nothing but a status, a phrase and a type",
    give: (ctx) => {
      ctx.status = 200;
      ctx.message = "Fine";
      ctx.type = "html";
    },
    headDiffers: true,
  },
  {
    name: "null as JSON",
    give: (ctx) => {
      ctx.status = 200;
      ctx.type = "json";
      ctx.body = null;
    },
  },
  {
    name: "a string as a 204",
    give: (ctx) => {
      ctx.status = 204;
      ctx.body = "no content";
    },
  },
  {
    name: "a stream as a 204",
    give: (ctx) => {
      ctx.status = 204;
      ctx.body = Readable.from(["no content"]);
    },
  },
  {
    name: "a type as a 204",
    give: (ctx) => {
      ctx.status = 204;
      ctx.type = "html";
    },
  },
  { name: "an object", give: set(() => ({ a: [1, "é"] })) },
  { name: "an array", give: set(() => []) },
  { name: "an object with toJSON", give: set(() => new Date(0)) },
  { name: "a Map", give: set(() => new Map([[1, 2]])) },
  { name: "a number", give: set(() => 7) },
  { name: "zero", give: set(() => 0), headDiffers: true },
  { name: "true", give: set(() => true) },
  { name: "false", give: set(() => false), headDiffers: true },
  { name: "a BigInt", give: set(() => 7n), kept: false },
  { name: "an object with a BigInt", give: set(() => ({ seven: 7n })), kept: false },
  { name: "a function", give: set(() => () => 1), kept: false },
  { name: "a symbol", give: set(() => Symbol("body")), kept: false },
  {
    name: "a type of the handler's own",
    give: (ctx) => {
      ctx.type = "text/css";
      ctx.body = Readable.from(["p {}"]);
    },
    headDiffers: true,
  },
];

/** What the cache adds, and what belongs to the moment or the connection. */
const ADDED = new Set(["cache-status", "age", "etag", "date", "connection", "keep-alive"]);
/** How long a body is that came in pieces is known once it is stored. */
const FRAMING = new Set(["content-length", "transfer-encoding"]);

describe.each(KOA)("$framework: a body that is", ({ Koa, web }) => {
  async function open(stack: (app: Koa3, cache: KoaDiskCache) => void): Promise<Site> {
    const clock = new ManualClock();
    const dir = temporaryDirectory();
    const cache = diskCache({ dir, ttl: "5m", statusTtl: { 410: "5m" }, clock });
    const app = new Koa();
    app.silent = true;
    stack(app, cache);
    const listener = app.callback();
    return serveSite(cache, clock, dir, (req, res) => void listener(req, res));
  }

  const both = async (give: (ctx: Context) => void, around?: Koa3.Middleware) => {
    const stack = (app: Koa3, cache?: KoaDiskCache): void => {
      if (around !== undefined) app.use(around);
      if (cache !== undefined) app.use(cache);
      app.use((ctx) => give(ctx));
    };
    return { bare: await open((app) => stack(app)), site: await open(stack) };
  };

  /** What a client can tell of an answer; a connection that breaks is one, too. */
  async function seen(site: Site, options: VisitOptions, without: ReadonlySet<string>): Promise<unknown> {
    const answer = await site.visit("/", options).catch(() => undefined);
    return answer === undefined ? "broken" : tell(answer, without);
  }

  const tell = (answer: Answer, without: ReadonlySet<string>): unknown => [
    `${answer.status} ${answer.statusText}`,
    answer.fields
      .map(([name, value]) => `${name}: ${value}`)
      .filter((line) => !without.has(line.slice(0, line.indexOf(":")).toLowerCase()))
      .sort(),
    answer.text,
  ];

  it.each(KINDS)("$name", async ({ give, kept = true, detail, headDiffers, emptyStream }) => {
    const { bare, site } = await both(give);
    const unframed = new Set([...ADDED, ...FRAMING]);
    const whole = await bare.visit("/").catch(() => undefined);
    const expected = whole === undefined ? "broken" : tell(whole, ADDED);
    expect(await seen(bare, {}, ADDED)).toEqual(expected);

    const framed = emptyStream ? unframed : ADDED;
    expect(await seen(site, {}, framed)).toEqual(whole === undefined ? "broken" : tell(whole, framed));
    if (!kept || whole === undefined || whole.status >= 500) {
      const second = await site.visit("/").catch(() => undefined);
      expect(second === undefined ? "broken" : tell(second, ADDED)).toEqual(expected);
      if (whole === undefined || whole.status >= 500) return;
      expect(second!.cacheStatus).toBe(`diskcache; fwd=uri-miss; detail=${detail}`);
      return;
    }
    const hit = await site.visit("/");
    expect(hit.isHit).toBe(true);
    expect(tell(hit, unframed)).toEqual(tell(whole, unframed));
    if (whole.status !== 204) expect(hit.lines("content-length")).toEqual([String(whole.body.length)]);
    if (whole.body.length === 0 && !emptyStream) expect(hit.header("etag")).toBeUndefined();

    const head = await bare.visit("/", { method: "HEAD" });
    const headHit = await site.visit("/", { method: "HEAD" });
    expect(headHit.isHit).toBe(true);
    const apart = headDiffers ? new Set([...unframed, "content-type"]) : ADDED;
    expect(tell(headHit, apart)).toEqual(tell(head, apart));
    expect([headHit.statusText, headHit.lines("content-length"), headHit.lines("content-type")]).toEqual([
      hit.statusText,
      hit.lines("content-length"),
      hit.lines("content-type"),
    ]);
  });

  it.each(KINDS.filter(({ kept }) => kept !== false))(
    "$name and not kept stays the handler's own",
    async ({ give }) => {
      const bodies: [given: unknown, left: unknown, locked: unknown][] = [];
      let given: unknown;
      const refused = (ctx: Context): void => {
        give(ctx);
        ctx.set("Cache-Control", "no-store");
        given = ctx.body;
      };
      const { bare, site } = await both(refused, async (ctx, next) => {
        await next();
        const left = ctx.body as unknown;
        const stream = left instanceof Response ? left.body : left;
        bodies.push([given, left, stream instanceof ReadableStream && stream.locked]);
      });
      const expected = await seen(bare, {}, ADDED);
      for (const _ of [1, 2]) {
        const answer = await site.visit("/");
        expect([tell(answer, ADDED), answer.cacheStatus]).toEqual([
          expected,
          "diskcache; fwd=uri-miss; detail=no-store",
        ]);
      }
      expect(bodies).toHaveLength(3);
      for (const [made, left, locked] of bodies) {
        expect(left).toBe(made);
        expect(locked).toBe(false);
      }
    },
  );

  it.runIf(web)("a web stream under a status that is not kept is sent", async () => {
    const { bare, site } = await both((ctx) => {
      ctx.status = 201;
      ctx.body = new Response("hi").body;
    });
    const expected = await seen(bare, {}, ADDED);
    for (const _ of [1, 2]) expect(await seen(site, {}, ADDED)).toEqual(expected);
  });

  it.runIf(web)("a web stream that somebody else reads already fails as it does without the cache", async () => {
    const { bare, site } = await both((ctx) => {
      const stream = webStream("taken");
      stream.getReader();
      ctx.body = stream;
    });
    const expected = await seen(bare, {}, ADDED);
    for (const _ of [1, 2]) expect(await seen(site, {}, ADDED)).toEqual(expected);
  });

  it.runIf(web)("a web stream is cut for a range, and cancelled where the answer is another one", async () => {
    let cancelled = 0;
    const { site } = await both((ctx) => {
      const stream = new ReadableStream({
        pull(controller) {
          controller.enqueue(Buffer.from("0123456789"));
          controller.close();
        },
        cancel: () => void cancelled++,
      });
      ctx.body = ctx.path === "/r" ? new Response(stream) : stream;
      ctx.set({ "Content-Length": "10", ETag: '"v"', "Cache-Control": ctx.path === "/n" ? "no-store" : "max-age=60" });
    });
    for (const path of ["/s", "/r"])
      for (const isHit of [false, true]) {
        const part = await site.visit(path, { headers: { Range: "bytes=2-3" } });
        expect([part.status, part.text, part.header("content-length"), part.isHit]).toEqual([206, "23", "2", isHit]);
      }
    const same = await site.visit("/n", { headers: { "If-None-Match": '"v"' } });
    expect([same.status, same.text]).toEqual([304, ""]);
    expect(cancelled).toBe(1);
  });

  it("a part of a page that is not kept comes whole, and the body behind it ends without an error", async () => {
    const piece = Buffer.alloc(1_000_000, "0123456789");
    const errors: unknown[] = [];
    const { site } = await both(
      (ctx) => {
        ctx.body = Readable.from(Array.from({ length: 12 }, () => piece));
        ctx.set({ "Content-Type": "text/plain", "Content-Length": "12000000", "Cache-Control": "no-store" });
      },
      (ctx, next) => {
        ctx.app.on("error", (error) => errors.push(error));
        return next();
      },
    );
    for (const [range, length] of [
      ["bytes=5-", 11_999_995],
      ["bytes=5-9999999", 9_999_995],
    ] as const) {
      // Under a key that is known as not kept, ranges are the application's own.
      const part = await site.visit(`/${length}`, { headers: { Range: range } });
      expect([part.status, part.body.length, errors]).toEqual([206, length, []]);
    }
  });
});
