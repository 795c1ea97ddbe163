/** Pages that machines share, over real servers. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { Cluster } from "ioredis";
import { createCluster } from "redis";
import { describe, expect, it, onTestFinished } from "vitest";
import { diskCache } from "@diskcache/express";
import type { DiskCacheOptions, ExpressDiskCache } from "@diskcache/express";
import { redisTier } from "@diskcache/redis";
import type { RedisClient, RedisTierOptions } from "@diskcache/redis";
import { CLIENTS } from "./clients.js";
import { asked, joined, temporary } from "./machine.js";
import type { Machine } from "./machine.js";
import { cable, eventually, redisServer, redisVersion } from "./server.js";
import { redisCluster } from "./topologies.js";

const NAME = "0123456789abcdef".repeat(4);
const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
/** A page that was begun when the chain stood there. */
const page = (number: number, text: Buffer = every): Buffer => {
  const bytes = Buffer.concat([Buffer.from("a token."), Buffer.alloc(8), text]);
  bytes.writeBigUInt64BE(BigInt(number), 8);
  return bytes;
};

describe.skipIf(redisVersion === undefined).each(CLIENTS)("pages over $name", ({ make }) => {
  it("come back as the bytes that they are, for as long as they were put there", async () => {
    const server = await redisServer();
    const pages = await redisTier({ client: make(server.port), name: "shop", release: "r1" }).pages!.connect();
    onTestFinished(() => pages.close());
    expect(await pages.get(NAME)).toBeUndefined();
    expect(await pages.put(NAME, page(7), 60_000)).toBe("kept");
    const found = await pages.get(NAME);
    expect(found?.bytes.equals(page(7))).toBe(true);
    expect(found?.leftMs).toBeGreaterThan(50_000);
    expect(found?.leftMs).toBeLessThanOrEqual(60_000);
    expect(await pages.put(NAME, page(6), 60_000)).toBe("older");
    expect(await pages.put(NAME, page(256), 60_000)).toBe("kept");
    await pages.drop(NAME, page(255).subarray(0, 16));
    expect((await pages.get(NAME))?.bytes.equals(page(256))).toBe(true);
    await pages.drop(NAME, page(256).subarray(0, 16));
    expect(await pages.get(NAME)).toBeUndefined();

    for (const index of [0, 1]) expect(await pages.putPiece(NAME, "t", index, every, 60_000)).toBe("kept");
    expect([await pages.hasPieces(NAME, "t", 2), await pages.hasPieces(NAME, "t", 3)]).toEqual([true, false]);
    expect((await pages.piece(NAME, "t", 1))?.equals(every)).toBe(true);
    expect(await pages.piece(NAME, "t", 2)).toBeUndefined();
    expect([await pages.lock(NAME, "one", 60_000), await pages.lock(NAME, "two", 60_000)]).toEqual(["", "one"]);
    await pages.renewLock(NAME, "two", 1);
    await pages.unlock(NAME, "two");
    expect(await pages.lockLeft(NAME)).toBeGreaterThan(50_000);
    await pages.renewLock(NAME, "one", 90_000);
    expect(await pages.lockLeft(NAME)).toBeGreaterThan(60_000);
    await pages.unlock(NAME, "one");
    expect(await pages.lockLeft(NAME)).toBeLessThan(0);

    const keys = await asked(server.port, (redis) => redis.keys("*"));
    expect(keys.toSorted()).toEqual([0, 1].map((index) => `diskcache:shop:r1:c:{${NAME}}:t:${index}`));
  });
});

/** A busy computer does not outlast half of it: without contact, each machine renders for itself. */
const LONG_LEASE = "6s";

interface Answer {
  readonly status: string;
  readonly code: number | undefined;
  readonly coding: string | undefined;
  readonly etag: string;
  readonly body: Buffer;
}

interface Site extends Pick<Machine, "cache" | "errors"> {
  readonly renders: string[];
  /** What the handler of the slow page waits for. */
  slow: Promise<void>;
  /** The answer once its head has come. */
  begin(path: string, headers?: Record<string, string>, method?: string): Promise<IncomingMessage>;
  ask(path: string, headers?: Record<string, string>, method?: string): Promise<Answer>;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
}

/** The machines share a computer that may be busy: what they do when they have no contact is another matter. */
const PATIENT = { lease: "10s", pages: { timeout: 5 } } as const;
const LONG = randomBytes(3 * 262_144 + 5);

async function site(
  to: number | RedisClient,
  options: Partial<RedisTierOptions> = {},
  more: Partial<DiskCacheOptions> = {},
): Promise<Site> {
  const client = typeof to === "number" ? CLIENTS[0]!.make(to) : to;
  const tier = redisTier({ client, name: "shop", lease: LONG_LEASE, ...options });
  const dir = temporary();
  const cache: ExpressDiskCache = diskCache({ dir, ttl: "1h", tier, audit: false, ...more });
  const errors: unknown[] = [];
  cache.on("error", (error) => errors.push(error));
  onTestFinished(() => cache.close());
  const renders: string[] = [];
  const app = express().use(cache);
  app.get("/long", (req, res) => {
    renders.push(req.url);
    res.set("ETag", '"long"').set("Content-Length", String(LONG.length));
    for (let at = 0; at < LONG.length; at += 100_000) res.write(LONG.subarray(at, at + 100_000));
    res.end();
  });
  app.get("/slow", async (req, res) => {
    renders.push(req.url);
    await made.slow;
    res.send("slow page");
  });
  app.get("/hello", (req, res) => {
    renders.push(req.url);
    res.vary("Accept-Language").send(`hello ${req.get("accept-language") ?? ""}`);
  });
  app.get("/reports/:id", (req, res) => {
    renders.push(req.url);
    req.diskCache?.tag(`report:${req.params.id}`);
    res.send(`report ${req.params.id} `.repeat(500));
  });
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const begin: Site["begin"] = async (path, headers = {}, method = "GET") => {
    const asking = request({ port, path, method, headers: { host: "shop.test", ...headers }, agent: false }).end();
    const [response] = (await once(asking, "response")) as [IncomingMessage];
    return response;
  };
  const ask: Site["ask"] = async (...question) => {
    const response = await begin(...question);
    const { "cache-status": status, "content-encoding": coding, etag = "" } = response.headers;
    const body = Buffer.concat(await response.toArray());
    return { code: response.statusCode, status: String(status), coding, etag, body };
  };
  const get: Site["get"] = ask;
  const made: Site = { cache, errors, renders, begin, ask, get, slow: Promise.resolve() };
  return made;
}

function barrier(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
}

/** What the first of them has given to the others. */
const given = (from: Site, puts: number): Promise<void> =>
  eventually(async () => ((await from.cache.stats()).tier?.pages?.puts ?? 0) >= puts);

describe.skipIf(redisVersion === undefined)("machines that share pages over a real server", () => {
  it.each([
    { pages: "plain", more: {} },
    { pages: "sealed", more: { secret: "a secret of thirty-two bytes here" } },
  ])("answer with $pages pages that another one has rendered, short and long", async ({ more }) => {
    const server = await redisServer();
    const [a, b] = [await site(server.port, {}, more), await site(server.port, {}, more)];
    await joined(a, b);
    const [first, long] = [await a.get("/reports/7"), await a.get("/long")];
    await given(a, 2);
    const found = await b.get("/reports/7");
    expect(found.status).toContain("; hit");
    expect(found.body.equals(first.body)).toBe(true);
    expect((await b.get("/long")).body.equals(long.body)).toBe(true);
    expect(long.body.equals(LONG)).toBe(true);
    expect([a.renders, b.renders]).toEqual([["/reports/7", "/long"], []]);
    expect([...a.errors, ...b.errors]).toEqual([]);
  });

  it("find the variant of another machine, also where they have variants of their own", async () => {
    const server = await redisServer();
    const [a, b] = [await site(server.port), await site(server.port)];
    await joined(a, b);
    const hello = async (from: Site, language: string): Promise<string> =>
      (await from.get("/hello", { "accept-language": language })).body.toString();
    await hello(b, "fr");
    await hello(a, "de");
    await given(a, 1);
    expect([await hello(b, "de"), await hello(b, "fr")]).toEqual(["hello de", "hello fr"]);
    expect(b.renders).toHaveLength(1);
  });

  it("share a body that one of them has compressed", async () => {
    const server = await redisServer();
    const more = { compress: true };
    const [a, b] = [await site(server.port, {}, more), await site(server.port, {}, more)];
    await joined(a, b);
    const browser = { "accept-encoding": "br" };
    await a.get("/reports/7", browser);
    await eventually(async () => (await a.get("/reports/7", browser)).coding === "br");
    await given(a, 2);
    const coded = await b.get("/reports/7", browser);
    expect([coded.coding, coded.status]).toEqual(["br", expect.stringContaining("; hit")]);
    expect(b.renders).toEqual([]);
  });

  it("render a cold page once for all that ask for it at once, on whichever machine", async () => {
    const server = await redisServer();
    const open = (): Promise<Site> => site(server.port, PATIENT);
    const sites = await Promise.all([open(), open(), open()]);
    await joined(...sites);
    const rendered = barrier();
    for (const each of sites) each.slow = rendered.passed;
    const asking = Array.from({ length: 60 }, (_, index) => sites[index % 3]!.get("/slow"));
    await eventually(() => sites.some(({ renders }) => renders.length > 0));
    await eventually(async () => {
      const locks = await asked(server.port, (redis) => redis.keys("*:l:*"));
      return locks.length === 1;
    });
    rendered.open();
    const bodies = (await Promise.all(asking)).map(({ body }) => String(body));
    expect(new Set(bodies)).toEqual(new Set(["slow page"]));
    expect(sites.flatMap(({ renders }) => renders)).toEqual(["/slow"]);
    // Given back once it is over.
    await eventually(async () => (await asked(server.port, (redis) => redis.keys("*:l:*"))).length === 0);
  });

  it("render a page once that every process of each of them is asked for at once", async () => {
    const server = await redisServer();
    const [first, second] = [temporary(), temporary()];
    const sites: Site[] = [];
    for (const dir of [first, first, second, second]) sites.push(await site(server.port, PATIENT, { dir }));
    await joined(...sites);
    const renders = (): string[] => sites.flatMap((each) => each.renders);
    const rendered = barrier();
    for (const each of sites) each.slow = rendered.passed;
    const asking = sites.map((each) => each.get("/slow"));
    await eventually(() => renders().length > 0);
    await eventually(async () => (await asked(server.port, (redis) => redis.keys("*:l:*"))).length === 1);
    rendered.open();
    for (const answer of await Promise.all(asking)) expect(answer.body.toString()).toBe("slow page");
    expect(renders()).toEqual(["/slow"]);
  });

  it("leave the refresh of a stale page to the machine that is at it", async () => {
    const server = await redisServer();
    const more = { ttl: 1, stale: "1h" } as const;
    const [a, b] = [await site(server.port, {}, more), await site(server.port, {}, more)];
    await joined(a, b);
    await a.get("/slow");
    await given(a, 1);
    await b.get("/slow");
    const rendered = barrier();
    a.slow = rendered.passed;
    await eventually(async () => (await a.get("/slow")).status.includes("ttl=-"));
    await eventually(() => a.renders.length === 2);
    await eventually(async () => (await asked(server.port, (redis) => redis.keys("*:l:*"))).length === 1);
    for (let n = 0; n < 5; n++) expect((await b.get("/slow")).status).toMatch(/; hit; ttl=-/);
    expect(b.renders).toEqual([]);
    rendered.open();
  });

  it.each([
    { asked: "a part", headers: { range: "bytes=262100-262200" }, status: 206, body: LONG.subarray(262_100, 262_201) },
    { asked: "its last bytes", headers: { range: "bytes=-7" }, status: 206, body: LONG.subarray(-7) },
    { asked: "its head", method: "HEAD", status: 200, body: Buffer.alloc(0) },
    { asked: "whether it is still the same", etag: true, status: 304, body: Buffer.alloc(0) },
    { asked: "all of it, by HTTP/1.0 words", headers: { connection: "close" }, status: 200, body: LONG },
  ])("answer for $asked of a long page, while it arrives and a client leaves", async (one) => {
    const server = await redisServer();
    const [a, b] = [await site(server.port), await site(server.port)];
    await joined(a, b);
    const first = await a.ask("/long");
    await given(a, 1);
    const leaving = await b.begin("/long");
    const headers = one.etag ? { "if-none-match": first.etag } : one.headers;
    const [answer, whole] = await Promise.all([
      b.ask("/long", headers, one.method),
      b.ask("/long"),
      leaving.destroy() as unknown,
    ]);
    expect([answer.code, answer.body.equals(one.body)]).toEqual([one.status, true]);
    expect(whole.body.equals(LONG)).toBe(true);
    expect((await b.ask("/long")).body.equals(LONG)).toBe(true);
    expect(b.renders).toEqual([]);
  });

  it("share nothing of another release, and purge it all the same", async () => {
    const server = await redisServer();
    const [a, b] = [await site(server.port, { release: "1" }), await site(server.port, { release: "2" })];
    await joined(a, b);
    await a.get("/reports/7");
    await given(a, 1);
    await b.get("/reports/7");
    expect(b.renders).toEqual(["/reports/7"]);
    await a.cache.purgeTag("report:7");
    await b.get("/reports/7");
    expect(b.renders).toHaveLength(2);
  });

  it("render for themselves where the server has no memory for pages, or pages are not to be shared", async () => {
    const server = await redisServer("--maxmemory", "1", "--maxmemory-policy", "noeviction");
    const [a, b] = [await site(server.port), await site(server.port)];
    await joined(a, b);
    for (const each of [a, b]) expect((await each.get("/reports/7")).body.toString()).toContain("report 7");
    await eventually(async () => ((await a.cache.stats()).tier?.pages?.skippedPuts ?? 0) > 0);
    expect([...a.errors, ...b.errors]).toEqual([]);
    const alone = await site(server.port, { pages: false });
    await joined(alone);
    expect((await alone.cache.stats()).tier?.pages).toBeUndefined();
  });

  it("go on when the server says nothing more: a few requests wait for a moment, then none", async () => {
    const server = await redisServer();
    const way = await cable(server.port);
    const a = await site(way.port, { whenCutOff: "serve" });
    await joined(a);
    await a.get("/reports/7");
    way.blackHole();
    for (let id = 100; id < 110; id++)
      expect((await a.get(`/reports/${id}`)).body.toString()).toContain(`report ${id}`);
    expect((await a.get("/reports/7")).status).toContain("; hit");
    expect((await a.cache.stats()).tier?.pages?.failures).toBeLessThan(10);
    way.mend();
    await joined(a);
  });

  it("share pages over a cluster, whichever node a page lies on", async () => {
    const cluster = await redisCluster();
    const nodes = cluster.nodes.map(({ port }) => ({ host: "127.0.0.1", port }));
    const [a, b] = [
      await site(new Cluster(nodes, { lazyConnect: true })),
      await site(createCluster({ rootNodes: nodes.map((socket) => ({ socket })) })),
    ];
    await joined(a, b);
    const paths = ["/long", ...Array.from({ length: 12 }, (_, id) => `/reports/${id}`)];
    for (const path of paths) await a.get(path);
    await given(a, paths.length);
    for (const path of paths) expect((await b.get(path)).status).toContain("; hit");
    expect(b.renders).toEqual([]);
  });
});
