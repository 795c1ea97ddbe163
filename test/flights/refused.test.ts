/** A refresh behind a stale page that comes to nothing: it is told, and the next client that finds the page stale has
 * it made. */
import { createServer, get } from "node:https";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { text } from "node:stream/consumers";
import { TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";
import type { CacheEvents } from "@diskcache/core";
import { diskCache, isRefresh } from "@diskcache/http";
import { ADAPTERS } from "../adapters/adapters.js";
import type { Adapter, Handler } from "../adapters/adapters.js";
import { serveSite } from "../adapters/site.js";
import type { Site } from "../adapters/site.js";
import { written } from "../security/crafted.js";
import { barrier } from "../support/barrier.js";
import { listening } from "../support/listening.js";
import { ManualClock } from "../support/manual-clock.js";
import { CERTIFICATE, KEY } from "../support/self-signed.js";
import { temporaryDirectory } from "../support/temporary-directory.js";

type Guard = (req: IncomingMessage, res: ServerResponse) => unknown;

const REFUSALS: readonly { readonly by: string; readonly refuse: Guard; readonly status: number | undefined }[] = [
  { by: "a login wall", refuse: (_, res) => res.writeHead(401).end("log in"), status: 401 },
  { by: "a redirect", refuse: (_, res) => res.writeHead(302, { Location: "/login" }).end(), status: 302 },
  { by: "a rate limit", refuse: (_, res) => res.writeHead(429).end(), status: 429 },
  { by: "middleware that fails", refuse: (_, res) => res.writeHead(500).end(), status: 500 },
  { by: "middleware that breaks off", refuse: (req) => req.destroy(), status: undefined },
  {
    by: "middleware that throws",
    refuse: () => {
      throw new Error("no such method");
    },
    status: undefined,
  },
];

interface Guarded {
  readonly site: Site;
  readonly renders: () => number;
  readonly refused: CacheEvents["refresh-refused"][];
  /** Until so many refreshes have been refused. */
  readonly told: (times: number) => Promise<void>;
}

/** A site with something before it that refuses requests of the cache's own, if it wants to. */
async function guarded(adapter: Adapter, refuse: Guard, handler?: Handler, front = false): Promise<Guarded> {
  const clock = new ManualClock();
  const dir = temporaryDirectory();
  const options = { dir, clock, ttl: 10, staleWhileRevalidate: "1h", flight: { timeout: "1m" } } as const;
  const { cache, listen } = adapter.create(options);
  let renders = 0;
  const inside = listen({
    handler: (asked) => {
      renders++;
      return handler?.(asked) ?? { headers: { "Content-Type": "text/plain" }, body: `render ${renders}` };
    },
  });
  const listener: RequestListener = (req, res) => (isRefresh(req) ? refuse(req, res) : inside(req, res));
  const site = await serveSite(cache, clock, dir, front ? cache.front(listener) : listener);
  const refused: CacheEvents["refresh-refused"][] = [];
  cache.on("refresh-refused", (event) => refused.push(event));
  const told = async (times: number): Promise<void> => {
    while (refused.length < times) await new Promise(setImmediate);
  };
  await site.visit("/page");
  await written(cache);
  return { site, renders: () => renders, refused, told };
}

describe.each(ADAPTERS)("$name: a refresh that is refused", (adapter) => {
  it.each(REFUSALS)("by $by is told, and the next client has the page made", async ({ refuse, status }) => {
    const { site, refused, told, renders } = await guarded(adapter, refuse);
    for (const round of [1, 2, 3]) {
      site.clock.advance(15);
      expect((await site.visit("/page")).text).toBe(`render ${round}`);
      await told(round);
      const next = await site.visit("/page");
      expect([next.text, next.cacheStatus]).toEqual([
        `render ${round + 1}`,
        expect.stringContaining("diskcache; fwd=stale"),
      ]);
      expect((await site.visit("/page")).isHit).toBe(true);
      // Until then the lock of the page is held.
      await written(site.cache);
    }
    expect(refused).toEqual(Array.from({ length: 3 }, () => ({ url: "/page", reached: false, status })));
    expect([renders(), (await site.cache.stats()).refusedRefreshes]).toEqual([4, 3]);
  });

  it("is told, and the next client has the page made, also where `front()` answers the hits", async () => {
    const { site, told } = await guarded(adapter, (_, res) => res.writeHead(401).end(), undefined, true);
    site.clock.advance(15);
    expect((await site.visit("/page")).isHit).toBe(true);
    await told(1);
    expect((await site.visit("/page")).text).toBe("render 2");
    expect((await site.visit("/page")).isHit).toBe(true);
  });

  it("leaves the stale page to those who come while a client has it made", async () => {
    const release = barrier();
    const begun = barrier();
    let turn = 0;
    const { site, told } = await guarded(
      adapter,
      (_, res) => res.writeHead(401).end(),
      async () => {
        if (++turn > 1) {
          begun.open();
          await release.opened;
        }
        return { headers: { "Content-Type": "text/plain" }, body: `render ${turn}` };
      },
    );
    site.clock.advance(15);
    await site.visit("/page");
    await told(1);
    const leads = site.visit("/page");
    await begun.opened;
    const meanwhile = await Promise.all([site.visit("/page"), site.visit("/page")]);
    expect(meanwhile.every(({ isHit, text }) => isHit && text === "render 1")).toBe(true);
    release.open();
    expect((await leads).text).toBe("render 2");
  });

  // A function from Request to Response is asked without one.
  it.skipIf(adapter.web)("for want of a server is told as well, as with requests that are injected", async () => {
    const { site, told, refused } = await guarded(adapter, () => expect.unreachable());
    site.onRequest(({ socket }) => Object.defineProperty(socket, "server", { value: undefined }));
    site.clock.advance(15);
    expect((await site.visit("/page")).isHit).toBe(true);
    await told(1);
    expect(refused).toEqual([{ url: "/page", reached: false, status: undefined }]);
    expect((await site.visit("/page")).text).toBe("render 2");
  });
});

describe.each(ADAPTERS)("$name: a refresh that comes to the cache", (adapter) => {
  it("and makes another page than the stale one is told, and the next client has the stale one made", async () => {
    const site = await openElsewhere(adapter);
    site.clock.advance(15);
    const told = new Promise((resolve) => site.cache.on("refresh-refused", resolve));
    expect((await site.visit("/page")).isHit).toBe(true);
    expect(await told).toEqual({ url: "/page", reached: true, status: 200 });
    expect((await site.visit("/page")).text).toBe("render 3");
    expect((await site.visit("/page")).isHit).toBe(true);
  });
});

/** A site whose middleware chooses the language by where a client is, which no request of the cache's own is
 * anywhere. */
async function openElsewhere(adapter: Adapter): Promise<Site> {
  const clock = new ManualClock();
  const dir = temporaryDirectory();
  const { cache, listen } = adapter.create({
    dir,
    clock,
    ttl: 10,
    staleWhileRevalidate: "1h",
    key: { headers: ["x-country"] },
  });
  let renders = 0;
  const inside = listen({
    handler: () => ({ headers: { "Content-Type": "text/plain" }, body: `render ${++renders}` }),
  });
  const site = await serveSite(cache, clock, dir, (req, res) => {
    const country = isRefresh(req) ? "none" : "de";
    req.headers["x-country"] = country;
    req.rawHeaders.push("X-Country", country);
    inside(req, res);
  });
  await site.visit("/page");
  await written(cache);
  return site;
}

it("A request of the cache's own has a socket with every method of one, of TLS where clients come by TLS", async () => {
  const clock = new ManualClock();
  const cache = diskCache({ dir: temporaryDirectory(), clock, ttl: 10, staleWhileRevalidate: "1h" });
  const sockets: Socket[] = [];
  const server = createServer({ key: KEY, cert: CERTIFICATE }, (req, res) => {
    if (isRefresh(req)) sockets.push(req.socket);
    cache(() => res.end("page"))(req, res);
  });
  const origin = (await listening(server)).replace("http:", "https:");
  const asked = (): Promise<string> =>
    new Promise((resolve, reject) =>
      get(origin, { ca: CERTIFICATE }, (answer) => resolve(text(answer))).on("error", reject),
    );
  expect(await asked()).toBe("page");
  clock.advance(15);
  const kept = new Promise((resolve) => cache.on("stored", resolve));
  expect(await asked()).toBe("page");
  await kept;
  const [socket] = sockets;
  expect(socket).toBeInstanceOf(Socket);
  const tls = socket as TLSSocket;
  const methods = Object.getOwnPropertyNames(TLSSocket.prototype).filter((name) => !name.startsWith("_"));
  for (const name of methods)
    if (typeof (TLSSocket.prototype as unknown as Record<string, unknown>)[name] === "function")
      expect([name, typeof (tls as unknown as Record<string, unknown>)[name]]).toEqual([name, "function"]);
  expect([tls.encrypted, tls.authorized, tls.getPeerCertificate(), tls.getProtocol(), tls.remoteAddress]).toEqual([
    true,
    false,
    {},
    "TLSv1.3",
    "127.0.0.1",
  ]);
});
