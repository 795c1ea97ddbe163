/** Every reason that `Cache-Status` and the events know, each as a request that meets it. */
import fs from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable, Stream } from "node:stream";
import { gzipSync } from "node:zlib";
import type { DiskCacheOptions } from "@diskcache/core";
import onHeaders from "on-headers";
import { onTestFinished, vi } from "vitest";
import type { VisitOptions } from "../support/visit.js";
import type { Application, Asked, Page } from "./adapters.js";
import type { Site } from "./site.js";

export interface Reason {
  /** The whole field, without the name of the cache. */
  readonly field: string;
  /** What the `not-stored` event says once the body is over, where that is known only then. */
  readonly later?: string;
  /** Where something else is told as not stored than the field's own `detail`. */
  readonly refused?: string;
  /** The adapters it is about. Default: all. */
  readonly only?: RegExp;
  readonly options?: Partial<DiskCacheOptions>;
  readonly tool?: Application["tool"];
  readonly request?: VisitOptions;
  readonly target?: string;
  readonly handler?: (asked: Asked, site: Site) => Page | Promise<Page>;
  /** What comes before the request. */
  readonly before?: (site: Site) => unknown;
  /** Middleware outside the cache. */
  readonly outside?: (req: IncomingMessage, res: ServerResponse) => void;
  /** What is known before the handler has been asked. Default: the words of the field; `null`: nothing. */
  readonly foretold?: { readonly reason?: string; readonly detail?: string } | null;
  /** Hits that are counted: a stored response that stands in is one. */
  readonly hits?: number;
}

/** What a handler may say. */
export const OWN_WORD = "preview";

type Rest = Omit<Reason, "field">;

const headers = (fields: Record<string, string>): VisitOptions => ({ headers: fields });
const answers = (fields: Record<string, string>, status = 200): Rest => ({
  handler: () => ({ status, headers: fields, body: "page" }),
});
const throws = (): never => {
  throw new Error("no");
};
const MISS = { reason: "uri-miss" };
const STALE = { reason: "stale" };
const bypass = (detail: string, rest: Rest = {}): Reason => ({ field: `fwd=bypass; detail=${detail}`, ...rest });
const refused = (detail: string, rest: Rest): Reason => ({
  field: `fwd=uri-miss; detail=${detail}`,
  foretold: MISS,
  ...rest,
});
/** In pieces: something may happen between two of them. */
const streamed = (meanwhile: (asked: Asked, site: Site) => unknown = () => {}, fields = {}): Rest => ({
  handler: (asked, site) => ({
    headers: { "Content-Type": "text/plain", ...fields },
    body: Readable.from(
      (async function* () {
        yield Buffer.from("page");
        await meanwhile(asked, site);
        yield Buffer.from("page");
      })(),
    ),
  }),
});
const late = (later: string, rest: Rest): Reason => ({
  field: "fwd=uri-miss; storing",
  later,
  foretold: MISS,
  ...rest,
});

/** The page is stored, and its time is over. */
const staled = async (site: Site): Promise<void> => {
  await site.visit("/");
  site.clock.advance(70);
};
/** First a page, then what stands there. */
const then = (next: (asked: Asked) => Page, fields: Record<string, string> = {}): Rest => ({
  handler: (asked, site) => (site.renders === 1 ? { headers: fields, body: "page" } : next(asked)),
});

/** Another page each time. */
const versions: Rest = { handler: (_asked, site) => ({ headers: { ETag: `"${site.renders}"` }, body: "page" }) };

const LEFT_ALONE: readonly Reason[] = [
  bypass("authorization", { request: headers({ authorization: "Basic eA==" }), refused: "authorization" }),
  bypass("cookie", { request: headers({ cookie: "session=1" }), refused: "cookie" }),
  { field: "fwd=method; detail=method", request: { method: "POST" } },
  bypass("body", { request: { ...headers({ "content-length": "1" }), body: "x" } }),
  bypass("method-override", { request: headers({ "x-http-method-override": "PUT" }) }),
  bypass("url-override", { request: headers({ "x-original-url": "/y" }) }),
  bypass("target", { target: `/${"x".repeat(8192)}` }),
  bypass("host", { options: { hosts: ["example.org"] } }),
  bypass("precondition", { request: headers({ "if-match": "*" }) }),
  bypass("upgrade", { request: headers({ connection: "upgrade", upgrade: "other" }) }),
  bypass("never", { options: { rules: [{ path: "/**", never: true }] } }),
  bypass("path", { options: { rules: [{ path: "/a/*", ttl: 1 }] }, target: "/a%2fb" }),
  bypass("skip", { options: { skip: () => true } }),
  bypass("request-no-store", { options: { honourRequest: true }, request: headers({ "cache-control": "no-store" }) }),
  bypass("disabled", { options: { enabled: false } }),
  bypass("closed", { before: (site) => site.cache.close(), foretold: null }),
  bypass("hook", { options: { key: throws } }),
  bypass("hole-failed", {
    before: (site) => {
      let fills = 0;
      site.cache.hole("name", () => (++fills > 1 ? throws() : "one"));
      return site.visit("/");
    },
    handler: ({ directives }, site) => ({ body: site.renders === 1 ? directives.hole("name") : "page" }),
    foretold: {},
  }),
];

const ASKED_FOR: readonly Reason[] = [
  { field: "fwd=uri-miss; stored", foretold: MISS },
  { field: "fwd=uri-miss; storing", foretold: MISS, ...streamed() },
  {
    field: "fwd=vary-miss; stored",
    before: (site) => site.visit("/", headers({ "accept-language": "de" })),
    foretold: { reason: "vary-miss" },
    ...answers({ Vary: "Accept-Language" }),
  },
  { field: "fwd=stale; stored", before: staled, foretold: STALE, ...versions },
  {
    field: "fwd=stale; fwd-status=304; stored",
    before: staled,
    foretold: STALE,
    ...then(() => ({ status: 304 }), { ETag: '"a"' }),
  },
  {
    field: "fwd=stale; fwd-status=304; detail=not-modified",
    before: staled,
    foretold: STALE,
    ...then(() => ({ status: 304, headers: { ETag: '"b"' } }), { ETag: '"a"' }),
  },
  {
    field: "fwd=stale; fwd-status=304; detail=other-vary",
    before: staled,
    foretold: STALE,
    ...then(() => ({ status: 304, headers: { Vary: "X" } }), { ETag: '"a"' }),
  },
  {
    field: "fwd=stale; fwd-status=304; detail=purged",
    before: staled,
    foretold: STALE,
    handler: async (_asked, site) => {
      if (site.renders === 1) return { headers: { ETag: '"a"' }, body: "page" };
      await site.cache.purge("/");
      return { status: 304 };
    },
  },
  ...[500, 502, 503, 504].map((status) => ({
    field: `fwd=stale; fwd-status=${status}; detail=stale-if-error`,
    options: { staleIfError: 600 },
    before: staled,
    foretold: STALE,
    hits: 1,
    ...then(() => ({ status, body: "down" })),
  })),
  {
    field: "fwd=request; stored",
    options: { honourRequest: true },
    request: headers({ "cache-control": "no-cache" }),
    before: (site) => site.visit("/"),
    foretold: { reason: "request" },
  },
  {
    field: "fwd=partial; fwd-status=206; stored",
    options: { relaxed: { partial: true } },
    before: (site) => site.visit("/", headers({ range: "bytes=0-1" })),
    handler: (_asked, site) => {
      const [range, body] = site.renders === 1 ? ["bytes 0-1/4", "pa"] : ["bytes 2-3/4", "ge"];
      return { status: 206, headers: { "Content-Range": range, ETag: '"a"', "Cache-Control": "max-age=60" }, body };
    },
    foretold: { reason: "partial" },
  },
  {
    field: "detail=only-if-cached",
    options: { honourRequest: true },
    request: headers({ "cache-control": "only-if-cached" }),
    foretold: { detail: "only-if-cached" },
  },
  {
    field: "fwd=uri-miss; stored; detail=unreadable",
    before: async (site) => {
      await site.visit("/");
      while ((await site.cache.stats()).pendingWrites > 0) await new Promise(setImmediate);
      const read = fs.read;
      vi.spyOn(fs, "read").mockImplementation((...given: unknown[]) => {
        // Heads begin where the file does.
        if (given[4] === 0) Reflect.apply(read, fs, given);
        else setImmediate(() => (given.at(-1) as (error: Error) => void)(Object.assign(new Error(), { code: "EIO" })));
      });
    },
    handler: () => ({ body: Buffer.alloc(200_000) }),
    foretold: {},
  },
];

const NOT_STORED: readonly Reason[] = [
  refused("no-freshness", { options: { ttl: undefined as never } }),
  refused("set-cookie", answers({ "Set-Cookie": "a=b" })),
  refused("private", answers({ "Cache-Control": "private" })),
  refused("late-vary", { outside: (_req, res) => onHeaders(res, () => void res.setHeader("Vary", "X")) }),
  refused("no-store", answers({ "Cache-Control": "no-store" })),
  {
    field: "fwd=uri-miss; detail=no-store",
    request: headers({ cookie: "a=b" }),
    foretold: { reason: "bypass", detail: "cookie" },
    ...answers({ "Cache-Control": "no-store" }),
  },
  refused("malformed", answers({ "Cache-Control": "no-store; private" })),
  refused("no-cache", {
    handler: ({ directives }) => {
      directives.vary("x");
      return { headers: { "Cache-Control": "no-cache", "Content-Length": "0" }, status: 203 };
    },
  }),
  refused("expired-no-validator", {
    // Express makes a validator.
    only: /koa|http/,
    handler: () => ({ headers: { "Cache-Control": "max-age=0" }, status: 404, body: "x" }),
  }),
  refused("vary-star", answers({ Vary: "*" })),
  refused("status", answers({}, 429)),
  refused("partial", answers({ "Content-Range": "bytes 0-3/9" }, 206)),
  refused("not-modified", answers({}, 304)),
  refused("method", { request: { method: "HEAD" } }),
  refused("too-long", { options: { maxBody: 2 }, ...answers({ "Content-Length": "4" }) }),
  refused("length", { only: /http/, ...answers({ "Content-Length": "5" }) }),
  refused("head-too-long", answers({ "Cache-Tag": "x".repeat(65_536) })),
  refused("no-room", { options: { minFree: Number.MAX_SAFE_INTEGER } }),
  refused("no-room", { options: { minFree: Number.MAX_SAFE_INTEGER }, ...streamed() }),
  refused("purged", {
    handler: async (_asked, site) => {
      await site.cache.purge("/");
      return { body: "page" };
    },
  }),
  refused("store", {
    handler: async (_asked, site) => {
      await site.cache.close();
      return { body: "page" };
    },
  }),
  refused("store", {
    options: { maxBody: "80mb" },
    before: async (site) => {
      // What waits is being written for as long as the test lasts.
      const held: unknown[][] = [];
      const open = vi.spyOn(fs, "open").mockImplementation((...given: unknown[]) => void held.push(given));
      onTestFinished(() => {
        open.mockRestore();
        for (const given of held) Reflect.apply(fs.open, fs, given);
      });
      const long = Buffer.alloc(64 * 1024 * 1024);
      // How much room there is has to be counted first.
      for (let n = 0; held.length === 0; n++) {
        await site.cache.fragment("long", n, "1h", () => long);
        await new Promise(setImmediate);
      }
    },
  }),
  refused("body", { only: /koa/, handler: () => ({ headers: { "Content-Type": "text/plain" }, body: oldStyle() }) }),
  refused("event-stream", answers({ "Content-Type": "text/event-stream" })),
  refused("admission", { options: { admission: "second-request" } }),
  refused("audit", {
    options: { audit: "enforce" },
    handler: ({ req }) => ({ body: `for ${req.headers["x-name"] as string}` }),
  }),
  refused("hole-encoded", {
    before: (site) => site.cache.hole("name", () => "one"),
    handler: ({ directives }) => ({ headers: { "Content-Encoding": "gzip" }, body: gzipSync(directives.hole("name")) }),
  }),
  {
    field: "fwd=uri-miss; fwd-status=206; detail=hole-failed",
    refused: "hole-partial",
    options: { relaxed: { partial: true } },
    request: headers({ range: "bytes=0-1" }),
    before: (site) => site.cache.hole("name", () => "one"),
    handler: ({ directives }) => {
      const [body, fields] = [directives.hole("name"), { ETag: '"a"', "Cache-Control": "max-age=60" }];
      return { status: 206, headers: { ...fields, "Content-Range": `bytes 0-${body.length - 1}/99` }, body };
    },
    foretold: MISS,
  },
  refused("should-store", { options: { shouldStore: () => false } }),
  refused("hook", { options: { shouldStore: throws } }),
  refused("hook", { options: { tags: throws } }),
  refused("partition", {
    handler: ({ directives }) => {
      directives.partition("staff");
      return { body: "page" };
    },
  }),
  refused("never", { tool: (tools) => tools.never() }),
  ...["skip", OWN_WORD].map((word) =>
    refused(word, {
      handler: ({ directives }) => {
        directives.skip(word);
        return { body: "page" };
      },
    }),
  ),
];

const TOO_LATE: readonly Reason[] = [
  late("too-long", { options: { maxBody: 6 }, ...streamed() }),
  late("length", streamed(undefined, { "Content-Length": "9" })),
  late("aborted", { only: /express|http/, ...streamed(torn) }),
  late("error", { only: /koa/, ...streamed(throws) }),
  late("audit", { options: { audit: "enforce" }, ...streamed(({ req }) => req.headers["x-name"]) }),
  late(
    "purged",
    streamed((_asked, site) => site.cache.purge("/")),
  ),
  late(
    "store",
    streamed((_asked, site) => site.cache.close()),
  ),
];

export const REASONS: readonly Reason[] = [...LEFT_ALONE, ...ASKED_FOR, ...NOT_STORED, ...TOO_LATE];

// Once the head is on its way: it has been handed to the system some turns of the event loop later.
async function torn({ res }: Asked): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  res.destroy();
}

// Nothing but `pipe`, as streams were before Node 0.10.
function oldStyle(): Stream {
  const stream = new Stream();
  setImmediate(() => {
    stream.emit("data", "page");
    stream.emit("end");
  });
  return stream;
}
