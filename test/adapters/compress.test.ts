/** Pages kept compressed beside the form their handler gave them: who gets which, what is made of which, and that no
 * client ever gets bytes of another body. */
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { CacheEvents } from "@diskcache/core";
import { describe, expect, it } from "vitest";
import type { Answer } from "../support/visit.js";
import { ADAPTERS } from "./adapters.js";
import type { Page } from "./adapters.js";
import { openSite } from "./site.js";
import type { Site } from "./site.js";

const HTML = { "Content-Type": "text/html; charset=utf-8" };
const BR = { "accept-encoding": "br" };
const OPTIONS = { ttl: "5m", compress: true } as const;

// Long coded, too.
const WHOLE = Buffer.from(randomBytes(450_000).toString("hex").repeat(2).slice(0, 1_200_000));

/** A page that tells its version on every line. */
function page(version: unknown, lines = 500): string {
  return `<p>Version ${String(version)} of this page.</p>\n`.repeat(lines);
}

type Made = CacheEvents["compressed"];

/** Told when a page has been made in a coding. */
function nextMade(site: Site, url: string, coding: string): Promise<Made> {
  return new Promise((resolve) => {
    const made = (event: Made) => {
      if (event.url !== url || event.coding !== coding) return;
      site.cache.off("compressed", made);
      resolve(event);
    };
    site.cache.on("compressed", made);
  });
}

/** Asks for a stored page in a coding that is not there, and waits until it is.
 * @param headers what else is asked with */
async function have(site: Site, target: string, coding: string, headers: object = {}): Promise<Made> {
  const made = nextMade(site, target, coding);
  await site.visit(target, { headers: { "accept-encoding": coding, ...headers } });
  return made;
}

/** Once this is made, so is all that was wanted before. */
async function everythingMade(site: Site): Promise<void> {
  await site.visit("/sentinel");
  await have(site, "/sentinel", "br");
}

function decoded(answer: Answer): string {
  const coding = answer.header("content-encoding");
  if (coding === "br") return brotliDecompressSync(answer.body).toString();
  if (coding === "gzip") return gunzipSync(answer.body).toString();
  return answer.text;
}

function form(answer: Answer): readonly [status: number, coding: string | undefined, text: string] {
  return [answer.status, answer.header("content-encoding"), decoded(answer)];
}

describe.each(ADAPTERS)("$name: a page that is kept compressed", (adapter) => {
  const open = (answer: () => Page = () => ({ headers: HTML, body: page(1) }), options: object = OPTIONS) =>
    openSite(adapter, { options, handler: answer });

  it("is sent as it is until it is there, and then to each client in the form it takes", async () => {
    const site = await open();
    const miss = await site.visit("/", { headers: BR });
    expect(form(miss)).toEqual([200, undefined, page(1)]);
    const made = await have(site, "/", "br");
    const hit = await site.visit("/", { headers: { "accept-encoding": "gzip, deflate, br" } });
    expect(form(hit)).toEqual([200, "br", page(1)]);
    expect(made).toEqual({ url: "/", coding: "br", bytes: page(1).length, codedBytes: hit.body.length });
    expect(hit.header("content-length")).toBe(String(hit.body.length));
    expect(hit.cacheStatus).toBe("diskcache; hit; ttl=300");
    expect(hit.lines("age")).toEqual(["0"]);
    for (const headers of [{}, { "accept-encoding": "identity" }, { "accept-encoding": "br;q=0.5, identity" }]) {
      const plain = await site.visit("/", { headers });
      expect(form(plain)).toEqual([200, undefined, page(1)]);
      expect(plain.header("content-length")).toBe(String(page(1).length));
    }
    await have(site, "/", "gzip");
    expect(form(await site.visit("/", { headers: { "accept-encoding": "gzip" } }))).toEqual([200, "gzip", page(1)]);
    expect(site.renders).toBe(1);
    expect(await site.cache.stats()).toMatchObject({ stored: 1, compressed: 2, codedHits: 2 });
    expect((await site.cache.stats()).savedBytes).toBeGreaterThan(page(1).length);
    expect(site.errors).toEqual([]);
  });

  it("tells every cache further out that it differs, from the first answer on", async () => {
    const site = await open(() => ({ headers: { ...HTML, Vary: "Accept-Language" }, body: page(1) }));
    const answers = [await site.visit("/")];
    await have(site, "/", "br");
    const etag = (await site.visit("/")).header("etag")!;
    for (const headers of [{}, BR, { "if-none-match": etag }, { "if-none-match": etag, ...BR }])
      answers.push(await site.visit("/", { headers }));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 304, 304]);
    for (const answer of answers) expect(answer.header("vary")).toBe("Accept-Language, Accept-Encoding");
  });

  it("has a strong entity tag of its own in each form, and answers a condition on any of them", async () => {
    const site = await open(() => ({ headers: { ...HTML, ETag: '"v1"' }, body: page(1) }));
    await site.visit("/");
    await have(site, "/", "br");
    for (const [field, etag] of [
      ["br", '"v1-br"'],
      ["identity", '"v1"'],
    ] as const) {
      const headers = { "accept-encoding": field };
      expect((await site.visit("/", { headers })).header("etag")).toBe(etag);
      const unchanged = await site.visit("/", { headers: { ...headers, "if-none-match": etag } });
      expect([unchanged.status, unchanged.header("etag"), unchanged.body.length]).toEqual([304, etag, 0]);
    }
    // Whoever has it as it is need not fetch it again; nor he who has it in a form that is not there just now.
    const asWas = await site.visit("/", { headers: { "accept-encoding": "gzip, br", "if-none-match": '"v1"' } });
    expect([asWas.status, asWas.header("etag")]).toEqual([304, '"v1"']);
    const asGzip = await site.visit("/", { headers: { "accept-encoding": "gzip", "if-none-match": 'W/"v1-gzip"' } });
    expect([asGzip.status, asGzip.header("etag")]).toEqual([304, '"v1-gzip"']);
    for (const headers of [
      { "accept-encoding": "identity", "if-none-match": '"v1-br"' },
      { "accept-encoding": "br", "if-none-match": '"v0-br"' },
    ])
      expect((await site.visit("/", { headers })).status).toBe(200);
  });

  it("has a strong entity tag in a coding where the handler's is weak, or where it gave none", async () => {
    const site = await open(() => ({ headers: { ...HTML, ETag: 'W/"v1"' }, body: page(1) }));
    await site.visit("/");
    await have(site, "/", "br");
    const etag = (await site.visit("/", { headers: BR })).header("etag")!;
    expect(etag).toMatch(/^"[^"]+-br"$/);
    const unchanged = await site.visit("/", { headers: { ...BR, "if-none-match": etag } });
    expect([unchanged.status, unchanged.header("etag")]).toEqual([304, etag]);
  });

  it("answers HEAD as it would answer GET, without the body", async () => {
    const site = await open();
    await site.visit("/");
    await have(site, "/", "br");
    const get = await site.visit("/", { headers: BR });
    const head = await site.visit("/", { method: "HEAD", headers: BR });
    for (const field of ["content-encoding", "content-length", "etag", "vary", "content-type"])
      expect([field, head.header(field)]).toEqual([field, get.header(field)]);
    expect([head.status, head.body.length]).toEqual([200, 0]);
  });

  it("gives pieces of the page as it is, and a coded body only whole", async () => {
    const site = await open(() => ({ headers: { ...HTML, ETag: '"v1"', "Accept-Ranges": "bytes" }, body: page(1) }));
    await site.visit("/");
    await have(site, "/", "br");
    const ask = (headers: object) => site.visit("/", { headers: { range: "bytes=3-9", ...headers } });
    for (const headers of [BR, { ...BR, "if-range": '"v1"' }]) {
      const piece = await ask(headers);
      expect(form(piece)).toEqual([206, undefined, page(1).slice(3, 10)]);
      expect(piece.header("etag")).toBe('"v1"');
    }
    for (const headers of [{ ...BR, "if-range": '"v1-br"' }, { "accept-encoding": "br, identity;q=0" }]) {
      const whole = await ask(headers);
      expect(form(whole)).toEqual([200, "br", page(1)]);
      expect(whole.header("accept-ranges")).toBeUndefined();
    }
  });

  it("is sent coded to whoever refuses it as it is, once it is there", async () => {
    const site = await open();
    await site.visit("/");
    const headers = { "accept-encoding": "gzip;q=0.5, identity;q=0" };
    await have(site, "/", "gzip", headers);
    expect(form(await site.visit("/", { headers }))).toEqual([200, "gzip", page(1)]);
    // RFC 9110 §12.1: nothing that he takes is offered, and his wish is disregarded, as the handler would.
    const none = await site.visit("/", { headers: { "accept-encoding": "*;q=0" } });
    expect(form(none)).toEqual([200, undefined, page(1)]);
  });

  it("is second best to him who likes a coding better that is not there yet", async () => {
    const site = await open();
    await site.visit("/");
    await have(site, "/", "gzip");
    const made = nextMade(site, "/", "br");
    const headers = { "accept-encoding": "gzip, br" };
    expect(form(await site.visit("/", { headers }))).toEqual([200, "gzip", page(1)]);
    expect((await made).coding).toBe("br");
    expect(form(await site.visit("/", { headers }))).toEqual([200, "br", page(1)]);
  });

  it.each([
    { given: "purged", end: async (site: Site) => site.cache.purge("/") },
    { given: "purged by its tag", end: async (site: Site) => site.cache.purgeTag("t") },
    { given: "purged softly", end: async (site: Site) => site.cache.purge({ url: "/", soft: true }) },
    { given: "stale", end: async (site: Site) => site.clock.advance(301) },
  ])("is never sent in the bytes of an earlier body once it was $given", async ({ end }) => {
    const site = await open(() => ({ headers: { ...HTML, "Cache-Tag": "t" }, body: page(site.renders) }));
    await site.visit("/");
    await have(site, "/", "br");
    await have(site, "/", "gzip");
    await end(site);
    for (const field of ["br", "gzip", "identity"])
      expect(form(await site.visit("/", { headers: { "accept-encoding": field } }))).toEqual([200, undefined, page(2)]);
    await have(site, "/", "br");
    expect(form(await site.visit("/", { headers: BR }))).toEqual([200, "br", page(2)]);
  });

  it("need not be made again when it is rendered again with the same bytes", async () => {
    const site = await open();
    await site.visit("/");
    await have(site, "/", "br");
    site.clock.advance(301);
    await site.visit("/");
    expect(form(await site.visit("/", { headers: BR }))).toEqual([200, "br", page(1)]);
    expect([site.renders, (await site.cache.stats()).compressed]).toEqual([2, 1]);
  });

  it("stays so under the fields that a 304 of its handler brings", async () => {
    const site = await openSite(adapter, {
      options: OPTIONS,
      handler: ({ req }) => {
        const headers = { ...HTML, ETag: '"v1"', "Cache-Control": "max-age=60", "X-Render": String(site.renders) };
        return req.headers["if-none-match"] === '"v1"' ? { status: 304, headers } : { headers, body: page(1) };
      },
    });
    await site.visit("/");
    await have(site, "/", "br");
    for (const render of [2, 3]) {
      site.clock.advance(61);
      const validated = await site.visit("/", { headers: BR });
      const hit = await site.visit("/", { headers: BR });
      for (const answer of [validated, hit]) {
        expect(form(answer)).toEqual([200, "br", page(1)]);
        expect([answer.header("x-render"), answer.header("vary")]).toEqual([String(render), "Accept-Encoding"]);
      }
      expect(validated.cacheStatus).toMatch(/fwd-status=304/);
    }
    expect((await site.cache.stats()).compressed).toBe(1);
  });

  it("is sent coded while it is stale and rendered again behind", async () => {
    const site = await open(undefined, { ...OPTIONS, staleWhileRevalidate: "1h" });
    await site.visit("/");
    await have(site, "/", "br");
    site.clock.advance(301);
    expect(form(await site.visit("/", { headers: BR }))).toEqual([200, "br", page(1)]);
  });

  it.each([
    { given: "a short page", page: () => ({ headers: { ...HTML, "Content-Length": "1023" }, body: "x".repeat(1023) }) },
    { given: "a picture", page: () => ({ headers: { "Content-Type": "image/png" }, body: page(1) }) },
    { given: "no-transform", page: () => ({ headers: { ...HTML, "Cache-Control": "no-transform" }, body: page(1) }) },
    // Whoever sends a coding has chosen it by Accept-Encoding, whether he says so or not.
    { given: "coded", page: () => ({ headers: { ...HTML, "Content-Encoding": "x-own" }, body: page(1) }), vary: true },
    {
      given: "choosing by itself",
      page: () => ({ headers: { ...HTML, Vary: "accept-encoding" }, body: page(1) }),
      vary: true,
    },
  ])("is left alone when it is $given", async ({ page: left, vary = false }) => {
    const site = await openSite(adapter, {
      options: OPTIONS,
      handler: ({ req }) => (req.url === "/sentinel" ? { headers: HTML, body: page(1) } : left()),
    });
    const miss = await site.visit("/", { headers: BR });
    const hit = await site.visit("/", { headers: BR });
    await everythingMade(site);
    const later = await site.visit("/", { headers: BR });
    for (const answer of [miss, hit, later])
      expect([answer.header("vary")?.toLowerCase(), answer.header("content-encoding"), answer.body.length]).toEqual([
        vary ? "accept-encoding" : undefined,
        left().headers["Content-Encoding" as never],
        left().body.length,
      ]);
    expect([hit.isHit, (await site.cache.stats()).compressed]).toEqual([true, 1]);
  });

  it("is left alone for a client that wants nothing transformed", async () => {
    const site = await open();
    await site.visit("/");
    await have(site, "/", "br");
    const answer = await site.visit("/", { headers: { ...BR, "cache-control": "no-transform" } });
    expect(form(answer)).toEqual([200, undefined, page(1)]);
  });

  it("is tried once when it hardly gets shorter, and remembered", async () => {
    const noise = randomBytes(8000);
    const site = await openSite(adapter, {
      options: OPTIONS,
      handler: ({ req }) => ({ headers: HTML, body: req.url === "/sentinel" ? page(1) : noise }),
    });
    const made: string[] = [];
    site.cache.on("compressed", ({ url, codedBytes }) => made.push(`${url} ${String(codedBytes !== undefined)}`));
    await site.visit("/");
    await have(site, "/", "br");
    for (let n = 0; n < 3; n++) {
      const hit = await site.visit("/", { headers: BR });
      expect([hit.isHit, hit.header("content-encoding"), hit.body.equals(noise)]).toEqual([true, undefined, true]);
    }
    await everythingMade(site);
    expect(made).toEqual(["/ false", "/sentinel true"]);
  });

  it("is there after a restart, and from the disk alone", async () => {
    const site = await open();
    const headers = { ...BR, host: "www.example.com" };
    await site.visit("/", { headers });
    await have(site, "/", "br", headers);
    await site.cache.close();
    for (const memory of ["64mb", 0]) {
      const next = await open(undefined, { ...OPTIONS, memory, dir: site.dir, clock: site.clock });
      for (const _ of [1, 2]) expect(form(await next.visit("/", { headers }))).toEqual([200, "br", page(1)]);
      expect([next.renders, (await next.cache.stats()).compressed]).toEqual([0, 0]);
    }
  });

  it.each([
    { given: "memory", memory: "64mb" },
    { given: "disk", memory: 0 },
  ])("may be long: a stream of a megabyte, coded from $given", async ({ memory }) => {
    const pieces = () => Array.from({ length: 20 }, (_, n) => WHOLE.subarray(n * 60_000, (n + 1) * 60_000));
    const site = await open(() => ({ headers: HTML, body: Readable.from(pieces()) }), { ...OPTIONS, memory });
    await site.visit("/");
    const { codedBytes } = await have(site, "/", "gzip");
    const hit = await site.visit("/", { headers: { "accept-encoding": "gzip" } });
    // A long page does not wait for a disk that has become slow.
    if (memory !== 0) expect(hit.header("content-encoding")).toBe("gzip");
    const coded = hit.header("content-encoding") === "gzip";
    expect(hit.header("content-length")).toBe(String(coded ? codedBytes : WHOLE.length));
    expect((coded ? gunzipSync(hit.body) : hit.body).equals(WHOLE)).toBe(true);
  });

  it.each([
    { given: "of the route", options: { ttl: "5m" }, policy: { compress: true }, coded: true },
    { given: "of the cache, against that of the route", options: OPTIONS, policy: { compress: false }, coded: false },
    { given: "of the cache under another policy of the route", options: OPTIONS, policy: { ttl: "1m" }, coded: true },
  ] as const)("is so by the word $given", async ({ options, policy, coded }) => {
    const site = await openSite(adapter, {
      options,
      policy: policy as object,
      handler: () => ({ headers: HTML, body: page(1) }),
    });
    const miss = await site.visit("/");
    expect(miss.header("vary")).toBe(coded ? "Accept-Encoding" : undefined);
    if (coded) await have(site, "/", "br");
    expect(form(await site.visit("/", { headers: BR }))).toEqual([200, coded ? "br" : undefined, page(1)]);
  });

  it("is answered before the framework, in the codings of its route", async () => {
    const site = await openSite(adapter, {
      options: { ttl: "5m" },
      policy: { compress: ["gzip"] },
      front: true,
      handler: () => ({ headers: HTML, body: page(1) }),
    });
    await site.visit("/");
    await have(site, "/", "gzip", { "accept-encoding": "br, gzip" });
    expect(form(await site.visit("/", { headers: { "accept-encoding": "br, gzip" } }))).toEqual([200, "gzip", page(1)]);
    expect(site.renders).toBe(1);
  });

  it("is explained in the form it would be sent in", async () => {
    const site = await open();
    const request = (accept: string) => ({
      method: "GET",
      url: "/",
      socket: {},
      headers: { host: new URL(site.origin).host, "accept-encoding": accept },
      rawHeaders: ["Host", new URL(site.origin).host, "Accept-Encoding", accept],
    });
    await site.visit("/");
    const { codedBytes } = await have(site, "/", "br");
    const explained = async (accept: string) => (await site.cache.explain(request(accept) as never)).stored;
    expect(await explained("br")).toMatchObject({ coding: "br", bytes: codedBytes });
    expect(await explained("zstd, gzip")).toMatchObject({ coding: undefined, bytes: page(1).length });
  });

  it("may be closed while it is made", async () => {
    const site = await open(() => ({ headers: HTML, body: page(1, 20_000) }));
    await site.visit("/");
    await site.visit("/", { headers: BR });
    await site.cache.close();
    expect((await site.visit("/", { headers: BR })).cacheStatus).toMatch(/detail=closed/);
    expect([site.errors, (await site.cache.stats()).compressed]).toEqual([[], 0]);
  });
});
