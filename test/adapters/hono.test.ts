/** Hono on its own server: what the shared suite, which has a server of its own, does not show. */
import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import type { PageCacheOptions } from "@diskcache/core";
import { diskCache as fetchCache } from "@diskcache/fetch";
import { diskCache } from "@diskcache/fetch/hono";
import { Hono } from "hono";
import type { Context } from "hono";
import { cors } from "hono/cors";
import { streamText } from "hono/streaming";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { barrier } from "../support/barrier.js";
import { ManualClock } from "../support/manual-clock.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { written } from "../security/crafted.js";
import { beginVisit, visit as visitOrigin } from "../support/visit.js";
import type { VisitOptions } from "../support/visit.js";

type Fetch = (request: Request, env: object) => Response | Promise<Response>;

function cacheOf(options: Partial<PageCacheOptions<Context>> = {}) {
  const clock = new ManualClock();
  const cache = diskCache({ dir: temporaryDirectory(), ttl: 60, clock, ...options } as PageCacheOptions<Context>);
  onTestFinished(() => cache.close());
  return { clock, cache };
}

async function served(fetch: Fetch) {
  const server = serve({ fetch, port: 0, hostname: "127.0.0.1", overrideGlobalObjects: false });
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign((target = "/", options: VisitOptions = {}) => visitOrigin(origin, target, options), { origin });
}

describe("a Hono application on @hono/node-server", () => {
  it("is cached before its routes, with tags, purges and never", async () => {
    const { cache } = cacheOf();
    let renders = 0;
    const app = new Hono();
    app.use(cache);
    app.get("/reports/:id", cache.route({ ttl: "1h" }), (c) => {
      c.get("diskCache").tag(`report:${c.req.param("id")}`);
      return c.html(`render ${++renders}`);
    });
    app.get("/account", cache.never(), (c) => c.text(`render ${++renders}`));
    app.post(
      "/reports/:id",
      cache.purges((c) => ({ tag: `report:${c.req.param("id")}` })),
      (c) => c.redirect("/"),
    );
    const visit = await served(app.fetch);
    expect((await visit("/reports/7")).cacheStatus).toBe("diskcache; fwd=uri-miss; stored");
    const hit = await visit("/reports/7");
    expect([hit.cacheStatus, hit.text]).toEqual(["diskcache; hit; ttl=3600", "render 1"]);
    expect((await visit("/reports/7", { method: "POST" })).status).toBe(302);
    expect((await visit("/reports/7")).text).toBe("render 2");
    for (const text of ["render 3", "render 4"]) expect((await visit("/account")).text).toBe(text);
  });

  it("is cached as a whole, in front of Hono", async () => {
    const cache = fetchCache({ dir: temporaryDirectory(), ttl: 60 });
    onTestFinished(() => cache.close());
    let runs = 0;
    const app = new Hono();
    app.use(async (_c, next) => {
      runs++;
      await next();
    });
    app.get("/", (c) => c.text("page"));
    const visit = await served(cache(app.fetch));
    for (let n = 0; n < 3; n++) expect((await visit()).text).toBe("page");
    expect(runs).toBe(1);
  });

  it("streams, and is stored when it has ended", async () => {
    const { cache } = cacheOf();
    const stored = new Promise((resolve) => cache.on("stored", resolve));
    const app = new Hono();
    app.use(cache);
    app.get("/", (c) =>
      streamText(c, async (stream) => {
        for (const piece of ["one ", "two"]) await stream.write(piece);
      }),
    );
    const visit = await served(app.fetch);
    expect((await visit()).text).toBe("one two");
    await stored;
    expect((await visit()).isHit).toBe(true);
  });

  it.each([
    { version: "1.1", end: "a connection that ends" },
    { version: "1.0", end: "a reset" },
  ])("gives a client of HTTP/$version $end in the place of the rest of a body that fails", async ({ version }) => {
    vi.spyOn(console, "error").mockImplementation(() => {}); // what the server writes of it
    const { cache } = cacheOf();
    const app = new Hono();
    const fail = barrier();
    app.use(cache);
    app.get("/", () => {
      let pieces = 0;
      const pull = async (controller: ReadableStreamDefaultController) => {
        if (pieces++ === 0) return controller.enqueue(Buffer.from("some"));
        await fail.opened;
        controller.error(new Error("no more"));
      };
      return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }));
    });
    const { port } = new URL((await served(app.fetch)).origin);
    const socket = connect(Number(port), "127.0.0.1").setEncoding("latin1");
    socket.write(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`);
    let received = "";
    let error: unknown;
    socket.on("data", (piece: string) => {
      received += piece;
      if (received.includes("some")) fail.open();
    });
    socket.on("error", (thrown) => (error = thrown));
    await new Promise((resolve) => socket.once("close", resolve));
    expect(received.split("\r\n\r\n")[1]).toBe(version === "1.1" ? "4\r\nsome\r\n" : "some");
    if (version === "1.0") expect(error).toMatchObject({ code: "ECONNRESET" });
  });

  it("breaks nothing off for a body that fails and that middleware outside has replaced", async () => {
    const { cache } = cacheOf();
    const app = new Hono();
    const other = new TransformStream<Uint8Array, Uint8Array>({}, { highWaterMark: 100 });
    const writer = other.writable.getWriter();
    let fail = (): void => {};
    app.use(async (c, next) => {
      await next();
      c.res = undefined;
      c.res = new Response(other.readable);
    }, cache);
    app.get("/", () => {
      const start = (controller: ReadableStreamDefaultController) => {
        controller.enqueue(Buffer.from("some"));
        fail = () => controller.error(new Error("no more"));
      };
      return new Response(new ReadableStream({ start }));
    });
    const { origin } = await served(app.fetch);
    void writer.write(Buffer.from("the other, "));
    const answer = await beginVisit(origin, "/");
    fail();
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    void writer.write(Buffer.from("whole"));
    void writer.close();
    expect(await text(answer)).toBe("the other, whole");
  });

  it("gives each client what cors() has set for it before the cache", async () => {
    const { cache } = cacheOf();
    const app = new Hono();
    app.use(cors({ origin: (origin) => origin }), cache);
    app.get("/", (c) => c.text("page"));
    const visit = await served(app.fetch);
    for (const origin of ["https://a.example", "https://b.example"])
      expect((await visit("/", { headers: { origin } })).header("access-control-allow-origin")).toBe(origin);
    expect(await cache.stats()).toMatchObject({ hits: 1, stored: 1 });
  });

  it("stores nothing to which middleware outside adds a cookie", async () => {
    const { cache } = cacheOf();
    const app = new Hono();
    app.use(async (c, next) => {
      await next();
      c.header("Set-Cookie", "sid=1", { append: true });
    }, cache);
    app.get("/", (c) => c.text("page"));
    const visit = await served(app.fetch);
    for (let n = 0; n < 2; n++) {
      const answer = await visit();
      expect([answer.cacheStatus, answer.lines("set-cookie")]).toEqual([
        "diskcache; fwd=uri-miss; detail=set-cookie",
        ["sid=1"],
      ]);
    }
  });

  it.each(["user", "jwtPayload", "auth"])("shares no page of a client that middleware knows as `%s`", async (name) => {
    const { cache } = cacheOf();
    const app = new Hono<{ Variables: Record<string, unknown> }>();
    app.use(async (c, next) => {
      c.set(name, { id: 1 });
      await next();
    }, cache);
    app.get("/", (c) => c.text("page"));
    const visit = await served(app.fetch);
    for (let n = 0; n < 2; n++) expect((await visit()).cacheStatus).toContain("detail=authorization");
  });

  it("is refreshed behind a stale page, through the server", async () => {
    const { cache, clock } = cacheOf({ staleWhileRevalidate: 60 });
    let renders = 0;
    let outside = 0;
    const app = new Hono();
    app.use(async (_c, next) => {
      outside++;
      await next();
    }, cache);
    app.get("/", (c) => c.text(`render ${++renders}`));
    const visit = await served(app.fetch);
    await visit();
    await written(cache);
    clock.advance(70);
    const stored = new Promise((resolve) => cache.on("stored", resolve));
    expect((await visit()).text).toBe("render 1");
    await stored;
    expect([(await visit()).text, outside]).toEqual(["render 2", 4]);
    expect(await cache.warm(["/", "/other"])).toMatchObject({ done: 2 });
  });

  it("has a stale page in the place of the error that its handler throws", async () => {
    const { cache, clock } = cacheOf({ staleIfError: 600 });
    let fails = false;
    const app = new Hono();
    app.use(cache);
    app.get("/", (c) => {
      if (fails) throw new Error("down");
      return c.text("page");
    });
    app.onError((_error, c) => c.text("failed", 500));
    const visit = await served(app.fetch);
    await visit();
    clock.advance(70);
    fails = true;
    expect((await visit()).text).toBe("page");
    clock.advance(1000);
    const answer = await visit();
    expect([answer.status, answer.text]).toEqual([500, "failed"]);
  });

  it.each([
    { under: "the cache before all routes", policy: undefined },
    { under: "the policy of a route", policy: { timeout: 0.02 } },
    { under: "the policy of a route with pages of its own", policy: { timeout: 0.02, key: { headers: ["x-theme"] } } },
  ])("has a stale page stand in for a handler that takes longer than `timeout`, under $under", async ({ policy }) => {
    const { cache, clock } = cacheOf({ staleIfError: 600, ...(policy === undefined && { timeout: 0.02 }) });
    const release = barrier();
    const after: string[] = [];
    let renders = 0;
    const app = new Hono();
    app.use(cors({ origin: (origin) => origin }));
    app.use(async (c, next) => {
      await next();
      c.header("X-After", "set");
      after.push(`${c.res.status} ${await c.res.clone().text()}`);
    }, cache);
    if (policy !== undefined) app.use(cache.route(policy));
    app.get("/", async (c) => {
      if (++renders === 2) await release.opened;
      c.header("X-Render", String(renders));
      return c.text(`render ${renders}`);
    });
    const visit = await served(app.fetch);
    await visit("/", { headers: { origin: "https://a.example" } });
    await written(cache);
    clock.advance(70);
    const late = await visit("/", { headers: { origin: "https://b.example" } });
    expect([late.status, late.text, late.header("x-render"), late.header("access-control-allow-origin")]).toEqual([
      200,
      "render 1",
      "1",
      "https://b.example",
    ]);
    expect(late.cacheStatus).toContain("stale");
    const stored = new Promise((resolve) => cache.on("stored", resolve));
    release.open();
    await stored;
    const next = await visit("/");
    expect([next.text, next.isHit, next.lines("x-render"), next.lines("x-after")]).toEqual([
      "render 2",
      true,
      ["2"],
      ["set"],
    ]);
    expect([renders, after]).toEqual([2, ["200 render 1", "200 ", "200 render 2"]]);
  });

  it.each([
    { thrown: new Error("down"), errors: 1 },
    { thrown: "down", errors: 0 },
  ])("goes on after a stale page stood in for a handler that throws $thrown late", async ({ thrown, errors }) => {
    const { cache, clock } = cacheOf({ staleIfError: 600, timeout: 0.02 });
    const release = barrier();
    const failed = barrier();
    const seen: unknown[] = [];
    let renders = 0;
    const app = new Hono();
    app.use(async (_c, next) => {
      await next();
      if (renders === 2) failed.open();
    }, cache);
    app.get("/", async (c) => {
      if (++renders === 1) return c.text("page");
      await release.opened;
      // oxlint-disable-next-line typescript/only-throw-error -- applications do
      throw thrown;
    });
    app.onError((error, c) => {
      seen.push(error);
      return c.text("failed", 500);
    });
    const visit = await served(app.fetch);
    await visit();
    await written(cache);
    clock.advance(70);
    expect((await visit()).text).toBe("page");
    release.open();
    await failed.opened;
    expect(seen).toHaveLength(errors);
    expect((await visit()).text).toBe("page");
  });
});

it("an application asked by `request()` waits for its handler, and says once that `timeout` has no effect", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const warn = vi.spyOn(process, "emitWarning").mockReturnValue(undefined);
  const { cache, clock } = cacheOf({ staleIfError: 600, timeout: 0.001 });
  let renders = 0;
  const app = new Hono();
  app.use(cache);
  app.get("/", async (c) => {
    // Longer than the `timeout`.
    if (renders > 0) await vi.advanceTimersByTimeAsync(5);
    return c.text(`render ${++renders}`);
  });
  const ask = async () => (await app.request("http://example.com/")).text();
  await ask();
  for (const render of [2, 3]) {
    await written(cache);
    clock.advance(70);
    expect(await ask()).toBe(`render ${render}`);
  }
  expect(warn.mock.calls).toEqual([[expect.stringContaining("option `stale.timeout`"), expect.anything()]]);
});

it("an application that is asked by `request()` is cached, and has a stale page made by the next client", async () => {
  const { cache, clock } = cacheOf({ staleWhileRevalidate: 600 });
  let renders = 0;
  const app = new Hono();
  app.use(cache);
  app.get("/", (c) => c.text(`render ${++renders}`));
  const ask = async () => (await app.request("http://example.com/")).text();
  expect([await ask(), await ask()]).toEqual(["render 1", "render 1"]);
  await written(cache);
  clock.advance(70);
  const refused = new Promise((resolve) => cache.on("refresh-refused", resolve));
  expect(await ask()).toBe("render 1");
  await refused;
  expect(await ask()).toBe("render 2");
});
