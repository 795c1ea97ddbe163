/** Handlers and hooks that write to an HTTP/2 response themselves, and what is sent in place of what they write. */
import { once } from "node:events";
import type { RequestListener, ServerResponse } from "node:http";
import type { ClientHttp2Stream, ServerHttp2Stream } from "node:http2";
import { text } from "node:stream/consumers";
import { diskCache as expressCache } from "@diskcache/express";
import { breakOff, clientLeft, isGone, send } from "@diskcache/http";
import express5 from "express";
import express4 from "express4";
import onHeaders from "on-headers";
import { describe, expect, it, onTestFinished } from "vitest";
import { beforeItEnds } from "../../packages/http/src/connection.js";
import { barrier } from "../support/barrier.js";
import { answerOf, openHttp2 } from "../support/http2-server.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { KINDS, openSite, SPEAKING, writingByHand } from "./http2-site.js";

const PLAIN = { "Content-Type": "text/plain" };

describe("node:http over HTTP/2", () => {
  it.each(["end", "write", "writeHead", "flushHeaders"])(
    "fields that a hook adds before the head leaves are there on hits (%s)",
    async (way) => {
      const site = await openHttp2(
        "cleartext",
        writingByHand((_req, res) => {
          onHeaders(res, () => void res.setHeader("X-Late", "yes"));
          res.setHeader("Content-Type", "text/plain");
          if (way === "writeHead") res.writeHead(200, { "X-Given": "1" });
          if (way === "flushHeaders") res.flushHeaders();
          if (way === "write") res.write("pa");
          res.end(way === "write" ? "ge" : "page");
        }),
      );
      const [miss, hit] = [await site.visit("/"), await site.visit("/")];
      expect([miss.text, miss.header("x-late"), hit.text, hit.isHit]).toEqual(["page", "yes", "page", true]);
    },
  );

  it("a cookie that a hook sets at the last moment has the page given to one client alone", async () => {
    const site = await openHttp2(
      "cleartext",
      writingByHand((req, res) => {
        onHeaders(res, () => void res.setHeader("Set-Cookie", `id=${String(req.headers["x-user"])}`));
        res.end("page");
      }),
    );
    await site.visit("/", { headers: { "x-user": "ann" } });
    const second = await site.visit("/", { headers: { "x-user": "bob" } });
    expect([second.isHit, second.lines("set-cookie")]).toEqual([false, ["id=bob"]]);
  });

  it("trailers and pushed streams are the application's", async () => {
    const pushed = barrier();
    const site = await openHttp2(
      "cleartext",
      writingByHand((_req, res) => {
        const { stream } = res as unknown as { stream: ServerHttp2Stream };
        stream.pushStream({ ":path": "/style.css" }, (_error, push) => {
          push.respond({ ":status": 200 });
          push.end("body {}");
        });
        res.addTrailers({ "X-Sum": "42" });
        res.end("page");
      }),
    );
    const session = site.connect();
    session.on("stream", (push) => void text(push).then((body) => body === "body {}" && pushed.open()));
    const asked = site.begin("/", {}, session);
    const trailers = once(asked, "trailers");
    expect((await answerOf(asked)).text).toBe("page");
    expect((await trailers)[0]).toMatchObject({ "x-sum": "42" });
    await pushed.opened;
  });
});

describe.each(SPEAKING)("$name over HTTP/2: in place of what a handler writes", (adapter) => {
  it.each(["answers 500", "throws", "takes too long"])("the stale page is sent when it %s", async (way) => {
    let failing = false;
    const release = barrier();
    const site = await openSite(
      adapter,
      "cleartext",
      async () => {
        if (!failing) return { headers: PLAIN, body: "page" };
        if (way === "throws") throw Object.assign(new Error("failed"), { expose: false });
        if (way === "takes too long") await release.opened;
        return { status: way === "answers 500" ? 500 : 200, headers: PLAIN, body: "late" };
      },
      { options: { ttl: 60, staleIfError: 600, ...(way === "takes too long" && { timeout: 0.02 }) } },
    );
    await site.visit("/");
    failing = true;
    site.clock.advance(61);
    const stale = await site.visit("/");
    expect([stale.status, stale.text]).toEqual([200, "page"]);
    release.open();
  });

  it("a purge is done before any of it leaves", async () => {
    const site = await openSite(
      adapter,
      "cleartext",
      ({ req }) => ({ headers: PLAIN, body: `${req.method} ${site.renders.count}` }),
      { tool: (tools) => tools.purges(() => "/") },
    );
    const texts = [];
    for (const method of ["POST", "GET", "POST", "GET"]) texts.push((await site.visit("/", { method })).text);
    expect(texts).toEqual(["POST 1", "GET 2", "POST 3", "GET 4"]);
  });
});

describe("a handler for HTTP/2 alone", () => {
  it("is not asked again in vain, and its server goes on", async () => {
    const site = await openSite(
      SPEAKING.find(({ tapped }) => tapped)!,
      "cleartext",
      () => ({ headers: PLAIN, body: `render ${site.renders.count}` }),
      { options: { ttl: 60, staleWhileRevalidate: 600 } },
    );
    const own = site.server.listeners("request")[0] as RequestListener;
    site.server.removeAllListeners("request");
    site.server.on("request", (req, res) => {
      if (req.stream.id! > 0) own(req as never, res as never);
    });
    await site.visit("/");
    site.clock.advance(61);
    expect((await site.visit("/")).text).toBe("render 1");
    expect(await site.cache.warm(["/other"])).toMatchObject({ done: 1, failed: 1 });
    // What the cache could not ask for itself, a client has made.
    expect((await site.visit("/")).text).toBe("render 2");
    expect((await site.visit("/")).text).toBe("render 2");
  });
});

describe("who ended an HTTP/2 response", () => {
  it.each([
    { by: "the client, with CANCEL", left: true, client: (asked: ClientHttp2Stream) => asked.close(8) },
    { by: "the client, without an error", left: true, client: (asked: ClientHttp2Stream) => asked.close(0) },
    { by: "the client's connection", left: true, client: (asked: ClientHttp2Stream) => asked.session!.destroy() },
    { by: "the application", left: false, server: (res: ServerResponse) => res.destroy() },
    { by: "the cache", left: false, server: breakOff },
  ])("can be told when it was $by", async ({ left, client, server }) => {
    const closed = barrier();
    let told: unknown;
    let response: ServerResponse | undefined;
    const site = await openHttp2("cleartext", (req, res) => {
      response = res;
      // As every response that is tapped.
      beforeItEnds(req, res, { ends() {}, tells() {} });
      expect(isGone(res)).toBe(false);
      res.on("close", () => {
        told = [isGone(res), clientLeft(res)];
        closed.open();
      });
      res.write("some");
    });
    const asked = site.begin("/", {}, site.connect());
    asked.on("error", () => {});
    await once(asked, "readable");
    if (client !== undefined) client(asked);
    else server(response!);
    await closed.opened;
    expect(told).toEqual([true, left]);
  });
});

describe("a stored body that turns out to be damaged", () => {
  it.each(KINDS)("resets its stream, so that no client takes it for whole (%s)", async (kind) => {
    const reader = {
      read: (start: number) => Promise.resolve(start === 0 ? Buffer.from("some") : Buffer.alloc(0)),
      close: () => {},
    };
    const body = { pieces: [{ start: 0, end: 8 }], open: () => reader };
    const site = await openHttp2(kind, (_req, res) =>
      send(res, {
        kind: "hit",
        status: 200,
        statusText: "Fine",
        headers: ["Content-Type", "text/plain", "Connection", "close", "Keep-Alive", "timeout=5"],
        body,
        outer: { kept: [], removed: [] },
        refresh: undefined,
      }),
    );
    const asked = site.begin("/");
    const [head] = (await once(asked, "response")) as [Record<string, unknown>];
    await expect(text(asked)).rejects.toThrow("NGHTTP2_INTERNAL_ERROR");
    expect(Object.keys(head).sort()).toEqual([":status", "content-type", "date"]);
  });
});

describe.each([
  { name: "express 5", express: express5 },
  { name: "express 4", express: express4 },
])("$name over HTTP/2", ({ express }) => {
  it("has its hits answered before it runs, where `cache.front` stands before it", async () => {
    const cache = expressCache({ dir: temporaryDirectory(), ttl: "5m" });
    onTestFinished(() => cache.close());
    const app = express();
    app.use(cache);
    app.get("/", (_req, res) => void res.send("page"));
    const site = await openHttp2("secure", cache.front(app as RequestListener));
    expect((await site.visitByHttp1("/")).isStored).toBe(true);
    const hit = await site.visit("/");
    expect([hit.text, hit.isHit]).toEqual(["page", true]);
  });
});
