/** What is particular to handlers from a web Request to a Response: the host of the URL, bodies and clients of the web,
 * and the ways in which servers and code outside differ. */
import { PassThrough, Readable } from "node:stream";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { PageCacheOptions } from "@diskcache/core";
import { diskCache } from "@diskcache/fetch";
import type { CachedRequest } from "@diskcache/fetch";
import { barrier } from "../support/barrier.js";
import { fetchListener } from "../support/fetch-listener.js";
import { ManualClock } from "../support/manual-clock.js";
import { written } from "../security/crafted.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { serveSite } from "./site.js";

type Handler = (request: CachedRequest) => Response | Promise<Response>;

function open(handler: Handler, options: Partial<PageCacheOptions<Request>> = {}) {
  const [clock, dir] = [new ManualClock(), temporaryDirectory()];
  const cache = diskCache({ dir, ttl: 60, clock, ...options } as PageCacheOptions<Request>);
  onTestFinished(() => cache.close());
  let renders = 0;
  const fetch = cache((request: CachedRequest) => {
    renders++;
    return handler(request);
  });
  const visit = (path = "/", init: RequestInit = {}) => fetch(new Request(new URL(path, "http://example.com"), init));
  return { cache, clock, dir, fetch, visit, renders: () => renders };
}

/** A body that the test writes. */
function paced() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>({}, { highWaterMark: 100 });
  const writer = writable.getWriter();
  return { readable, writer, write: (text: string) => writer.write(Buffer.from(text)), end: () => writer.close() };
}

const status = (response: Response) => response.headers.get("cache-status") ?? "";
const stored = (cache: { on(name: "stored", told: () => void): void }) =>
  new Promise<void>((resolve) => cache.on("stored", resolve));

describe("the host of a Request", () => {
  it("is that of its URL, without any field", async () => {
    const { fetch, renders } = open((request) => new Response(new URL(request.url).host));
    for (const host of ["a.example", "b.example", "a.example"])
      expect(await (await fetch(new Request(`http://${host}/`))).text()).toBe(host);
    expect(renders()).toBe(2);
  });

  it("is not another one's in a Host field, which is part of the key as well", async () => {
    const { visit, renders } = open((request) => new Response(request.headers.get("host")));
    for (const host of ["example.com", "evil.example", "example.com"])
      expect(await (await visit("/", { headers: { host } })).text()).toBe(host);
    expect(await (await visit("/")).text()).toBe("example.com");
    expect(renders()).toBe(2);
  });

  it("is in doubt where there are two Host fields, and nothing is stored", async () => {
    const { visit } = open(() => new Response("page"));
    const headers = { host: "example.com, evil.example" };
    for (let n = 0; n < 2; n++) expect(status(await visit("/", { headers }))).toContain("detail=host");
  });

  it("stays the same when the page is refreshed behind a stale one", async () => {
    const { visit, clock, cache } = open((request) => new Response(request.headers.get("host")), {
      staleWhileRevalidate: 60,
    });
    const headers = { host: "other.example" };
    await (await visit("/", { headers })).text();
    await written(cache);
    clock.advance(70);
    const refreshed = stored(cache);
    expect(await (await visit("/", { headers })).text()).toBe("other.example");
    await refreshed;
    expect(status(await visit("/", { headers }))).toBe("diskcache; hit; ttl=60");
  });
});

describe("a Response", () => {
  it("with its body in memory is stored whole, with a validator", async () => {
    const { visit } = open(() => new Response("page"));
    const miss = await visit();
    expect([status(miss), await miss.text()]).toEqual(["diskcache; fwd=uri-miss; stored", "page"]);
    const condition = { headers: { "if-none-match": miss.headers.get("etag")! } };
    expect((await visit("/", condition)).status).toBe(304);
  });

  it.each([
    { given: "a redirect, whose fields are immutable", make: () => Response.redirect("http://example.com/b", 301) },
    { given: "one without a body", make: () => new Response(null, { status: 200 }) },
    { given: "JSON", make: () => Response.json({ one: 1 }) },
    { given: "a Blob", make: () => new Response(new Blob(["page"], { type: "text/plain" })) },
    { given: "a form", make: () => new Response(new URLSearchParams({ a: "b" })) },
  ])("that is $given is the same on a hit", async ({ make }) => {
    const { visit, cache } = open(make);
    const done = stored(cache);
    const [miss] = [await visit()];
    const first = [miss.status, miss.headers.get("content-type"), miss.headers.get("location"), await miss.text()];
    await done;
    const hit = await visit();
    expect(status(hit)).toMatch(/; hit/);
    expect([hit.status, hit.headers.get("content-type"), hit.headers.get("location"), await hit.text()]).toEqual(first);
  });

  it.each([
    { given: "was read already", spoil: async (response: Response) => void (await response.text()) },
    { given: "is being read", spoil: (response: Response) => void response.body!.getReader() },
  ])("whose body $given is handed on as it is, and not stored", async ({ spoil }) => {
    const { visit, renders, cache } = open(async () => {
      const response = new Response("page");
      await spoil(response);
      return response;
    });
    for (let n = 0; n < 2; n++) {
      const response = await visit();
      expect(response.bodyUsed || response.body!.locked).toBe(true);
    }
    expect([renders(), (await cache.stats()).stored]).toEqual([2, 0]);
  });

  it("by which a handler says that it has answered past its server is not stored", async () => {
    const { visit, renders } = open(() => new Response(null, { headers: { "x-hono-already-sent": "true" } }));
    for (let n = 0; n < 2; n++) expect((await visit()).headers.has("x-hono-already-sent")).toBe(true);
    expect(renders()).toBe(2);
  });

  it("that is not stored stays the object it was", async () => {
    let made: Response | undefined;
    const { visit } = open(() => (made = new Response("page", { headers: { "Cache-Control": "no-store" } })));
    expect(await visit("/", { method: "POST", body: "x" })).toBe(made);
  });
});

describe("a client of a stream", () => {
  it("is given each piece as it comes", async () => {
    const body = paced();
    const { visit } = open(() => new Response(body.readable));
    const reader = (await visit()).body!.getReader();
    for (const piece of ["one ", "two"]) {
      await body.write(piece);
      expect(Buffer.from((await reader.read()).value).toString()).toBe(piece);
    }
    await body.end();
    expect((await reader.read()).done).toBe(true);
  });

  it("that cancels its body has left, and the page is stored", async () => {
    const body = paced();
    let signal: AbortSignal | undefined;
    const { visit, cache } = open((request) => {
      ({ signal } = request);
      return new Response(body.readable);
    });
    const done = stored(cache);
    const response = await visit();
    await body.write("half ");
    await response.body!.cancel();
    await body.write("and half");
    expect(signal!.aborted).toBe(false);
    await body.end();
    await done;
    expect(await (await visit()).text()).toBe("half and half");
  });

  it("that cancels its body ends the handler's where nothing is stored", async () => {
    const cancelled = barrier();
    const { visit } = open(() => {
      const pieces = new ReadableStream({
        pull: (controller) => controller.enqueue(Buffer.from("piece")),
        cancel: () => cancelled.open(),
      });
      return new Response(pieces, { headers: { "Cache-Control": "no-store" } });
    });
    await (await visit()).body!.cancel();
    expect(await cancelled.opened).toBeUndefined();
  });

  it.each([
    { answer: "a 304", headers: { "If-None-Match": "*" }, status: 304 },
    { answer: "its part", headers: { Range: "bytes=0-4" }, status: 206 },
  ])("that has had $answer holds no other client up behind a handler that is silent", async ({ headers, status }) => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const body = paced();
    const { visit, cache, renders } = open(
      () =>
        renders() === 1 ? new Response(body.readable, { headers: { "Content-Length": "9" } }) : new Response("page"),
      { flight: { timeout: "1m" } },
    );
    void body.write("never ");
    const answer = await visit("/", { headers });
    await answer.arrayBuffer();
    expect(answer.status).toBe(status);
    const other = visit();
    while ((await cache.stats()).waiting < 1) await new Promise(setImmediate);
    vi.advanceTimersByTime(1_000);
    expect([await (await other).text(), renders()]).toEqual(["page", 2]);
  });

  it("that sends a HEAD leaves unharmed what Node made of a stream of its own", async () => {
    const bodies: PassThrough[] = [];
    const { visit } = open(() => {
      const body = new PassThrough().on("error", () => {});
      bodies.push(body);
      for (let pieces = 0; pieces < 4; pieces++) body.write(Buffer.alloc(20_000));
      return new Response(Readable.toWeb(body) as ReadableStream);
    });
    for (const path of ["/1", "/2"]) expect((await visit(path, { method: "HEAD" })).body).toBe(null);
    for (const body of bodies) if (!body.closed) await new Promise((resolve) => body.once("close", resolve));
    expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  });

  it("that does not read holds the handler back, where nothing is stored", async () => {
    let pulls = 0;
    const piece = Buffer.alloc(16 * 1024);
    const { visit } = open(() => {
      const pieces = new ReadableStream({
        pull(controller) {
          pulls++;
          controller.enqueue(piece);
        },
      });
      return new Response(pieces, { headers: { "Cache-Control": "no-store" } });
    });
    const response = await visit();
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    expect(pulls).toBeLessThan(16);
    await response.body!.cancel();
  });
});

describe("what code outside adds", () => {
  it("to a response that a server of Node sends is seen: a cookie keeps the page out", async () => {
    const { fetch, dir, clock, cache } = open(() => new Response("page"));
    const site = await serveSite(
      cache as never,
      clock,
      dir,
      fetchListener(async (request, node) => {
        const response = await (fetch as (request: Request, node: unknown) => Promise<Response>)(request, node);
        response.headers.append("Set-Cookie", "sid=1");
        return response;
      }),
    );
    for (let n = 0; n < 2; n++) expect((await site.visit("/")).cacheStatus).toContain("detail=set-cookie");
  });
});

it("warms pages through the function that the first request came by", async () => {
  const { cache, visit } = open((request) => new Response(new URL(request.url).pathname));
  await expect(cache.warm(["/a"])).rejects.toMatchObject({ code: "ERR_DISKCACHE_SERVER" });
  await visit("/");
  expect(await cache.warm(["/a", "/b"])).toMatchObject({ done: 2, stored: 2 });
  expect(status(await visit("/b"))).toMatch(/; hit/);
  expect(await cache.refresh("/b")).toMatchObject({ stored: true });
});

it("hands on what the server hands on beside the request", async () => {
  const cache = diskCache({ dir: temporaryDirectory(), ttl: 60 });
  onTestFinished(() => cache.close());
  const fetch = cache(async (_request: Request, env: { readonly name: string }) => new Response(env.name));
  expect(await (await fetch(new Request("http://example.com/"), { name: "env" })).text()).toBe("env");
});

it("knows a client by its certificate, or by what the server's middleware has recognised", async () => {
  const cache = diskCache({ dir: temporaryDirectory(), ttl: 60 });
  onTestFinished(() => cache.close());
  const fetch = cache(async (_request: Request, _node: unknown) => new Response("page"));
  for (const known of [{ socket: { authorized: true } }, { user: { id: 1 } }]) {
    const incoming = { rawHeaders: [], socket: {}, ...known };
    expect(status(await fetch(new Request("http://example.com/"), { incoming }))).toContain("detail=authorization");
  }
});
